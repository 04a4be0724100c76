"""The pages' two languages: English, in which they are written, and Bahasa Indonesia from a table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal, format_percent

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

NOTHING = "\N{EN DASH}"
NAMES = {"en": "English", "id": "Bahasa Indonesia"}
_UNITS = ((86_400, "{n} d"), (3_600, "{n} h"), (60, "{n} min"))


@cache
def words(code: str) -> dict[str, str]:
    """What stands in the pages to what the language says; English sentences are written there."""
    return tomllib.loads((files("konversi.dashboard") / "words" / f"{code}.toml").read_text("utf-8"))


def of_header(accepted: str) -> Language:
    """The first of our languages in an `Accept-Language`, as browsers order it; English where there is none."""
    for one in accepted.split(","):
        code = one.strip()[:2].lower()
        if code in NAMES:
            return Language(code)
    return Language("en")


@dataclass(frozen=True, slots=True)
class Language:
    """What writes words, numbers and times."""

    code: str

    @property
    def locale(self) -> Locale:
        """For babel."""
        return Locale("id", "ID") if self.code == "id" else Locale("en", "GB")

    def say(self, text: str, **values: Any) -> str:
        """A sentence, with numbers as the language writes them."""
        told = words(self.code).get(text, text)
        if not values:
            return told
        return told.format(**{name: self.number(v) if isinstance(v, int) else v for name, v in values.items()})

    def count(self, one: str, many: str, n: int, **values: Any) -> str:
        """A sentence about `n` things."""
        return self.say(one if n == 1 else many, n=n, **values)

    def number(self, value: float) -> str:
        """A number."""
        return str(format_decimal(value, locale=self.locale))

    def money(self, value: float | None, currency: str | None) -> str:
        """An amount, with as many decimals as it has."""
        if value is None:
            return NOTHING
        return f"{format_decimal(value, '#,##0.###', locale=self.locale)} {currency or ''}".strip()

    def percent(self, share: float) -> str:
        """A share, in whole percent."""
        return str(format_percent(share, "#,##0%", locale=self.locale))

    def round_money(self, value: float | None, currency: str) -> str:
        """An amount to be compared with others; without fractions from a thousand on."""
        if value is None:
            return NOTHING
        whole = abs(value) >= 1_000 or value == round(value)  # noqa: PLR2004 - cents are noise beside it
        pattern = "\xa4\xa0#,##0" if whole else "\xa4\xa0#,##0.00"
        return str(format_currency(value, currency, pattern, self.locale, currency_digits=False))

    def times(self, value: float | None) -> str:
        """How many times as much."""
        return NOTHING if value is None else f"{self.number(value)}\N{MULTIPLICATION SIGN}"

    def share(self, share: float) -> str:
        """A share, in percent with a decimal place where it is small."""
        return str(format_percent(share, "#,##0.#%" if share < 0.1 else "#,##0%", locale=self.locale))  # noqa: PLR2004

    def seconds(self, value: float | None) -> str:
        """A stretch of time in its largest unit."""
        if value is None:
            return NOTHING
        if value < 1:
            return self.say("{n} ms", n=round(value * 1_000))
        for unit, text in _UNITS:
            if value >= unit:
                return self.say(text, n=int(value // unit))
        return self.say("{n} s", n=self.number(round(value, 1)))

    def time(self, at: float | str | None, zone: ZoneInfo) -> str:
        """A moment, given in Unix seconds or ISO 8601."""
        moment = _moment(at)
        return NOTHING if moment is None else str(format_datetime(moment, "d MMM y, HH:mm:ss", zone, self.locale))

    def day(self, day: str | None) -> str:
        """A day, given as ISO 8601 writes it."""
        return NOTHING if day is None else str(format_date(date.fromisoformat(day), "d MMM y", self.locale))

    def step(self, at: float, zone: ZoneInfo, *, hourly: bool) -> str:
        """An hour or a day, as short as it goes."""
        moment = datetime.fromtimestamp(at, UTC).astimezone(zone)
        if hourly:
            return str(format_time(moment, "HH:mm", zone, self.locale))
        return str(format_date(moment.date(), "d MMM", self.locale))


def _moment(at: float | str | None) -> datetime | None:
    if at is None:
        return None
    return datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
