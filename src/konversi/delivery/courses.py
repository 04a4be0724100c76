"""What all who deliver a lane should know of it: how its breaker stands, and how many requests it bears. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from konversi.delivery.breaker import Breaker
from konversi.outbox.port import Course

if TYPE_CHECKING:
    from konversi.delivery.pace import Pace


def is_news(before: tuple[Breaker, Pace], after: tuple[Breaker, Pace]) -> bool:
    """Whether others have to hear of it.

    Also that it bears more: who doesn't know would find more under way than it takes for allowed, and never get a turn.
    """
    return before[0] != after[0] or after[1].at_once != before[1].at_once


def course(lane: str, breaker: Breaker, pace: Pace, now: float) -> Course:
    """How the lane is doing."""
    return Course(
        lane, now, pace.at_once, breaker.failures, breaker.rests, breaker.open_until, breaker.cause, breaker.paused
    )


def adopted(told: Course, pace: Pace) -> tuple[Breaker, Pace]:
    """A courier's breaker and pace after it was told."""
    breaker = Breaker(told.failures, told.rests, told.open_until, told.cause, told.paused)
    return breaker, replace(pace, at_once=told.at_once)


def at_start(told: Course, now: float) -> Course:
    """What a process that starts makes of it: perhaps it was started because somebody mended what paused the lane."""
    return told._replace(open_until=now, paused=False) if told.paused else told
