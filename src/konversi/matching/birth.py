"""Dates of birth: `YYYYMMDD`, from 1900 on.

ISO 8601 and `YYYYMMDD` are read as they stand. With the year last, a part above 12 is the day; where both could be the
month, the month comes first, as in Meta's own parameter builder, and a note says so. Source: Meta, Conversions API:
customer information parameters (`db`); the `dobd`, `dobm` and `doby` keys are in Meta's SDKs only.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from konversi.matching.reading import Reading, Remark, Setting

_EPOCH = date(1970, 1, 1)
_LAST_DAY = (date.max - _EPOCH).days
_FIRST_YEAR = 1900
_MONTHS = 12
_DAYS = 31
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/. ]?)([0-9]{1,2})\2([0-9]{1,2})(?:[T ].*)?", re.ASCII)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)

_NO_DATE = Remark(
    None, "birth_date_not_valid", "This is no date of birth since 1900, so it is left out. Send it as 1990-03-05."
)
_NO_PART = Remark(
    None, "birth_part_not_valid", "This is no such part of a date of birth, so it is left out. Send a plain number."
)
_MONTH_FIRST = "Day and month could be exchanged; it was read with the month first. Send the date as 1990-03-05."


def _latest(setting: Setting) -> date:
    """A day late at most, since it is still yesterday somewhere."""
    if setting.day is None or setting.day >= _LAST_DAY:
        return date.max
    return _EPOCH + timedelta(days=setting.day + 1)


def _written(year: str, month: str, day: str, setting: Setting) -> str | None:
    try:
        born = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return born.strftime("%Y%m%d") if born.year >= _FIRST_YEAR and born <= _latest(setting) else None


def birth_date(text: str, setting: Setting) -> Reading:
    text = text.strip()
    if found := _YEAR_FIRST.fullmatch(text):
        year, separator, month, day = found.groups()
        whole = separator or len(month + day) == len("MMDD")
        return (_written(year, month, day, setting) if whole else None) or _NO_DATE
    if not (found := _YEAR_LAST.fullmatch(text)):
        return _NO_DATE
    month, _, day, year = found.groups()
    if int(month) > _MONTHS:
        return _written(year, day, month, setting) or _NO_DATE
    normal = _written(year, month, day, setting)
    if normal and int(day) <= _MONTHS and int(day) != int(month):
        return Remark(normal, "birth_date_read_month_first", _MONTH_FIRST)
    return normal or _NO_DATE


def _part(text: str, lowest: int, highest: int, width: int) -> Reading:
    text = text.strip()
    if _NUMBER.fullmatch(text) and lowest <= int(text) <= highest:
        return text.lstrip("0").zfill(width)
    return _NO_PART


def birth_day(text: str, _setting: Setting) -> Reading:
    return _part(text, 1, _DAYS, 2)


def birth_month(text: str, _setting: Setting) -> Reading:
    return _part(text, 1, _MONTHS, 2)


def birth_year(text: str, setting: Setting) -> Reading:
    return _part(text, _FIRST_YEAR, _latest(setting).year, 4)
