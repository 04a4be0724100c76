"""Carries everything from an SQLite database to PostgreSQL: all tables, with their ids.

Rows go over in batches, in the order of their primary key. A batch and how far it came are one transaction, so a move
that was killed goes on behind the last batch that arrived. At the end both sides are counted and digested.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, Integer, SmallInteger, String

from konversi.clock import monotonic
from konversi.database import installation
from konversi.database.digests import Digest, digest_of, digest_query
from konversi.database.direct import transaction
from konversi.database.postgres import DriverError, driver_of
from konversi.database.sqlite_driver import driver_of as sqlite_driver_of
from konversi.errors import MoveRefused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection, Table

_BATCH_ROWS = 10_000
_BATCH_BYTES = 8_000_000  # of texts: what a batch may take in memory
_LOOK_SECONDS = 0.1
_ID = "move_id"  # of the source: what is moved twice is told from what is resumed
_TELLS_APART = (*installation.OF_THIS_DATABASE, _ID)
_NOT_MOVED = ", ".join(f"'{name}'" for name in _TELLS_APART)


# Also those of a move that was killed a moment ago: the server soon notices.
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'konversi' AND pid <> pg_backend_pid()
"""
_ALONE = 0x4B4F4E56_0004  # an advisory lock


def alone(target: Connection, patience: float = 10.0) -> None:
    """Make sure that no other Konversi works on the target. Raises `MoveRefused` where one still does, in seconds."""
    until = monotonic() + patience
    while True:
        ((got,),) = _rows(target, "SELECT pg_try_advisory_lock(%s)", _ALONE)
        ((others,),) = _rows(target, _OTHERS)
        if got and not others:
            return
        if monotonic() > until:
            raise MoveRefused("Another Konversi process is connected to the target. Stop it.")
        time.sleep(_LOOK_SECONDS)


class Compared(NamedTuple):
    """One table on both sides."""

    table: str
    here: Digest
    there: Digest

    @property
    def equal(self) -> bool:
        """Whether both hold the same rows."""
        return self.here == self.there


class _Progress(NamedTuple):
    """How far the move has come: the primary key of the last row that arrived, by table."""

    source: str
    reached: dict[str, list[Any]]

    def written(self) -> str:
        return json.dumps(self._asdict(), default=lambda value: {"hex": value.hex()})

    @classmethod
    def read(cls, text: str) -> _Progress:
        said = json.loads(text)
        keys = {table: [_key(part) for part in parts] for table, parts in said["reached"].items()}
        return cls(said["source"], keys)


def _key(part: Any) -> Any:
    return bytes.fromhex(part["hex"]) if isinstance(part, dict) else part


class Move:
    """From `source` (SQLite, owned by this process) to `target`, both brought to this version's schema."""

    def __init__(self, source: Connection, target: Connection, tables: Sequence[Table]) -> None:
        """Begin, or go on. Raises `MoveRefused` where the target holds something else."""
        self._source, self._target, self._tables = source, target, tables
        with transaction(source):
            own = installation.fact(source, _ID) or secrets.token_hex(16)
            installation.keep(source, _ID, own)
        known = installation.fact(target, installation.MOVE)
        self.ended_before = known == "done" and installation.fact(target, _ID) == own
        if known is not None and known != "done":
            self._progress = _Progress.read(known)
            if self._progress.source != own:
                raise MoveRefused("The target holds part of another move. Give an empty database.")
            return
        self._progress = _Progress(own, {})
        if not self.ended_before:
            self._refuse_a_full_target()
            with transaction(target):
                installation.keep(target, installation.MOVE, self._progress.written())

    def _refuse_a_full_target(self) -> None:
        for table in self._tables:
            if table.name == "installation":
                held = installation.fact(self._target, installation.SECRET) is not None
            else:
                held = bool(_rows(self._target, f'SELECT 1 FROM "{table.name}" LIMIT 1'))  # noqa: S608 - ours
            if held:
                raise MoveRefused(f"The target holds something already (table {table.name}). Give an empty database.")

    def number(self) -> tuple[int, int]:
        """How many rows there are, and how many of them have arrived."""
        here = sum(self._count(table) for table in self._tables)
        arrived = sum(_rows(self._target, f'SELECT count(*) FROM "{table.name}"')[0][0] for table in self._tables)  # noqa: S608 - ours
        return here, min(here, arrived)

    def _count(self, table: Table) -> int:
        found = self._here.execute(f'SELECT count(*) FROM "{table.name}" WHERE {_moved(table)}')  # noqa: S608 - ours
        return int(found.fetchone()[0])

    @property
    def _here(self) -> sqlite3.Connection:
        return sqlite_driver_of(self._source)

    def carry(self, arrived: Callable[[int], None]) -> None:
        """Copy what is not there yet; `arrived` hears of each batch's rows. Raises `MoveRefused` for one that fails."""
        for table in self._tables:
            while number := self._carry_batch(table):
                arrived(number)
        for table in self._tables:
            self._set_sequence(table)
        driver_of(self._target).execute("ANALYZE")

    def _carry_batch(self, table: Table) -> int:
        batch, size = [], 0
        for row in self._following(table):
            batch.append(row)
            size += sum(len(value) for value in row if isinstance(value, str | bytes))
            if len(batch) == _BATCH_ROWS or size > _BATCH_BYTES:
                break
        if not batch:
            return 0
        places = [list(table.columns).index(column) for column in table.primary_key.columns]
        reached = {**self._progress.reached, table.name: [batch[-1][place] for place in places]}
        progress = self._progress._replace(reached=reached)
        try:
            with transaction(self._target):
                with driver_of(self._target).cursor().copy(_copy_into(table)) as copy:
                    for row in batch:
                        copy.write_row(row)
                installation.keep(self._target, installation.MOVE, progress.written())
        except DriverError as error:
            if (error.sqlstate or "").startswith("22"):
                raise MoveRefused(_misfit(table, batch)) from None
            raise
        self._progress = progress
        return len(batch)

    def _following(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """The rows behind the last one that arrived."""
        keys = ", ".join(f'"{column.name}"' for column in table.primary_key.columns)
        after = self._progress.reached.get(table.name, [])
        behind = f"({keys}) > ({', '.join('?' * len(after))})" if after else "true"
        query = f'SELECT {_columns(table)} FROM "{table.name}" WHERE {behind} AND {_moved(table)} ORDER BY {keys}'  # noqa: S608 - ours
        cursor = self._here.execute(query, after)
        try:
            yield from cursor
        finally:
            cursor.close()

    def _set_sequence(self, table: Table) -> None:
        """Ids go on behind the highest that was ever given here: a receipt must never come twice."""
        named = _rows(self._target, "SELECT pg_get_serial_sequence(%s, 'id')", table.name) if "id" in table.c else []
        if not named or named[0][0] is None:
            return
        (highest,) = self._here.execute(f'SELECT max(id) FROM "{table.name}"').fetchone()  # noqa: S608 - ours
        given = self._here.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table.name,)).fetchone()
        last = max(highest or 0, given[0] if given else 0)
        if last:
            driver_of(self._target).execute("SELECT setval(%s::regclass, %s)", (named[0][0], last))

    def compared(self) -> Iterator[Compared]:
        """Each table, counted and digested on both sides."""
        for table in self._tables:
            query = f'SELECT {_columns(table)} FROM "{table.name}" WHERE {_moved(table)}'  # noqa: S608 - ours
            here = digest_of(self._here.execute(query), table)
            ((number, high, low),) = _rows(self._target, digest_query(table, _moved(table)))
            yield Compared(table.name, here, Digest(int(number), int(high), int(low)))

    def end(self) -> None:
        """Let gateways start on the target, and no more on the source."""
        if not self.ended_before:
            with transaction(self._target):
                installation.keep(self._target, _ID, self._progress.source)
                installation.keep(self._target, installation.MOVE, "done")
        with transaction(self._source):
            installation.keep(self._source, installation.MOVED, "to PostgreSQL")


def _rows(target: Connection, query: str, *values: Any) -> list[Any]:
    return driver_of(target).execute(query.encode(), values or None).fetchall()


def _moved(table: Table) -> str:
    """Which rows go over, in both dialects' words."""
    return f"name NOT IN ({_NOT_MOVED})" if table.name == "installation" else "true"


def _columns(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _copy_into(table: Table) -> bytes:
    return f'COPY "{table.name}" ({_columns(table)}) FROM STDIN'.encode()


def _misfit(table: Table, batch: Sequence[Sequence[Any]]) -> str:
    """Which value PostgreSQL can't hold: SQLite doesn't mind how long a text is. The value itself is not shown."""
    for row in batch:
        key = ", ".join(str(row[place]) for place, column in enumerate(table.columns) if column.primary_key)
        for column, value in zip(table.columns, row, strict=True):
            if isinstance(value, str) and "\0" in value:
                return f"{table.name} {key}: {column.name} holds a NUL character, which PostgreSQL can't."
            most = column.type.length if isinstance(column.type, String) else None
            if isinstance(value, str) and most and len(value) > most:
                return f"{table.name} {key}: {column.name} is longer than {most} characters."
            room = 2**15 if isinstance(column.type, SmallInteger) else 2**31
            room = 2**63 if isinstance(column.type, BigInteger) else room
            if isinstance(column.type, Integer) and isinstance(value, int) and not -room <= value < room:
                return f"{table.name} {key}: {column.name} is too large a number."
    return f"{table.name}: a row holds what PostgreSQL can't."
