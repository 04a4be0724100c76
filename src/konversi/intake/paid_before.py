"""What a conversion's customer paid before, by currency. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from konversi.value.lifetime import Paid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from konversi.journeys.attribution import Known
    from konversi.payments.history import Earlier


def own(chats: Iterable[Known], paid: Mapping[int, Sequence[Earlier]], event_id: str) -> list[Paid]:
    """Of all the customer's conversations, without the payment that the conversion itself is about."""
    sums: dict[str, Paid] = {}
    for journey in {one.journey for one in chats}:
        for one in paid.get(journey, ()):
            if one.purchase != event_id:
                before = sums.get(one.currency, Paid(one.currency, 0, Decimal(0)))
                sums[one.currency] = Paid(one.currency, before.payments + 1, before.total + one.amount)
    return list(sums.values())
