"""Threads that each keep a connection to PostgreSQL and take jobs from one queue."""

from __future__ import annotations

import asyncio
import threading
from contextlib import nullcontext, suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from konversi.clock import monotonic
from konversi.database.futures import resolve
from konversi.database.postgres import CommitUnknown, Meaning, driver_of, first_line, meaning, state_of, transaction
from konversi.errors import ShuttingDown, StorageUnavailable
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

T = TypeVar("T")

_TRIES = 8  # of a job that meets others
_LOOK_SECONDS = 0.002
_END_SECONDS = 40.0  # longer than any statement may take: what still runs then waits for a server that stands still
_REST_SECONDS = 0.5  # without a try to reach a server that could not be reached


class _Job(NamedTuple):
    work: Callable[[Connection], Any]
    done: Callable[[Any], None]
    alone: bool


class Workers:
    """So many connections, each in a thread of its own. For the event loop in which it was made.

    A job is a function of a Core connection, run in a transaction. It must bear being run again.
    """

    def __init__(self, engine: Engine, name: str, number: int) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._reach = _Reach(engine)
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{index}", daemon=True) for index in range(number)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[Connection], T], *, alone: bool = False) -> asyncio.Future[T]:
        """Queue a job; the future has its result once that is durable. For the event loop's thread only."""
        future: asyncio.Future[T] = self._loop.create_future()
        self.call(job, partial(resolve, future), alone=alone)
        return future

    def call(
        self, job: Callable[[Connection], Any], done: Callable[[Any], None], *, alone: bool = False, **_how: bool
    ) -> None:
        """Run a job; `done` gets its result, or the exception it ended with, in the event loop's thread.

        One that is `alone` writes with one statement only, and so needs no transaction around it.
        """
        if self._closed:
            done(ShuttingDown())
        else:
            self._jobs.put(_Job(job, done, alone))

    async def aclose(self) -> None:
        """Finish what is queued, then stop. A server that doesn't answer holds up nobody's end for ever."""
        self._closed = True
        until = monotonic() + _END_SECONDS
        for _ in self._threads:
            self._jobs.put(None)
        while any(thread.is_alive() for thread in self._threads) and monotonic() < until:
            await asyncio.sleep(_LOOK_SECONDS)

    def _work(self) -> None:
        keeper = _Keeper(self._reach)
        for job in iter(self._jobs.get, None):
            result = keeper.run(job)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(job.done, result)
        keeper.let_go()


class _Reach:
    """The way to the server. A try that fails may take seconds, and what is queued must not wait for one each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._failed: tuple[float, str] | None = None  # when, why

    def connect(self) -> Connection:
        """A new connection. Raises `StorageUnavailable` where a try has just failed."""
        failed = self._failed
        if failed is not None and monotonic() - failed[0] < _REST_SECONDS:
            raise StorageUnavailable(f"PostgreSQL: {failed[1]}.")
        try:
            connection = self._engine.connect()
        except Exception as error:
            self._failed = (monotonic(), first_line(error))
            raise
        self._failed = None
        return connection


class _Keeper:
    """One connection, made anew whenever it is lost."""

    def __init__(self, reach: _Reach) -> None:
        self._reach = reach
        self._connection: Connection | None = None

    def run(self, job: _Job) -> Any:
        """The job's result, or the exception it ended with."""
        for trial in range(_TRIES):
            kept = self._connection is not None
            try:
                return self._once(job)
            except CommitUnknown as error:
                return self._away(error)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
                what = meaning(error)
                if what is Meaning.MISTAKE:
                    return error
                if what in (Meaning.AWAY, Meaning.ELSEWHERE):
                    lost = self._is_lost()
                    if what is Meaning.ELSEWHERE:
                        self.let_go()
                    # A connection that was kept may have died long ago; a new one says whether the server is there.
                    # Where the server said itself that it ended it, not even a statement that is alone took effect.
                    undone = not job.alone or state_of(error) is not None
                    if not (kept and (what is Meaning.ELSEWHERE or (lost and undone))):
                        return self._away(error)
                elif trial == _TRIES - 1:
                    return self._away(error)
        return StorageUnavailable("PostgreSQL: it was lost again and again.")

    def _once(self, job: _Job) -> Any:
        if self._connection is None:
            self._connection = self._reach.connect()
        with nullcontext() if job.alone else transaction(self._connection):
            return job.work(self._connection)

    def _is_lost(self) -> bool:
        if self._connection is None:
            return True
        # Where a statement of Core's found it lost, Core has given it up already, and won't show the driver's any more.
        if not self._connection.invalidated and not driver_of(self._connection).closed:
            return False
        self.let_go()
        return True

    def _away(self, error: Exception) -> StorageUnavailable:
        self._is_lost()
        cause = first_line(error)
        logger().error("storage_unavailable", cause=cause)
        return StorageUnavailable(f"PostgreSQL: {cause}.")

    def let_go(self) -> None:
        """Close the connection, whatever state it is in."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
