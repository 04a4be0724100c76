"""How long conversations are remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from konversi.journeys.store import Journeys
    from konversi.payments.store import Payments

_DAY = 86_400
_MESSAGE_DAYS = 14  # platforms repeat a webhook call for a week at most
_AT_ONCE = 1_000  # of each kind: small enough not to stand in anyone's way


def memory(journeys: Journeys, payments: Payments, days: int, customer_days: int) -> Callable[[float], Awaitable[bool]]:
    """What forgets, given the time (Unix seconds), and says whether there may be more to forget.

    `days` after its last message a conversation goes, with its clicks and what the agent did in it; a payment as
    long after the last that was told of it. A customer goes `customer_days` after the last booking or purchase.
    """

    async def forget(now: float) -> bool:
        before = now - days * _DAY
        of_customers = now - customer_days * _DAY
        more_customers = await journeys.forget_customers(of_customers, _AT_ONCE) >= _AT_ONCE
        more_payments = await payments.forget(before, _AT_ONCE) >= _AT_ONCE
        more = await journeys.forget(messages_before=now - _MESSAGE_DAYS * _DAY, rest_before=before, limit=_AT_ONCE)
        return more or more_payments or more_customers

    return forget
