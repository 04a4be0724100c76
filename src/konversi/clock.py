"""The only place that knows the time and chance. Everything else is told, so that it can be tested."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from random import Random
from typing import Protocol

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_chance = Random()  # noqa: S311 - spreads retries; nothing secret rests on it


class Clock(Protocol):
    """What delivery needs of time and chance."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def jitter(self) -> float:
        """A number in [0, 1)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def jitter(self) -> float:
        return _chance.random()


def now() -> float:
    """Unix seconds."""
    return time.time()


def moment() -> str:
    """Now, as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")


def monotonic() -> float:
    """Seconds that never go back, for measuring how long something took."""
    return time.monotonic()


def unique() -> str:
    """26 characters that never come twice and sort by time: 48 bits of milliseconds, then 80 bits of chance."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
