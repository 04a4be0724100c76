"""What follows from Meta's answer: for the batch's events, for its lane's breaker, and for its pace. Pure and total."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from konversi.delivery import breaker as breakers
from konversi.delivery import pace as paces
from konversi.delivery import schedule
from konversi.delivery.plan import MOST_EVENTS, halved
from konversi.meta.answers import Kind, Verdict
from konversi.meta.usage import SLOW_DOWN_AT, Usage
from konversi.outbox.port import Settlement
from konversi.outbox.states import Step

if TYPE_CHECKING:
    from konversi.delivery.breaker import Breaker
    from konversi.delivery.pace import Pace

OnInDoubt = Literal["resend", "hold"]

HELD = (
    "Nobody knows whether Meta has it, and `on_in_doubt: hold` leaves the decision to you: "
    "`konversi events replay RECEIPT` sends it again, `konversi events discard RECEIPT` doesn't. What happened: {}"
)
_UNCLEAR_TRIES = 3  # an unknown fault that comes back so often is suspected to be one event's
_UNCLEAR_END = 12  # tries after which a single event with an unknown fault is given up


class Outlook(NamedTuple):
    """Everything that changes after an answer."""

    settlement: Settlement
    breaker: Breaker
    pace: Pace


def decide(
    verdict: Verdict,
    usage: Usage,
    *,
    events: int,
    tries: int,
    breaker: Breaker,
    pace: Pace,
    now: float,
    jitter: float,
    on_in_doubt: OnInDoubt,
) -> Outlook:
    """The consequences of a verdict on a batch of `events` events, the most tried of them for the `tries`th time."""
    step, due_at, counts = _step(verdict, events, tries, now, jitter, on_in_doubt)
    settlement = Settlement(
        step=step,
        verdict=verdict.kind.value,
        ended_at=now,
        due_at=due_at,
        batch_limit=halved(events) if step is Step.SPLIT else 0,
        in_doubt=verdict.kind is Kind.IN_DOUBT,
        counts_as_try=counts,
        reason=HELD.format(verdict.reason) if step is Step.HOLD else verdict.reason,
        http_status=verdict.http_status,
        code=verdict.code,
        subcode=verdict.subcode,
        fbtrace_id=verdict.fbtrace_id,
        events_received=verdict.events_received,
        answer=verdict.answer,
    )
    return Outlook(settlement, _breaker(verdict, usage, breaker, now, jitter), _pace(verdict, usage, events, pace))


def _step(  # noqa: PLR0911 - a table of kinds
    verdict: Verdict, events: int, tries: int, now: float, jitter: float, on_in_doubt: OnInDoubt
) -> tuple[Step, float, bool]:
    later = now + schedule.delay(tries, jitter)
    match verdict.kind:
        case Kind.DELIVERED:
            return Step.DELIVER, 0.0, True
        case Kind.REFUSED:
            return (Step.SPLIT, now, False) if events > 1 else (Step.REFUSE, 0.0, True)
        case Kind.UNLINKED:
            return (Step.SPLIT, now, False) if events > 1 else (Step.RETRY, later, True)
        case Kind.UNCLEAR:
            if events > 1 and tries >= _UNCLEAR_TRIES:
                return Step.SPLIT, later, True
            return (Step.REFUSE, 0.0, True) if tries >= _UNCLEAR_END else (Step.RETRY, later, True)
        case Kind.PAUSED | Kind.THROTTLED:
            return Step.RETRY, now, False  # the breaker holds the lane: its events are not to blame
        case Kind.IN_DOUBT if on_in_doubt == "hold":
            return Step.HOLD, 0.0, True
        case Kind.FAILED | Kind.IN_DOUBT | Kind.NOT_SENT:
            return Step.RETRY, later, True


def _breaker(verdict: Verdict, usage: Usage, breaker: Breaker, now: float, jitter: float) -> Breaker:
    match verdict.kind:
        case Kind.PAUSED:
            return breakers.paused(breaker, now, verdict.reason)
        case Kind.THROTTLED:
            return breakers.resting(breaker, now, schedule.throttled(usage.wait, jitter), verdict.reason)
        case Kind.FAILED | Kind.NOT_SENT | Kind.UNCLEAR | Kind.IN_DOUBT:
            return breakers.failed(breaker, now, verdict.reason, jitter)
        case Kind.DELIVERED | Kind.REFUSED | Kind.UNLINKED:
            return breakers.succeeded(breaker)


def _pace(verdict: Verdict, usage: Usage, events: int, pace: Pace) -> Pace:
    if verdict.kind is Kind.THROTTLED or usage.percent >= SLOW_DOWN_AT:
        return paces.slower(pace)
    if verdict.kind is Kind.DELIVERED and events >= MOST_EVENTS // 2:
        return paces.quicker(pace)
    return pace
