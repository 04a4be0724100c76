"""What many callers bring in one round of the event loop becomes one job, and so one commit."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from konversi.errors import Overloaded, ShuttingDown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from konversi.database.sqlite_threads import Writer

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gathering(Generic[Item, Result]):
    """Collects items and hands them to the writer, with one result each.

    `size` tells how much an item is. Up to `brief` of it is written in about the time of its commit; more than `most`
    may not wait. With `patience` (seconds) it waits for more, for items that nobody is in a hurry for.
    """

    def __init__(
        self,
        writer: Writer,
        job: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        size: Callable[[Item], int],
        brief: int,
        most: int,
        patience: float = 0.0,
    ) -> None:
        self._writer = writer
        self._job = job
        self._size = size
        self._brief = brief
        self._most = most
        self._patience = patience
        self._items: list[Item] = []
        self._callers: list[asyncio.Future[Result]] = []
        self._queued = 0
        self._closed = False

    async def bring(self, item: Item) -> Result:
        """The item's result, once it is durable. Raises `Overloaded`, `ShuttingDown` or `StorageUnavailable`."""
        if self._closed:
            raise ShuttingDown
        size = self._size(item)
        if self._queued + size > self._most:
            raise Overloaded
        loop = asyncio.get_running_loop()
        caller: asyncio.Future[Result] = loop.create_future()
        if not self._items:
            loop.call_later(self._patience, self.depart) if self._patience else loop.call_soon(self.depart)
        self._queued += size
        self._items.append(item)
        self._callers.append(caller)
        return await caller

    def depart(self) -> None:
        """Hand over what there is."""
        items, callers = self._items, self._callers
        if not items:
            return
        self._items, self._callers = [], []
        size = sum(map(self._size, items))
        brief = size <= self._brief
        self._writer.call(
            lambda connection: self._job(connection, items),
            partial(self._answer, callers, size),
            brief=brief,
            long=not brief,
        )

    def close(self) -> None:
        """Take nothing more; those who came in this very round still go."""
        self._closed = True
        self.depart()

    def _answer(
        self, callers: Sequence[asyncio.Future[Result]], size: int, results: Sequence[Result] | Exception
    ) -> None:
        self._queued -= size
        for index, caller in enumerate(callers):
            if caller.done():
                continue
            if isinstance(results, Exception):
                caller.set_exception(results)
            else:
                caller.set_result(results[index])
