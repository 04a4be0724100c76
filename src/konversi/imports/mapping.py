"""How a file is read: which column is what, the order of its dates, its time zone, its event."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

from konversi.events.names import LEAD, PURCHASE
from konversi.imports.columns import NEEDED_ANY, chosen, guess
from konversi.imports.dates import Order, order_of
from konversi.imports.faults import UnusableColumns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from konversi.imports.sheets import Cell

SAMPLED = 200  # rows
_MONTH_FIRST = frozenset({"US", "PH", "CA"})
# In which nobody writes a fraction, so that 150.000 is a hundred and fifty thousand.
_WITHOUT_FRACTIONS = frozenset(
    {"IDR", "JPY", "KRW", "VND", "CLP", "COP", "CRC", "HUF", "ISK", "PYG", "TWD", "UGX", "XAF", "XOF"}
)
_USUAL_ZONE = {"ID": "Asia/Jakarta"}  # of several: where most of the people live


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user says of a file; what is left open is found in it."""

    event: str | None = None  # Purchase where there are amounts, else Lead
    dataset: str | None = None
    time_zone: str | None = None
    currency: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # field: the column's name


def wishes_of(
    *,
    event: str | None = None,
    dataset: str | None = None,
    time_zone: str | None = None,
    currency: str | None = None,
    column: Iterable[str] = (),
) -> Wishes:
    """From words that users write: each column as FIELD=NAME. Raises `UnusableColumns`."""
    columns = {}
    for one in column:
        name, equals, title = one.partition("=")
        if not equals:
            raise UnusableColumns(f"{one[:60]!r} is not FIELD=NAME.")
        columns[name.strip()] = title.strip()
    return Wishes(event or None, dataset or None, time_zone or None, currency or None, columns)


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read each row."""

    header: tuple[str, ...]
    columns: dict[str, int]
    event: str
    order: Order
    time_zone: str
    currency: str
    dataset: str | None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def decimals(self, currency: str) -> int:
        """How many a written amount may have."""
        return 0 if currency in _WITHOUT_FRACTIONS else 2

    def as_json(self) -> dict[str, Any]:
        """For people and for the database."""
        return {**asdict(self), "order": self.order.value}


def from_json(kept: Mapping[str, Any]) -> Reading:
    """What `as_json` gave."""
    return Reading(**{**kept, "header": tuple(kept["header"]), "order": Order(kept["order"])})


def mapped(
    header: Sequence[Cell], sample: Sequence[Sequence[Cell]], asked: Wishes, *, country: str | None, currency: str
) -> Reading:
    """Raises `UnusableColumns` where nobody can be told from the rows, or the time zone is not known."""
    columns = guess(header, sample)
    try:
        own = chosen(header, asked.columns)
    except ValueError as error:
        raise UnusableColumns(f"{error}.") from None
    columns = {name: index for name, index in columns.items() if index not in own.values()}
    columns = {name: index for name, index in columns.items() if name not in asked.columns} | own
    if not any(name in columns for name in NEEDED_ANY):
        titles = ", ".join(repr(str(title)[:40]) for title in header[:20])
        raise UnusableColumns(f"None of {', '.join(NEEDED_ANY)} was found among {titles}.")
    if "occurred_at" not in columns:
        raise UnusableColumns("No column tells when it happened.")
    day = columns["occurred_at"]
    otherwise = Order.MONTH_FIRST if country in _MONTH_FIRST else Order.DAY_FIRST
    return Reading(
        tuple(str(title)[:80] for title in header),
        columns,
        asked.event or (PURCHASE if "value" in columns else LEAD),
        order_of((row[day] for row in sample if day < len(row)), otherwise),
        zone_of(asked.time_zone, country),
        (asked.currency or currency).upper(),
        asked.dataset,
    )


def zone_of(asked: str | None, country: str | None) -> str:
    """The zone that was asked for, else the country's own where it has one. Raises `UnusableColumns`."""
    if asked is None:
        zones = get_global("territory_zones").get(country or "", [])
        usual = _USUAL_ZONE.get(country or "") or (zones[0] if len(zones) == 1 else None)
        if usual is None:
            raise UnusableColumns("The country has several time zones. Name one: time_zone=America/New_York.")
        return str(usual)
    try:
        return ZoneInfo(asked).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnusableColumns(f"{asked[:60]!r} is no time zone. Name one as Asia/Jakarta.") from None
