"""One PostgreSQL database as a process sees it: threads that write, threads that read, and the server's clock."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

from konversi.clock import now
from konversi.database.gathering import SILENT, Gathering
from konversi.database.port import FULL
from konversi.database.postgres import PostgresDriver, driver_of, engine_of
from konversi.database.postgres_arrays import blobs
from konversi.database.postgres_signals import Signals, seconds_ahead
from konversi.database.postgres_threads import Workers
from konversi.database.schema import prepare
from konversi.errors import DatabaseUnreachable, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Engine

    from konversi.database.port import Driver, Listener, Reach

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")

_GATHERED_AT_ONCE = 2  # commits of one gathering under way: one waits for the disk, one gets ready
_ENOUGH = 1_000  # items whose statement is as quick for each as a larger one's
_MOST_LOOK_UPS = 50_000  # that may wait
_HOLDS = 256
_ANSWER_SECONDS = 45.0  # longer than any statement may take


class PostgresDatabase:
    """A database that many processes share. Open it with `PostgresDatabase.open`, inside a running event loop."""

    shared = True
    broken: str | None = None  # what is away comes back

    def __init__(self, engine: Engine, ahead: float, reach: Reach) -> None:
        self._engine = engine
        self.writers = Workers(engine, "konversi-writer", reach.writers)
        self.readers = Workers(engine, "konversi-reader", reach.readers)
        self._signals = Signals(engine, self.writers, ahead, listens=reach.listens)
        self._gatherings: list[Callable[[], None]] = []

    @classmethod
    async def open(cls, url: str, reach: Reach = FULL) -> PostgresDatabase:
        """Reach the database and bring its schema up to date.

        Raises `DatabaseUnreachable`, and `InvalidSettings` where it can't be used.
        """
        engine = engine_of(url)
        opener = Workers(engine, "konversi-opener", 1)
        try:
            ahead = await opener.submit(_opened)
        except StorageUnavailable as error:
            raise DatabaseUnreachable(error.detail) from error
        finally:
            await opener.aclose()
        return cls(engine, ahead, reach)

    def now(self) -> float:
        """By the server's clock, so that leases end at the same moment for everybody."""
        return now() + self._signals.ahead

    def driver(self, connection: Connection) -> PostgresDriver:
        return PostgresDriver(driver_of(connection))

    def among(self, values: Sequence[bytes]) -> tuple[str, Sequence[Any]]:
        """One value however many there are: the statement is prepared once, and not for each number of them."""
        return "= ANY(?)", (blobs(values),)

    def as_one(self, columns: str) -> str:
        return f"CAST(coalesce(json_agg(json_build_array({columns})), '[]') AS text)"

    def ids(self, driver: Driver, table: str, number: int) -> Sequence[int]:
        """Each is given once, whoever asks at the same time."""
        asked = "SELECT nextval(CAST(? AS regclass)) FROM generate_series(1, ?)"
        return [id_ for (id_,) in driver.execute(asked, (f"{table}_id_seq", number)).fetchall()] if number else ()

    def hold(self, connection: Connection, what: str, names: Iterable[bytes]) -> None:
        """Names share few locks, taken in one order: there is room for them, and nobody waits in a circle."""
        locks = sorted({crc32(name) % _HOLDS for name in names})
        driver_of(connection).execute(
            "SELECT count(pg_advisory_xact_lock(hashtext(%s), one)) FROM unnest(%s::int[]) one",
            (f"konversi {what}", locks),
        )

    def tell(self, topic: str, what: str = "") -> None:
        self._signals.tell(topic, what)

    def on(self, topic: str, listener: Listener) -> None:
        self._signals.on(topic, listener)

    async def write(self, job: Callable[[Connection], T], *, brief: bool = False, alone: bool = False) -> T:  # noqa: ARG002
        return await _answered(self.writers.submit(job, alone=alone))

    def write_at_once(self, job: Callable[[Connection], T]) -> Sequence[T]:  # noqa: ARG002
        """Never: the server is elsewhere."""
        return ()

    def gathering(
        self,
        job: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        size: Callable[[Item], int],
        brief: int,
        most: int,
        patience: float = 0.0,
        alone: bool = False,
        leaves: bool = False,  # noqa: ARG002
        in_turn: bool = False,  # noqa: ARG002 - jobs wait for the server, which does several at once
    ) -> Gathering[Item, Result]:
        gathering = Gathering(
            partial(self.writers.call, alone=alone),
            job,
            size=size,
            brief=brief,
            most=most,
            patience=patience,
            at_once=_GATHERED_AT_ONCE,
            enough=_ENOUGH,
            deadline=_ANSWER_SECONDS,
        )
        self._gatherings.append(gathering.close)
        return gathering

    async def read(self, job: Callable[[Connection], T]) -> T:
        return await _answered(self.readers.submit(job))

    async def look_up(self, job: Callable[[Connection], T], *, finds_all: bool = False) -> T:  # noqa: ARG002
        return await _answered(self.readers.submit(job))

    def look_ups(
        self,
        job: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        finds_all: bool = False,  # noqa: ARG002 - nothing is left over
    ) -> Gathering[Item, Result]:
        gathering = Gathering(
            partial(self.readers.call, alone=True),
            job,
            size=lambda _item: 1,
            brief=_ENOUGH,
            most=_MOST_LOOK_UPS,
            at_once=_GATHERED_AT_ONCE,
            enough=_ENOUGH,
            deadline=_ANSWER_SECONDS,
        )
        self._gatherings.append(gathering.close)
        return gathering

    async def scrub(self, needles: Sequence[bytes]) -> None:
        """The server's own vacuuming does it, in its own time."""

    async def resume(self) -> None:
        """Of several writers or readers, only one each is asked."""
        self._signals.ahead, _ = await asyncio.gather(
            self.writers.submit(seconds_ahead), self.readers.submit(seconds_ahead)
        )

    async def aclose(self) -> None:
        """Finish what was asked."""
        for close in self._gatherings:
            close()
        await self._signals.aclose()
        await self.writers.aclose()
        await self.readers.aclose()
        self._engine.dispose()


async def _answered(result: asyncio.Future[T]) -> T:
    """Raises `StorageUnavailable` where the server accepts connections, and then stands still."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await result
    except TimeoutError:
        raise StorageUnavailable(SILENT) from None


def _opened(connection: Connection) -> float:
    """Prepare the database; the seconds by which its clock is ahead of ours."""
    prepare(connection)
    return seconds_ahead(connection)
