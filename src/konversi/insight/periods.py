"""A stretch of time as a chart shows it, and the one before it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from konversi.insight.tables import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

PERIODS = {"24h": 1, "7d": 7, "28d": 28}  # to days


class Period(NamedTuple):
    """`steps` are the Unix seconds at which its hours or days begin; `before` shifts each to the period before."""

    name: str
    steps: tuple[int, ...]
    end: float
    before: int  # seconds

    @property
    def start(self) -> int:
        """Unix seconds, at a full hour."""
        return self.steps[0]


def period(name: str, now: float, zone: ZoneInfo) -> Period:
    """One of those that the pages offer."""
    return last_days(PERIODS[name], now, zone)._replace(name=name)


def last_days(days: int, now: float, zone: ZoneInfo) -> Period:
    """The last 24 hours by the hour, or the last days, of which today is one, by the day of this time zone."""
    name = f"{days}d"
    if days == 1:
        this_hour = int(now // HOUR) * HOUR
        return Period(name, tuple(this_hour - back * HOUR for back in reversed(range(24))), now, 24 * HOUR)
    today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    starts = (today - timedelta(days=back) for back in reversed(range(days)))  # wall time: a day may have 23 hours
    steps = tuple(int(start.astimezone(UTC).timestamp() // HOUR) * HOUR for start in starts)
    return Period(name, steps, now, days * 24 * HOUR)


def stretches(of: Period) -> tuple[tuple[int, int, int | None], ...]:
    """What a period is read by: its first hours, then the days of UTC. Each with its unit, its start and its end."""
    midnight = -(-of.start // DAY) * DAY
    return ((HOUR, of.start, midnight), (DAY, midnight, None))


def by_step(hours: Iterable[tuple[int, int]], steps: tuple[int, ...], shift: int = 0) -> list[int]:
    """Sums of (hour, number) for each step, where the hours lie `shift` seconds before."""
    sums = [0] * len(steps)
    place = 0
    for hour, number in sorted(hours):
        while place + 1 < len(steps) and steps[place + 1] <= hour + shift:
            place += 1
        if hour + shift >= steps[place]:
            sums[place] += number
    return sums
