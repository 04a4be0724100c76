"""How long everything but events is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from konversi.aftercare.erasing import Erasures
    from konversi.consent.store import Consents
    from konversi.journeys.store import Journeys
    from konversi.payments.store import Payments

_DAY = 86_400
_MESSAGE_DAYS = 14  # platforms repeat a webhook call for a week at most
_AT_ONCE = 1_000  # of each kind: small enough not to stand in anyone's way


class Days(NamedTuple):
    """For how many days each kind is remembered."""

    journeys: int  # after the last message, with clicks and what the agent did
    agents: int  # tool calls and answers
    payments: int  # after the last that was told of one
    consent: int  # what was said and does not count any more
    reports: int  # of erasures
    customers: int  # after the last booking or purchase


def memory(
    journeys: Journeys, payments: Payments, consents: Consents, erasures: Erasures, days: Days
) -> Callable[[float], Awaitable[bool]]:
    """What forgets, given the time (Unix seconds), and says whether there may be more to forget."""

    async def forget(now: float) -> bool:
        forgotten = (
            await payments.forget(now - days.payments * _DAY, _AT_ONCE),
            await consents.forget(now - days.consent * _DAY, _AT_ONCE),
            await journeys.forget_customers(now - days.customers * _DAY, _AT_ONCE),
            await erasures.forget(now - days.reports * _DAY, _AT_ONCE),
        )
        more = await journeys.forget(
            messages_before=now - _MESSAGE_DAYS * _DAY,
            agents_before=now - days.agents * _DAY,
            rest_before=now - days.journeys * _DAY,
            limit=_AT_ONCE,
        )
        return more or max(forgotten) >= _AT_ONCE

    return forget
