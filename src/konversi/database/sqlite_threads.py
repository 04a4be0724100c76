"""A connection of SQLite's and the one thread that uses it; and the reader, which is no more than that."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlalchemy.exc import DBAPIError

from konversi.database.futures import resolve
from konversi.database.sqlite_driver import cause_of
from konversi.errors import ShuttingDown, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

T = TypeVar("T")

_LOOK_SECONDS = 0.002


class Job(NamedTuple):
    """Something to be done with the connection, and who hears of its result or of the exception it ended with."""

    work: Callable[[Connection], Any]
    done: Callable[[Any], None]
    long: bool = False
    leaves: bool = False


class OneThread(ABC):
    """A connection, the thread that uses it, and what is queued for it.

    A thread of its own instead of an executor: those are gone when a script ends, before the gateway in it has closed.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @abstractmethod
    def _work(self) -> None:
        """Do jobs until there is a None."""

    async def aclose(self) -> None:
        """Finish what is queued, then stop."""
        self._closed = True
        self._jobs.put(None)
        while self._thread.is_alive():
            await asyncio.sleep(_LOOK_SECONDS)
        self._engine.dispose()

    def _hand_over(self, waiting: list[Callable[[Any], None]], results: Sequence[Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_tell, waiting, results)


class Reader(OneThread):
    """A connection that can't write, and its thread, so that long reads stand in nobody's way.

    `first` is called before each.
    """

    def __init__(self, engine: Engine, first: Callable[[], None] = lambda: None) -> None:
        super().__init__(engine, "konversi-reader")
        self._first = first
        self._thread.start()

    def submit(self, job: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Queue a query. For the event loop's thread only."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            future.set_exception(ShuttingDown())
            return future
        self._jobs.put(Job(job, partial(resolve, future)))
        return future

    def _work(self) -> None:
        for job in iter(self._jobs.get, None):
            try:
                self._first()
                with self._engine.connect() as connection:
                    result = job.work(connection)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for the job
                result = StorageUnavailable(f"SQLite: {cause_of(error)}.") if isinstance(error, DBAPIError) else error
            self._hand_over([job.done], [result])


def _tell(waiting: list[Callable[[Any], None]], results: Sequence[Any]) -> None:
    for done, result in zip(waiting, results, strict=True):
        done(result)
