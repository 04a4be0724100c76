"""How many requests at once, and how long to gather before one. Pure.

Natural batching: an idle lane sends what is there at once; while a request is under way, what comes in makes the next
batch. Full batches mean a backlog: then more requests may be under way at once, and fewer after Meta asked to slow down
(additive increase, multiplicative decrease).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_MOST = 16
_GATHER = 0.1  # seconds between the starts of two requests on a busy lane
_PATIENCE = 0.25  # seconds after which a slow request doesn't hold up the next any more


@dataclass(frozen=True, slots=True)
class Pace:
    """A lane's pace."""

    at_once: int = 4
    last_start: float = -1e9  # monotonic seconds
    last_full: bool = False  # the last batch was as full as it can be, so more is waiting
    last_events: int = 0

    def wait(self, under_way: int, now: float) -> float:
        """Seconds until the next request may start, or infinity where one under way has to end first."""
        if under_way >= self.at_once:
            return float("inf")
        if self.last_full:
            return 0.0
        since = now - self.last_start
        if under_way:
            return max(0.0, _PATIENCE - since)
        return max(0.0, _GATHER - since) if self.last_events > 1 else 0.0


def started(pace: Pace, now: float, events: int, *, full: bool) -> Pace:
    """After a request began."""
    return replace(pace, last_start=now, last_full=full, last_events=events)


def quicker(pace: Pace) -> Pace:
    """After a full batch was delivered."""
    return replace(pace, at_once=min(pace.at_once + 1, _MOST))


def slower(pace: Pace) -> Pace:
    """After Meta asked to slow down, or is about to."""
    return replace(pace, at_once=max(pace.at_once // 2, 1))
