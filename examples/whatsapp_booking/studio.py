"""The studio's own data: what it offers, when, and its booking table. Nothing here knows of chats or of Konversi."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

Service = Literal["Repaint Bodi Halus", "Repaint Bodi Kasar", "Repaint Velg", "Repaint Full Body"]
PRICES: dict[Service, int] = dict(zip(get_args(Service), (150_000, 100_000, 200_000, 650_000), strict=True))
"""In whole rupiah."""
HOURS = (9, 10, 11, 13, 14, 15)
"""A job can begin at these hours, each day; the studio has room for one at a time."""
WIB = timezone(timedelta(hours=7), "WIB")

_FIRST_NUMBER = 1001
_TABLE = """
CREATE TABLE IF NOT EXISTS bookings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    day TEXT NOT NULL,
    hour INTEGER NOT NULL,
    service TEXT NOT NULL,
    price INTEGER NOT NULL,
    customer TEXT NOT NULL,
    name TEXT,
    UNIQUE (day, hour)
)
"""


class NotBookable(Exception):
    """Why it can't be booked, in words for the customer."""


class Booking(NamedTuple):
    """One row of the table."""

    id: str
    service: str
    price: int
    day: date
    hour: int


def now_in_jakarta() -> datetime:
    return datetime.now(WIB)  # noqa: TID251 - the bot has a clock of its own


class Studio:
    """Takes bookings. Safe to use from several threads and processes: the table itself refuses a second booking."""

    def __init__(self, database: Path, now: Callable[[], datetime] = now_in_jakarta) -> None:
        self._database = database
        self._now = now
        with closing(self._open()) as table, table:
            table.execute(_TABLE)

    def today(self) -> date:
        return self._now().date()

    def free_hours(self, day: date) -> list[int]:
        with closing(self._open()) as table:
            taken = {hour for (hour,) in table.execute("SELECT hour FROM bookings WHERE day = ?", (day.isoformat(),))}
        return [hour for hour in HOURS if hour not in taken and self._is_ahead(day, hour)]

    def book(self, service: Service, day: date, hour: int, *, customer: str, name: str | None) -> Booking:
        """Book it. Asking for the very same again gives the booking that is there. Raises `NotBookable`."""
        if hour not in HOURS:
            raise NotBookable("Studio tidak menerima motor pada jam itu.")
        if not self._is_ahead(day, hour):
            raise NotBookable("Waktu itu sudah lewat.")
        row = (day.isoformat(), hour, service, PRICES[service], customer, name)
        with closing(self._open()) as table, table:
            table.execute(
                "INSERT INTO bookings (day, hour, service, price, customer, name) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (day, hour) DO NOTHING",
                row,
            )
            there = table.execute(
                "SELECT number, price FROM bookings WHERE day = ? AND hour = ? AND service = ? AND customer = ?",
                (day.isoformat(), hour, service, customer),
            ).fetchone()
        if there is None:
            raise NotBookable("Slot itu sudah terisi.")
        number, price = there
        return Booking(f"BK-{number + _FIRST_NUMBER - 1}", service, price, day, hour)

    def _is_ahead(self, day: date, hour: int) -> bool:
        return datetime.combine(day, time(hour), WIB) > self._now()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=5)
