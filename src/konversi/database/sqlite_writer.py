"""Who writes to SQLite: one connection, whose commits many callers share."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import suppress
from functools import partial
from queue import Empty
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import DBAPIError

from konversi.clock import monotonic
from konversi.database.futures import resolve
from konversi.database.left_over import WantsTransaction
from konversi.database.sqlite_driver import begin, cause_of, driver_of, transaction
from konversi.database.sqlite_threads import Job, OneThread
from konversi.errors import ShuttingDown, StorageUnavailable
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from konversi.database.left_over import LeftOver

T = TypeVar("T")

_QUICK_SECONDS = 0.003  # a commit on an SSD takes a tenth of it
_LEFT_SECONDS = 1.0  # that something is left over where nothing else is written or read: others look into the file, too
_NOTICED_SECONDS = 0.03  # that the event loop may stand still: sixty payments together take half of it


class Writer(OneThread):
    """The one connection that writes, and the thread that mostly uses it.

    Whatever is queued when the thread comes round shares one transaction and its fsync. A job is a function of a Core
    connection. When one of several fails, the transaction is rolled back and each job gets one of its own, so that
    nobody pays for another's mistake; jobs must therefore bear being run again.

    A long job ends the turn: sharing its fsync would save next to nothing, and whoever came before it waits for less.

    A brief job doesn't go to the thread while nobody else writes and the disk is quick: waking a thread and being woken
    by it takes as long as a commit. A slow commit ends that until the thread has seen quick ones again, so that a slow
    disk holds up its caller once and not for every event. What comes before the commit is mostly Python, for which the
    loop would wait in the other thread as well; it ends that only where it takes so long that others would notice.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, "konversi-writer")
        self._connection: Connection | None = None
        self._turn = threading.Lock()  # held by whoever uses the connection
        self._quick = False
        self._was_quick = False  # the last transaction
        self.left_over: LeftOver | None = None
        self._comes_back = False  # for what is left over
        self.broken: str | None = None  # set where the storage can't be trusted any more: the process has to end
        self._thread.start()

    def submit(self, job: Callable[[Connection], T], *, brief: bool = False) -> asyncio.Future[T]:
        """Queue a job; the future has its result once that is durable. For the event loop's thread only."""
        future: asyncio.Future[T] = self._loop.create_future()
        self.call(job, partial(resolve, future), brief=brief)
        return future

    def call(
        self,
        job: Callable[[Connection], Any],
        done: Callable[[Any], None],
        *,
        brief: bool = False,
        long: bool = False,
        leaves: bool = False,
    ) -> None:
        """Run a job; `done` gets its result, or the exception it ended with, in the event loop's thread.

        `leaves` says that it may leave something over, and bears what others left.
        """
        if self.broken:
            done(StorageUnavailable(self.broken))
        elif self._closed:
            done(ShuttingDown())
        elif results := self.at_once(job, leaves=leaves) if brief else ():
            done(results[0])
        else:
            self._jobs.put(Job(job, done, long, leaves))

    def at_once(self, job: Callable[[Connection], Any], *, leaves: bool = False) -> Sequence[Any]:
        """Run a brief job in the caller's own thread, whichever that is.

        Its result, or the exception it ended with, as the only item; no item where it was not done: others write, the
        disk is slow, or the writer's thread is gone (the end, or a forked process, which has no right to write).
        """
        if not (self._quick and self._jobs.empty() and self._thread.is_alive() and self._turn.acquire(blocking=False)):
            return ()
        try:
            if self._connection is None or self._closed or self.broken:
                return ()
            results = self._leave(job) if leaves else ()
            if not results:
                begin(driver_of(self._connection), patience=0.0)
                results = self._run([job])
            self._quick = self._was_quick
        except sqlite3.Error:
            self._quick = False  # the thread can wait for whoever has the lock, and has words for what else it is
            return ()
        else:
            return results
        finally:
            self._turn.release()

    async def settled(self) -> None:
        """Have done what is left over, if there is something: whoever reads next finds it done. Raises where it fails.

        The event loop goes on where that takes its time, as with any write.
        """
        if not self._leaves_something:
            return
        results = self.at_once(_nothing)
        if not results:
            await asyncio.sleep(0)  # who may not wait (`intake/prompt.py`) comes no further, and has queued nothing
            await self.submit(_nothing)
        for failure in results:
            if isinstance(failure, Exception):
                raise failure

    def settle(self) -> None:
        """The same, for a thread that may wait."""
        if not self._leaves_something:
            return
        with self._turn:
            if self._connection is None or not self._thread.is_alive():
                raise ShuttingDown
            (failure,) = self._run([_nothing])
        if failure is not None:
            raise failure

    def _come_back(self) -> None:
        """See to it that what is left over is done before long, also where nobody asks: for once, from any thread."""
        if self._leaves_something and not self._comes_back:
            self._comes_back = True
            with suppress(RuntimeError):  # the loop is closed: it is done at the end, or at the next start
                self._loop.call_soon_threadsafe(self._loop.call_later, _LEFT_SECONDS, self._do_left_over)

    def _do_left_over(self) -> None:
        self._comes_back = False
        if self._leaves_something:
            self.call(_nothing, _nothing, brief=True)  # where it fails, that is logged

    @property
    def _leaves_something(self) -> bool:
        return self.left_over is not None and self.left_over.left

    def alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work that bears no transaction, in the caller's thread, while whoever else wants to write waits.

        Raises `ShuttingDown`, or `StorageUnavailable` where it fails.
        """
        with self._turn:
            if self._connection is None or self._closed or self.broken:
                raise ShuttingDown
            if self._leaves_something:
                self._run([_nothing])  # or whoever reads would wait for it until this work is done
            try:
                return work(driver_of(self._connection))
            except sqlite3.Error as error:
                raise self._understood(error) from error

    def _work(self) -> None:
        self._connection = self._opened()
        while True:
            turn = [self._jobs.get()]
            with suppress(Empty):
                while turn[-1] and not turn[-1].long:
                    turn.append(self._jobs.get_nowait())
            jobs = [entry for entry in turn if entry is not None]
            if jobs:
                with self._turn:
                    results = self._leave(jobs[0].work) if len(jobs) == 1 and jobs[0].leaves else ()
                    results = results or self._run([job.work for job in jobs])
                    self._quick = self._quick or self._was_quick
                self._hand_over([job.done for job in jobs], results)
            if len(jobs) < len(turn):
                break
        if self._connection is not None:
            with self._turn:
                if self._leaves_something:
                    self._run([_nothing])
                self._connection.close()
                self._connection = None
                if self.left_over is not None:
                    self.left_over.end()

    def _opened(self) -> Connection | None:
        try:
            return self._engine.connect()
        except Exception as error:  # noqa: BLE001 - told to whoever asks for something
            self._understood(error)
            self.broken = self.broken or f"SQLite: {cause_of(error)}."
            return None

    def _leave(self, job: Callable[[Connection], Any]) -> Sequence[Any]:
        """Have the job leave all that it has to do, outside a transaction: its result, or the exception it ended with.

        No item where it needs a transaction; then nothing was done.
        """
        if self._connection is None or self.broken or self.left_over is None:
            return ()
        if driver_of(self._connection).in_transaction:  # of one who was interrupted: the job would take it for its own
            return ()
        began = monotonic()
        try:
            result = job(self._connection)
        except (WantsTransaction, sqlite3.Error):
            return ()
        except OSError as error:
            return [self._lost(error)]
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
            return [error]
        self._was_quick = monotonic() - began < _QUICK_SECONDS
        self._come_back()
        return [result]

    def _run(self, jobs: list[Callable[[Connection], Any]]) -> list[Any]:
        """Each job's result, or the exception it ended with; what was left before is done with them."""
        if self._connection is None or self.broken:
            return [StorageUnavailable(self.broken or "") for _ in jobs]
        began = monotonic()
        left_over = self.left_over if self._leaves_something else None
        try:
            with transaction(self._connection):
                if left_over is not None:
                    left_over.do(self._connection)
                results = [job(self._connection) for job in jobs]
                done = monotonic()
            if left_over is not None:
                self._done(left_over)
            self._was_quick = monotonic() - done < _QUICK_SECONDS and done - began < _NOTICED_SECONDS
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
            self._was_quick = monotonic() - began < _QUICK_SECONDS
            understood = self._understood(error)
            if len(jobs) > 1 and not self.broken:
                return [result for job in jobs for result in self._run([job])]
            return [understood] * len(jobs)
        else:
            return results

    def _done(self, left_over: LeftOver) -> None:
        """What was left is durable in its place, whatever comes of telling so."""
        try:
            left_over.done()
        except OSError as error:
            self._lost(error)

    def _lost(self, error: OSError) -> StorageUnavailable:
        broken = self._distrusted(error.strerror)
        logger().error("storage_unavailable", cause=error.strerror)
        return StorageUnavailable(broken)

    def _distrusted(self, cause: object) -> str:
        """After a failed flush nobody knows what is on the disk: going on could lose what was promised."""
        self.broken = f"{cause}; the process has to be started again."
        return self.broken

    def _understood(self, error: Exception) -> Exception:
        if not isinstance(error, sqlite3.Error | DBAPIError):
            return error
        cause = cause_of(error)
        if not isinstance(cause, sqlite3.DatabaseError) or isinstance(
            cause, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.DataError
        ):
            return error
        name = getattr(cause, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")):
            self._distrusted(cause)
        logger().error("storage_unavailable", cause=str(cause), sqlite=name)
        return StorageUnavailable(f"SQLite: {cause}.")


def _nothing(_: object) -> None:
    """What is left over is done before it."""
