"""A breaker for each lane: it stops asking what can't answer, and looks again now and then. Pure.

Closed: everything is sent. Open: nothing is sent, and events keep their tries. After a time it lets one small batch
through (half-open): success closes it, failure opens it again for longer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

_FAILURES_TO_OPEN = 5
_FIRST_REST = 15.0
_LONGEST_REST = 300.0
_PAUSE = 300.0  # a person has to act: look again every five minutes


class Position(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """What is known of one lane's way to Meta."""

    failures: int = 0  # in a row
    rests: int = 0  # how often it opened in a row
    open_until: float = 0.0
    cause: str = ""  # plain words: why it is open
    paused: bool = False  # only a person can mend it

    def position(self, now: float) -> Position:
        """Whether the lane may send."""
        if not self.open_until:
            return Position.CLOSED
        return Position.OPEN if now < self.open_until else Position.HALF_OPEN


CLOSED = Breaker()


def succeeded(_breaker: Breaker) -> Breaker:
    """After a send that Meta understood, whatever it thought of the events."""
    return CLOSED


def failed(breaker: Breaker, now: float, cause: str, jitter: float) -> Breaker:
    """After a send that got no sensible answer."""
    failures = breaker.failures + 1
    if failures < _FAILURES_TO_OPEN and not breaker.open_until:
        return replace(breaker, failures=failures, cause=cause)
    rest = min(_FIRST_REST * 2 ** min(breaker.rests, 10), _LONGEST_REST) * (0.5 + jitter / 2)
    return Breaker(failures, breaker.rests + 1, now + rest, cause)


def paused(breaker: Breaker, now: float, cause: str) -> Breaker:
    """After an answer that says that nothing can succeed until a person acts."""
    return Breaker(breaker.failures + 1, breaker.rests + 1, now + _PAUSE, cause, paused=True)


def mended(breaker: Breaker, now: float) -> Breaker:
    """After a person acted, by a new token for instance: a paused lane looks again at once, with one small batch."""
    return replace(breaker, open_until=now, paused=False) if breaker.paused else breaker


def resting(breaker: Breaker, now: float, seconds: float, cause: str) -> Breaker:
    """After Meta asked to slow down."""
    return replace(breaker, open_until=now + seconds, cause=cause)
