"""Dates as people write them, in the order that the whole column tells: 13/11 in one row settles 5/6 in another."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from konversi.events.faults import Fault
from konversi.imports.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from konversi.imports.sheets import Cell

NOON = time(12)
_NUMBERS = re.compile(r"([0-9]{1,4})[-/. ]([0-9]{1,2})[-/. ]([0-9]{1,4})")
_NAMED = re.compile(r"(?:[A-Za-z']+,\s*)?([0-9]{1,2})[-\s./]+([A-Za-z]{3,10})\.?[-\s.,/]+([0-9]{4})")
_CLOCK = re.compile(
    r"(?:pukul|jam|at)?\s*([0-9]{1,2})[:.]([0-9]{2})(?:[:.]([0-9]{2})(?:\.[0-9]+)?)?\s*([ap])?\.?(?:m\.?)?"
    r"\s*(?:wib|wita|wit)?",
    re.IGNORECASE,
)
_MONTHS = {name: int(number) for number, names in WORDS["months"].items() for name in names}
_MOST_MONTHS = 12
_NOON_HOUR = 12
_DAY = 86_400
_LONGEST = 100  # characters: what is longer is no date and no time, and not remembered, since it may be anything
_THIS_CENTURY = 2000
_BAD = ("is no date that can be read in only one way.", "Write 2026-11-23, or 2026-11-23 14:30.")


class Order(Enum):
    """Which of two numbers is the day."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"


def order_of(cells: Iterable[Cell | None], otherwise: Order) -> Order:
    """What the column's own dates prove; `otherwise` where they prove nothing."""
    for cell in cells:
        found = _NUMBERS.match(str(cell).strip()) if isinstance(cell, str) else None
        if found is None or len(found[1]) > 2:  # noqa: PLR2004 - a year first has one order only
            continue
        if int(found[1]) > _MOST_MONTHS:
            return Order.DAY_FIRST
        if int(found[2]) > _MOST_MONTHS:
            return Order.MONTH_FIRST
    return otherwise


def moment(day: Cell | None, clock: Cell | None, order: Order, zone: ZoneInfo) -> int | str | Fault | None:
    """Unix seconds, or ISO 8601 with its own zone as it stands; noon where no time is told, `None` for no date."""
    if day is None or day == "":
        return None
    if isinstance(day, str):
        if len(said := day.strip()) > _LONGEST:
            return Fault("occurred_at", "bad_time", *_BAD)
        return _written(said, None if isinstance(clock, str) and len(clock) > _LONGEST else clock, order, zone)
    if isinstance(day, datetime):
        return _seconds(day.date(), _time(clock) or (day.time() if day.time() != time(0) else NOON), zone)
    if isinstance(day, date):
        return _seconds(day, _time(clock) or NOON, zone)
    return Fault("occurred_at", "bad_time", *_BAD)


@lru_cache(maxsize=4_096)  # of a day's rows many say the same
def _written(said: str, clock: Cell | None, order: Order, zone: ZoneInfo) -> int | str | Fault:
    try:
        whole = datetime.fromisoformat(said)
    except ValueError:
        pass
    else:
        if whole.tzinfo is not None:
            return said
        told = _time(clock) or (whole.time() if len(said) > len("2026-11-23") else NOON)
        return _seconds(whole.date(), told, zone)
    for pattern, read in ((_NUMBERS, _from_numbers), (_NAMED, _from_name)):
        found = pattern.match(said)
        day = read(found, order) if found else None
        if found is None or day is None:
            continue
        rest = said[found.end() :].strip(" ,T-")
        by_itself = _time(clock) or (_time(rest) if rest else NOON)
        return Fault("occurred_at", "bad_time", *_BAD) if by_itself is None else _seconds(day, by_itself, zone)
    return Fault("occurred_at", "bad_time", *_BAD)


def _from_numbers(found: re.Match[str], order: Order) -> date | None:
    first, second, third = (int(part) for part in found.groups())
    if len(found[1]) == 4:  # noqa: PLR2004 - a year
        return _date(first, second, third)
    year = third if third > 99 else _THIS_CENTURY + third  # noqa: PLR2004
    day, month = (first, second) if order is Order.DAY_FIRST else (second, first)
    return _date(year, month, day)


def _from_name(found: re.Match[str], _order: Order) -> date | None:
    month = _MONTHS.get(found[2].casefold())
    return _date(int(found[3]), month, int(found[1])) if month else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _time(cell: Cell | None) -> time | None:
    if isinstance(cell, datetime):
        return cell.time()
    if isinstance(cell, time):
        return cell
    if isinstance(cell, timedelta):
        return _since_midnight(cell)
    found = _CLOCK.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if found is None:
        return None
    hour, half = int(found[1]), (found[4] or "").lower()
    if half and 1 <= hour <= _NOON_HOUR:
        hour = hour % _NOON_HOUR + (_NOON_HOUR if half == "p" else 0)
    try:
        return time(hour, int(found[2]), int(found[3] or 0))
    except ValueError:
        return None


def _since_midnight(cell: timedelta) -> time | None:
    seconds = int(cell.total_seconds())
    return time(seconds // 3_600, seconds // 60 % 60, seconds % 60) if 0 <= seconds < _DAY else None


def _seconds(day: date, clock: time, zone: ZoneInfo) -> int | Fault:
    try:
        return int(datetime.combine(day, clock, zone).timestamp())
    except (OverflowError, ValueError, OSError):
        return Fault("occurred_at", "bad_time", *_BAD)
