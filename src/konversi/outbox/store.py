"""The outbox in a SQL database: the shared statements, and the hot ones of its dialect."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Protocol

from konversi.clock import monotonic
from konversi.database.opening import open_database
from konversi.database.port import FULL
from konversi.database.slots import Slots
from konversi.database.sqlite_database import SqliteDatabase
from konversi.database.sqlite_driver import driver_of
from konversi.errors import StorageUnavailable
from konversi.outbox import looking, statements
from konversi.outbox.gate import Gate, nobody_objects
from konversi.outbox.hot_sqlite import HotSqlite, last_id
from konversi.outbox.port import Commits
from konversi.outbox.staging import Staging, file_beside, taken_over
from konversi.outbox.states import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Database, Reach
    from konversi.outbox.gate import Objections
    from konversi.outbox.port import (
        Appended,
        Attempt,
        Batch,
        Candidate,
        Choice,
        Counts,
        Course,
        NewEvent,
        Search,
        Settlement,
        Stored,
    )
    from konversi.outbox.states import State

_BRIEF = 200  # events whose insert takes about as long as its commit
_FEW = 4  # requests at once: who bears so few should get no more, while one more or less of many is nothing
_MOST_QUEUED = 50_000  # events that may wait for a commit before the door says 503
_LOOKED_AT, _LATE_AT_ONCE = 50_000, 10_000  # waiting events: of millions, some each time
_EXPIRED_AT_ONCE = 1_000
_MANY, _COUNTED_A_SECOND = 50_000, 100_000  # waiting events: so that counting takes a twentieth of the time at most


class Hot(Protocol):
    """What is quicker in a dialect's own words."""

    def append(self, connection: Connection, groups: Sequence[Sequence[NewEvent]], now: float) -> list[list[Appended]]:
        """Insert all groups with one statement that writes; the verdicts by group."""
        ...

    def homes(self, connection: Connection, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The dataset of each event that there is."""
        ...

    def claim(
        self,
        connection: Connection,
        lane: str,
        now: float,
        lease_until: float,
        choose: Callable[[Sequence[Candidate]], Choice],
    ) -> tuple[Batch | None, Sequence[int]]:
        """The batch, its intent to send written, and the ids that `choose` found expired."""
        ...

    def look_back(self) -> None:
        """An event may be due before those that were seen waiting: for claims that don't look from the start."""
        ...

    def settle_delivered(self, connection: Connection, batch: Batch, settlement: Settlement) -> None:
        """End the attempt and move its events to delivered, unless it has ended before (rescued)."""
        ...


async def open_outbox(url: str, reach: Reach = FULL) -> SqlOutbox:
    """The outbox in the database that the URL names; closing it closes that. Raises as `open_database`."""
    database = await open_database(url, reach)
    if isinstance(database, SqliteDatabase):
        try:
            return SqlOutbox(database, await _hot_sqlite(database))
        except BaseException:
            await database.aclose()  # or this process would keep itself from trying again
            raise
    from konversi.outbox.hot_postgres import HotPostgres  # noqa: PLC0415 - an extra

    return SqlOutbox(database, HotPostgres())


async def _hot_sqlite(database: SqliteDatabase) -> HotSqlite:
    def take_over(connection: Connection) -> tuple[bytes, int]:
        return taken_over(connection, database.path), last_id(driver_of(connection))

    owner, last = await database.write(take_over)
    path = file_beside(database.path)
    try:
        staging = Staging(Slots(path, owner))
    except OSError as error:
        raise StorageUnavailable(f"{path}: {error.strerror}.") from error
    database.leave_to(staging)
    return HotSqlite(last + 1, staging)


class SqlOutbox:
    """The outbox. Open it with `open_outbox`, inside a running event loop."""

    def __init__(self, database: Database, hot: Hot) -> None:
        self.database = database
        self._hot = hot
        self._arrivals = database.gathering(
            self._append, size=len, brief=_BRIEF, most=_MOST_QUEUED, alone=True, leaves=True
        )
        self._look_ups = database.look_ups(self._homes, finds_all=True)
        self._looked_upto: statements.Key | None = None
        self._backlog: looking.Backlog | None = None
        self._counts_until = 0.0
        self._closed = False
        self.objections: Objections = nobody_objects

    @property
    def broken(self) -> str | None:
        """Why the storage can't be trusted any more, if so: then the process has to end."""
        return self.database.broken

    @property
    def commits(self) -> Commits:
        return Commits(self._arrivals.departures, self._arrivals.carried)

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]:
        return await self._arrivals.bring(events)

    def append_at_once(self, events: Sequence[NewEvent]) -> Sequence[Appended] | None:
        """`append` in the caller's own thread; `None` where it would have to wait, and then nothing was done."""
        for verdicts in self.database.write_at_once(lambda connection: self._append(connection, [events])):
            return verdicts[0]
        return None

    def append_within(self, connection: Connection, events: Sequence[NewEvent]) -> Sequence[Appended]:
        """`append` in the transaction that the connection is in: durable with it, or not there at all."""
        return self._append(connection, [events])[0]

    def _append(self, connection: Connection, groups: Sequence[Sequence[NewEvent]]) -> list[list[Appended]]:
        return self._hot.append(connection, groups, self.database.now())

    async def claim(
        self,
        lane: str,
        now: float,
        lease_until: float,
        choose: Callable[[Sequence[Candidate]], Choice],
        *,
        at_once: int | None = None,
    ) -> Batch | None:
        def job(connection: Connection) -> Batch | None:
            if at_once is not None and at_once <= _FEW:
                self.database.hold(connection, "lane", [lane.encode()])
            if at_once is not None and statements.under_way(connection, lane, now) >= at_once:
                return None
            gate = Gate(choose, lambda ids: self.objections(connection, ids))
            while True:
                gate.withheld = {}
                batch, expired = self._hot.claim(connection, lane, now, lease_until, gate.choose)
                if expired:
                    statements.end_expired(connection, expired)
                for id_, reason in gate.withheld.items():
                    statements.withhold(connection, id_, reason)
                if batch is not None or not gate.withheld:
                    return batch

        return await self.database.write(job)

    async def courses(self) -> Sequence[Course]:
        return await self.database.read(statements.courses)

    async def keep_course(self, course: Course) -> None:
        await self.database.write(lambda connection: statements.keep_course(connection, course))

    async def settle(self, batch: Batch, settlement: Settlement) -> None:
        if settlement.step is Step.DELIVER and not settlement.in_doubt:
            settle = self._hot.settle_delivered
            await self.database.write(lambda connection: settle(connection, batch, settlement), alone=True)
            return

        def job(connection: Connection) -> None:
            if statements.end_attempt(connection, batch.attempt, settlement):
                statements.move(connection, batch.ids, settlement)

        await self.database.write(job)
        self._hot.look_back()

    async def extend(self, attempt: int, lease_until: float) -> None:
        await self.database.write(lambda connection: statements.extend(connection, attempt, lease_until))

    async def rescue(self, now: float, step_of: Callable[[str], Step], *, all_leases: bool = False) -> Sequence[int]:
        rescued = await self.database.write(
            lambda connection: statements.rescue(connection, now, step_of, all_leases=all_leases)
        )
        if rescued:
            self._hot.look_back()
        return rescued

    async def expire(self, now: float) -> int:
        """It looks at `_LOOKED_AT` waiting events, and at the following ones when it is called again."""
        expired = 0
        for _ in range(_LOOKED_AT // _LATE_AT_ONCE):
            place = self._looked_upto
            ids, self._looked_upto = await self.database.read(
                lambda connection, place=place: statements.late(connection, now, place, _LATE_AT_ONCE)  # type: ignore[misc]
            )
            for start in range(0, len(ids), _EXPIRED_AT_ONCE):
                some = ids[start : start + _EXPIRED_AT_ONCE]
                expired += await self.database.write(
                    lambda connection, some=some: statements.end_expired(connection, some)  # type: ignore[misc]
                )
            if self._looked_upto is None:
                break
        return expired

    async def hold_tests(self) -> int:
        return await self.database.write(statements.hold_tests)

    async def change(self, event: int, step: Step, *, now: float, reason: str, lane: str | None = None) -> State:
        state = await self.database.write(
            lambda connection: statements.change(connection, event, step, now=now, reason=reason, lane=lane)
        )
        self._hot.look_back()
        return state

    async def prune(self, accepted_before: float, limit: int, failed_before: float | None = None) -> int:
        failed = accepted_before if failed_before is None else failed_before
        return await self.database.write(
            lambda connection: statements.prune(connection, accepted_before, limit, failed)
        )

    async def homes(self, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        return await self._look_ups.bring(ids) if ids else {}

    def _homes(
        self, connection: Connection, asked: Sequence[Sequence[tuple[str, str]]]
    ) -> Sequence[dict[tuple[str, str], str]]:
        return [self._hot.homes(connection, list(chain(*asked)))] * len(asked)

    def homes_within(self, connection: Connection, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """As `homes`, for whoever has a connection."""
        return self._hot.homes(connection, ids) if ids else {}

    async def lanes(self) -> Sequence[tuple[str, float]]:
        return await self.database.read(looking.lanes)

    async def unfinished(self) -> tuple[Sequence[tuple[str, float]], int]:
        return await self.database.read(looking.unfinished)

    async def find(self, event: int) -> Stored | None:
        return await self.database.read(lambda connection: looking.find(connection, event))

    async def search(self, search: Search) -> Sequence[Stored]:
        return await self.database.read(lambda connection: looking.search(connection, search))

    async def attempts(self, ids: Sequence[int]) -> Sequence[Attempt]:
        return await self.database.read(lambda connection: looking.attempts_of(connection, ids))

    async def counts(self) -> Counts:
        """A large backlog is counted again only after a while: its count takes half a second for each million."""
        known = self._backlog if monotonic() < self._counts_until else None
        found, waiting = await self.database.read(lambda connection: looking.counts(connection, known))
        if known is None:
            self._backlog, number = waiting, waiting.number
            self._counts_until = monotonic() + (number / _COUNTED_A_SECOND if number > _MANY else 0.0)
        return found

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.database.aclose()
