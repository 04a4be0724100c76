"""The open alerts, as the banner of some pages shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.alerts.rules import Severity
from konversi.outbox.states import State

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

_ORDER = tuple(Severity)
# An alert is over when its cause stayed away for a while. What a person has just decided about is not told any more.
_ABOUT = {"events_held": State.HELD, "events_refused": State.DEAD, "events_expired": State.EXPIRED}


async def open_alerts(gateway: Gateway) -> list[dict[str, Any]]:
    """As `GET /v1/alerts` has them, the worst first, of those the oldest; without those about events that are gone."""
    states = (await gateway.outbox.counts()).states
    gone = {rule for rule, state in _ABOUT.items() if not states[state]}
    left = [one for one in await gateway.alerts.open() if one["rule"] not in gone]
    return sorted(left, key=lambda one: -_ORDER.index(Severity(one["severity"])))
