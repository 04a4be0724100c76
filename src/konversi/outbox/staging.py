"""On SQLite, events that came alone: one row in a small table, until the next transaction puts it where it belongs.

A lone event's own commit would touch seven pages, and touches one or two so: a fifth of the time that its caller waits.
Nobody sees an event that is staged: whatever else is done with the database puts it in its place first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.database.sqlite_driver import driver_of
from konversi.outbox.hot_sqlite import EVENT_COLUMNS, place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from konversi.outbox.port import NewEvent

_MOST = 8  # rows: more of them are more pages
_LARGEST = 3_000  # bytes of a body: about a page

_STAGE = (
    f"INSERT INTO staged_events ({EVENT_COLUMNS}, lane) SELECT {','.join('?' * 18)}"  # noqa: S608 - ours
    " WHERE NOT EXISTS (SELECT 1 FROM events WHERE event_id = ? AND event_name = ? AND dataset = ?)"
)


class Staging:
    """Which events are staged, for the one process that writes."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str, str]] = set()  # may have some of a transaction that failed, and misses none
        self._may_stage = False
        self._places = False

    @property
    def left(self) -> bool:
        """Whether there may be any."""
        return bool(self._keys)

    def begin(self, connection: Connection, *, lone: bool) -> None:
        """A transaction begins. One that only appends, alone, may stage; any other finds all events in their places."""
        self._places = False
        self._may_stage = lone and len(self._keys) < _MOST
        if self._keys and not self._may_stage:
            self.place(driver_of(connection))

    def place(self, driver: sqlite3.Connection) -> None:
        """Put them in their places, in the transaction that is under way."""
        place(driver)
        self._may_stage, self._places = False, True

    def kept(self) -> None:
        """The transaction is durable."""
        if self._places:
            self._keys.clear()

    def stage(self, driver: sqlite3.Connection, groups: Sequence[Sequence[NewEvent]], id_: int, now: float) -> bool:
        """Stage what is appended, if it is one event that may be; else all that were staged are in their places now."""
        if self._may_stage and len(groups) == len(groups[0]) == 1 and self._staged(driver, groups[0][0], id_, now):
            return True
        if self._keys and not self._places:
            self.place(driver)
        return False

    def _staged(self, driver: sqlite3.Connection, event: NewEvent, id_: int, now: float) -> bool:
        lane, dataset, name, event_id, booking_id, event_time, deadline, digest, body, *rest, withheld = event
        key = event_id, name, dataset
        if withheld or len(body) > _LARGEST or key in self._keys:
            return False
        row = id_, dataset, name, event_id, booking_id, event_time, now, deadline, digest, body.decode(), *rest, lane
        if not driver.execute(_STAGE, (*row, *key)).rowcount:
            return False
        self._keys.add(key)
        return True
