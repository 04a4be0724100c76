"""The outbox on SQLite: the shared statements and the hot ones, run by the one writer and one reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.clock import now as wall_clock
from konversi.database.sqlite_database import SqliteDatabase
from konversi.database.sqlite_threads import driver_of
from konversi.outbox import hot_sqlite, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from konversi.outbox.port import (
        Appended,
        Attempt,
        Batch,
        Candidate,
        Choice,
        Counts,
        NewEvent,
        Search,
        Settlement,
        Stored,
    )
    from konversi.outbox.states import State, Step

_BRIEF = 200  # events whose insert takes about as long as its commit
_MOST_QUEUED = 50_000  # events that may wait for a commit before the door says 503


class SqliteOutbox:
    """The outbox of one process. Open it with `SqliteOutbox.open`, inside a running event loop."""

    def __init__(self, database: SqliteDatabase, next_id: int) -> None:
        self.database = database
        self._next_id = next_id
        self._arrivals = database.gathering(self._append, size=len, brief=_BRIEF, most=_MOST_QUEUED)
        self._closed = False

    @classmethod
    async def open(cls, url: str) -> SqliteOutbox:
        """Take the database over; raises as `SqliteDatabase.open`. Closing the outbox closes it."""
        database = await SqliteDatabase.open(url)
        return cls(database, await database.write(_first_free_id))

    @property
    def broken(self) -> str | None:
        """Why the storage can't be trusted any more, if so: then the process has to end."""
        return self.database.broken

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]:
        return await self._arrivals.bring(events)

    def _append(self, connection: Connection, groups: Sequence[Sequence[NewEvent]]) -> list[list[Appended]]:
        verdicts, self._next_id = hot_sqlite.append(driver_of(connection), groups, self._next_id, wall_clock())
        return verdicts

    async def claim(
        self, lane: str, now: float, lease_until: float, choose: Callable[[Sequence[Candidate]], Choice]
    ) -> Batch | None:
        def job(connection: Connection) -> Batch | None:
            batch, expired = hot_sqlite.claim(driver_of(connection), lane, now, lease_until, choose)
            if expired:
                statements.end_expired(connection, expired)
            return batch

        return await self.database.write(job)

    async def settle(self, batch: Batch, settlement: Settlement) -> None:
        def job(connection: Connection) -> None:
            if not statements.end_attempt(connection, batch.attempt, settlement):
                return
            if hot_sqlite.is_plain_delivery(settlement):
                hot_sqlite.settle_delivered(driver_of(connection), batch.ids)
            else:
                statements.move(connection, batch.ids, settlement)

        await self.database.write(job)

    async def extend(self, attempt: int, lease_until: float) -> None:
        await self.database.write(lambda connection: statements.extend(connection, attempt, lease_until))

    async def rescue(self, now: float, step_of: Callable[[str], Step], *, all_leases: bool = False) -> Sequence[int]:
        return await self.database.write(
            lambda connection: statements.rescue(connection, now, step_of, all_leases=all_leases)
        )

    async def expire(self, now: float) -> int:
        expired = 0
        while some := await self.database.write(lambda connection: statements.expire(connection, now)):
            expired += some
        return expired

    async def hold_tests(self) -> int:
        return await self.database.write(statements.hold_tests)

    async def change(self, event: int, step: Step, *, now: float, reason: str, lane: str | None = None) -> State:
        return await self.database.write(
            lambda connection: statements.change(connection, event, step, now=now, reason=reason, lane=lane)
        )

    async def prune(self, accepted_before: float, limit: int) -> int:
        return await self.database.write(lambda connection: statements.prune(connection, accepted_before, limit))

    async def homes(self, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        return await self.database.look_up(lambda connection: hot_sqlite.homes(driver_of(connection), ids))

    async def lanes(self) -> Sequence[tuple[str, float]]:
        return await self.database.read(statements.lanes)

    async def find(self, event: int) -> Stored | None:
        return await self.database.read(lambda connection: statements.find(connection, event))

    async def search(self, search: Search) -> Sequence[Stored]:
        return await self.database.read(lambda connection: statements.search(connection, search))

    async def attempts(self, ids: Sequence[int]) -> Sequence[Attempt]:
        return await self.database.read(lambda connection: statements.attempts_of(connection, ids))

    async def counts(self) -> Counts:
        return await self.database.read(statements.counts)

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.database.aclose()


def _first_free_id(connection: Connection) -> int:
    last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'events'").scalar()
    return int(last or 0) + 1
