"""How little Meta takes: some sets of match keys are refused as too broad to find anybody.

Source: Meta, Conversions API: best practices (baseline requirements); error subcode 2804050.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.events.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

TOO_BROAD: tuple[frozenset[str], ...] = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
_WEAK = frozenset().union(*TOO_BROAD)  # any other key is enough by itself
_FAULT = Fault(
    field="customer",
    code="customer_insufficient",
    detail="holds too little for Meta to find anybody.",
    remedy="Add a phone number, an e-mail address, your customer number (external_id), or the ad's click id.",
)


def too_little(user_data: Mapping[str, object]) -> Fault | None:
    """The fault, if Meta would refuse an event with these match keys only."""
    keys = user_data.keys()
    if not keys <= _WEAK:
        return None
    return _FAULT if any(keys <= broad for broad in TOO_BROAD) else None
