"""When to try again (seconds). The end is the event's deadline, not a number of tries. Pure."""

from __future__ import annotations

DELAYS = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0)
THEN_EVERY = 7_200.0
_SHORTEST = 1.0
_THROTTLED_AT_LEAST = 60.0


def delay(tries: int, jitter: float) -> float:
    """Seconds until the next try after `tries` of them (1 or more), with full jitter in [0, 1)."""
    ceiling = DELAYS[tries - 1] if tries <= len(DELAYS) else THEN_EVERY
    return max(_SHORTEST, ceiling * jitter)


def throttled(asked: float, jitter: float) -> float:
    """Seconds to leave a lane alone after Meta asked to slow down; `asked` is what its headers named, or 0."""
    return max(asked, _THROTTLED_AT_LEAST) * (1 + jitter / 4)
