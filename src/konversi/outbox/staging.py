"""On SQLite, events that came alone: each in a slot of a small file, until the next transaction puts it in its place.

A lone event's own commit would write seven pages behind all others. A slot is one page that is there already.
Nobody sees an event that is staged: whatever else is done with the database puts it in its place first.

An id is given by the one process that writes, in order, and an event goes to its place before a later one does: so of
what is found in the file after a kill, all is in its place that has an id up to the last one there.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from konversi.database import installation
from konversi.database.left_over import WantsTransaction
from konversi.database.slots import NUMBER, Slots, pieces
from konversi.database.sqlite import beside
from konversi.database.sqlite_driver import driver_of
from konversi.errors import StorageUnavailable
from konversi.outbox.hot_sqlite import insert, is_known, last_id
from konversi.outbox.port import NewEvent

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection


class Staging:
    """Which events are staged, for the one process that writes."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._staged: dict[tuple[str, str, str], Staged] = {}

    @property
    def left(self) -> bool:
        return bool(self._staged)

    def do(self, connection: Connection) -> None:
        """Whoever is interrupted between a commit and `done` leaves some that are in their places already."""
        driver = driver_of(connection)
        insert(driver, _out_of_place(driver, self._staged.values()))

    def done(self) -> None:
        self._slots.clear(len(self._staged))
        self._staged.clear()

    def end(self) -> None:
        self._slots.close(needed=self.left)

    def stage(self, driver: sqlite3.Connection, groups: Sequence[Sequence[NewEvent]], id_: int, now: float) -> None:
        """Stage what is appended: one event that is new, small, and to be sent. Durable on return.

        Raises `WantsTransaction` for anything else, and `OSError` as the slots do.
        """
        slot = len(self._staged)
        if len(groups) != 1 or len(groups[0]) != 1 or slot == NUMBER:
            raise WantsTransaction
        event = groups[0][0]
        key = event.event_id, event.event_name, event.dataset
        if event.withheld or key in self._staged or is_known(driver, key):
            raise WantsTransaction
        staged = Staged(id_, now, event)
        piece = staged.packed()
        self._staged[key] = staged  # before it is written: a piece that nobody knows of would never be cleared
        if not self._slots.write(slot, piece):
            del self._staged[key]
            raise WantsTransaction


class Staged(NamedTuple):
    """An event that was accepted and is not in its place yet."""

    id: int
    accepted_at: float
    event: NewEvent

    def packed(self) -> bytes:
        """With the fields' names: a later version may find it, and have others. Raises what it would raise later."""
        fields = self.event._asdict() | {"body": self.event.body.decode()}
        return msgspec.msgpack.encode((self.id, self.accepted_at, fields))

    @classmethod
    def unpacked(cls, piece: bytes) -> Staged:
        id_, accepted_at, fields = msgspec.msgpack.decode(piece)
        return cls(id_, accepted_at, NewEvent(**fields | {"body": fields["body"].encode()}))


def file_beside(database: Path) -> Path:
    """Where the events are staged that belong into this database."""
    return beside(database, "-staged")


def left_staged(connection: Connection, database: Path) -> Sequence[Staged]:
    """What a process that was killed left staged, in order; or one that runs and owns the database.

    Raises `StorageUnavailable` where the file can't be read.
    """
    owner = installation.fact(connection, installation.STAGED_BY)
    if owner is None:
        return []
    path = file_beside(database)
    try:
        found = pieces(path, bytes.fromhex(owner))
    except OSError as error:
        raise StorageUnavailable(f"{path}: {error.strerror}.") from error
    return sorted(_out_of_place(driver_of(connection), map(Staged.unpacked, found)))


def _out_of_place(driver: sqlite3.Connection, staged: Iterable[Staged]) -> list[Staged]:
    last = last_id(driver)
    return [one for one in staged if one.id > last]


def put_in_place(connection: Connection, database: Path) -> None:
    """What a process that was killed left staged, in the transaction that is under way; for who owns the database."""
    insert(driver_of(connection), left_staged(connection, database))


def taken_over(connection: Connection, database: Path) -> bytes:
    """The same, and from now on only what this owner stages counts: a file that was left elsewhere is not ours."""
    put_in_place(connection, database)
    owner = secrets.token_bytes(8)
    installation.keep(connection, installation.STAGED_BY, owner.hex())
    return owner
