"""One SQLite file and what all stores over it share: the lock, the writer, the readers."""

from __future__ import annotations

import asyncio
import math
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError

from konversi.clock import now
from konversi.database.deleting import contains, put_together, written_anew
from konversi.database.gathering import Gathering
from konversi.database.many_rows import filled
from konversi.database.schema import upgrade
from konversi.database.sqlite import OwnerLock, beside, path_of, reading_engine, writing_engine
from konversi.database.sqlite_driver import cause_of, driver_of
from konversi.database.sqlite_threads import Reader
from konversi.database.sqlite_writer import Writer
from konversi.errors import ShuttingDown, StorageUnavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from konversi.database.left_over import LeftOver
    from konversi.database.port import Driver, Listener

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")

_BACKLOG = 10  # times what is brief: a job of what has waited, with which the writer is done in a moment


class SqliteDatabase:
    """The database of one process. Open it with `SqliteDatabase.open`, inside a running event loop."""

    shared = False

    def __init__(self, path: Path, writer: Writer, reader: Reader, at_hand: Engine, lock: OwnerLock) -> None:
        self.path = path
        self.writer = writer
        self._reader = reader
        self._at_hand = at_hand
        self._looking = at_hand.connect()
        self._look = threading.Lock()
        self._lock = lock
        self._gatherings: list[Callable[[], None]] = []

    @classmethod
    async def open(cls, url: str) -> SqliteDatabase:
        """Take the database over and bring its schema up to date.

        Raises `StorageInUse` where another process has it, `StorageUnavailable` where the folder can't be used.
        """
        path = path_of(url)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageUnavailable(f"{path.parent}: {error.strerror}.") from error
        lock = OwnerLock(path)
        writer = Writer(writing_engine(path))
        try:
            await writer.submit(upgrade)
        except BaseException:
            await writer.aclose()
            lock.release()
            raise
        return cls(path, writer, Reader(reading_engine(path), writer.settle), reading_engine(path), lock)

    def leave_to(self, left_over: LeftOver) -> None:
        """From now on it says what jobs leave for the next transaction."""
        self.writer.left_over = left_over

    @property
    def broken(self) -> str | None:
        """Why the storage can't be trusted any more, if so: then the process has to end."""
        return self.writer.broken

    def now(self) -> float:
        return now()

    def driver(self, connection: Connection) -> sqlite3.Connection:
        return driver_of(connection)

    def among(self, values: Sequence[bytes]) -> tuple[str, Sequence[Any]]:
        places = filled(values)
        return f"IN ({','.join('?' * len(places))})", places

    def as_one(self, columns: str) -> str:
        """Each row that comes to Python by itself is a hand-over of its lock."""
        return f"json_group_array(json_array({columns}))"

    def ids(self, driver: Driver, table: str, number: int) -> Sequence[int]:
        """Nobody else writes, so the next ones are free until this transaction ends."""
        last = driver.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone() if number else None
        first = int(last[0] if last else 0) + 1
        return range(first, first + number)

    def hold(self, connection: Connection, what: str, names: Iterable[bytes]) -> None:
        """Nobody else writes."""

    def tell(self, topic: str, what: str = "") -> None:
        """Nobody else is there."""

    def on(self, topic: str, listener: Listener) -> None:
        """Nobody else is there."""

    async def write(self, job: Callable[[Connection], T], *, brief: bool = False, alone: bool = False) -> T:  # noqa: ARG002
        return await self.writer.submit(job, brief=brief)

    def write_at_once(self, job: Callable[[Connection], T]) -> Sequence[T]:
        results = self.writer.at_once(job, leaves=True)
        for failure in results:
            if isinstance(failure, Exception):
                raise failure
        return results

    async def read(self, job: Callable[[Connection], T]) -> T:
        return await self._reader.submit(job)

    def gathering(
        self,
        job: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        size: Callable[[Item], int],
        brief: int,
        most: int,
        patience: float = 0.0,
        alone: bool = False,  # noqa: ARG002 - a transaction costs nothing here
        leaves: bool = False,
        in_turn: bool = False,
    ) -> Gathering[Item, Result]:
        call, at_once = self.writer.call, self.writer.at_once
        if leaves:
            call, at_once = partial(call, leaves=True), partial(at_once, leaves=True)
        gathering = Gathering(
            call,
            job,
            size=size,
            brief=brief,
            most=most,
            patience=patience,
            promptly=None if patience else at_once,
            at_once=1 if in_turn else None,
            enough=_BACKLOG * brief if in_turn else math.inf,
        )
        self._gatherings.append(gathering.close)
        return gathering

    async def look_up(self, job: Callable[[Connection], T], *, finds_all: bool = False) -> T:
        """In the caller's own thread: handing a look-up to another thread takes ten times as long as doing it."""
        if finds_all:
            await self.writer.settled()
        with self._look:
            if self._looking.closed:
                raise ShuttingDown
            try:
                return job(self._looking)
            except DBAPIError as error:
                raise StorageUnavailable(f"SQLite: {cause_of(error)}.") from error

    def look_ups(
        self, job: Callable[[Connection, Sequence[Item]], Sequence[Result]], *, finds_all: bool = False
    ) -> _LookUps[Item, Result]:
        return _LookUps(self, job, finds_all=finds_all)

    async def scrub(self, needles: Sequence[bytes]) -> None:
        """Writes wait where the file has to be written anew, and not while it is searched.

        What was freed is never copied by what others write meanwhile, so it is found where it was.
        """
        await asyncio.to_thread(self.writer.alone, put_together)
        for end in ("", "-wal"):
            if await asyncio.to_thread(contains, beside(self.path, end), needles):
                await asyncio.to_thread(self.writer.alone, written_anew)
                return

    async def resume(self) -> None:
        """A file does not go away."""

    async def aclose(self) -> None:
        """Finish what was asked, and let another process have the database."""
        for close in self._gatherings:
            close()
        await self.writer.aclose()
        await self._reader.aclose()
        with self._look:
            self._looking.close()
        self._at_hand.dispose()
        self._lock.release()


class _LookUps(Generic[Item, Result]):
    """Each at once: there is nothing to be gained by waiting for others."""

    def __init__(
        self,
        database: SqliteDatabase,
        job: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        finds_all: bool,
    ) -> None:
        self._database = database
        self._job = job
        self._finds_all = finds_all

    async def bring(self, item: Item) -> Result:
        found = await self._database.look_up(
            lambda connection: self._job(connection, [item]), finds_all=self._finds_all
        )
        return found[0]
