"""What many callers bring in one round of the event loop becomes one job, and so one commit."""

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from konversi.database.futures import resolve
from konversi.errors import Overloaded, ShuttingDown, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

Item = TypeVar("Item")
Result = TypeVar("Result")

SILENT = "The database does not answer."
_ALONE_IN_A_ROW = 4  # items that go alone before the event loop has its turn again
_COMPANY_SECONDS = 1.0
_LONE = 2  # how much an item may be that came alone: an event, or a message and its call
_NO_ITEMS_FAULT = (StorageUnavailable, ShuttingDown)


class Call(Protocol):
    """Has a job done; `done` gets its result, or the exception it ended with, in the event loop's thread."""

    def __call__(
        self, job: Callable[[Connection], Any], done: Callable[[Any], None], *, brief: bool, long: bool
    ) -> None: ...


class Gathering(Generic[Item, Result]):
    """Collects items and hands them to the writer, with one result each.

    `size` tells how much an item is. Up to `brief` of it is written in about the time of its commit; more than `most`
    may not wait. With `patience` (seconds) it waits for more, for items that nobody is in a hurry for. With `at_once`
    no more than so many jobs are under way, of about `enough` each, and what comes meanwhile makes the next one.
    Nobody waits longer than `deadline` (seconds) for his result, which may still come to be.
    `promptly` does a job within the call, where the writer can: then who comes alone does not wait for the loop's next
    round, which takes a fifth of a commit. Who had company lately does, since those of a round share a transaction, and
    a list is company by itself. So does every fifth in a row: whoever brings one after the other would give nobody else
    a turn.

    A job that fails for some item's sake is done again in halves, until that item is alone: it fails nobody else.
    """

    def __init__(
        self,
        call: Call,
        job: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        *,
        size: Callable[[Item], int],
        brief: int,
        most: int,
        patience: float = 0.0,
        at_once: int | None = None,
        enough: float = math.inf,
        deadline: float | None = None,
        promptly: Callable[[Callable[[Connection], Any]], Sequence[Any]] | None = None,
    ) -> None:
        self._call = call
        self._job = job
        self._size = size
        self._brief = brief
        self._most = most
        self._patience = patience
        self._at_once = at_once
        self._enough = enough
        self._deadline = deadline
        self._promptly = promptly
        self._alone = 0  # items in a row that went alone
        self._company_until = 0.0  # in the loop's time
        self._under_way = 0
        self._items: list[Item] = []
        self._callers: list[asyncio.Future[Result]] = []
        self._queued = 0
        self._closed = False
        self._calling = False  # for a job to be done, which may be at once
        self._goes_on = False  # in the next round of the event loop
        self.departures = 0  # jobs handed over
        self.carried = 0  # how much was in them

    async def bring(self, item: Item) -> Result:
        """The item's result, once it is durable. Raises `Overloaded`, `ShuttingDown` or `StorageUnavailable`."""
        if self._closed:
            raise ShuttingDown
        size = self._size(item)
        if self._queued + size > self._most:
            raise Overloaded
        loop = asyncio.get_running_loop()
        if self._promptly is not None and size <= _LONE and self._goes_alone(loop.time()):
            self._alone += 1
            for result in self._promptly(lambda connection: self._job(connection, [item])):
                return self._of_one(result, size)
        caller: asyncio.Future[Result] = loop.create_future()
        if not self._items:
            loop.call_later(self._patience, self.depart) if self._patience else loop.call_soon(self._depart_together)
        self._queued += size
        self._items.append(item)
        self._callers.append(caller)
        if self._deadline is None:
            return await caller
        try:
            async with asyncio.timeout(self._deadline):
                return await caller
        except TimeoutError:
            raise StorageUnavailable(SILENT) from None

    def _goes_alone(self, now: float) -> bool:
        is_alone = not self._items and not self._under_way
        return is_alone and self._alone < _ALONE_IN_A_ROW and now >= self._company_until

    def _of_one(self, results: Sequence[Result] | Exception, size: int) -> Result:
        self.departures += 1
        self.carried += size
        if isinstance(results, Exception):
            raise results
        return results[0]

    def _depart_together(self) -> None:
        self._alone = 0
        if self._queued > _LONE or len(self._items) > 1:
            self._company_until = asyncio.get_running_loop().time() + _COMPANY_SECONDS
        self.depart()

    def depart(self) -> None:
        """Hand over what there is, unless enough is under way: then the end of one of those calls again."""
        while self._items and (self._closed or self._at_once is None or self._under_way < self._at_once):
            self._hand_over()
            if self._goes_on and not self._closed:
                break

    def _hand_over(self) -> None:
        number, size = 0, 0
        while number < len(self._items) and (number == 0 or size < self._enough):
            size += self._size(self._items[number])
            number += 1
        items, self._items = self._items[:number], self._items[number:]
        callers, self._callers = self._callers[:number], self._callers[number:]
        self.departures += 1
        self.carried += size
        waited_for = bool(self._items)  # whoever writes much at a time, in many jobs, does it in nobody's way
        self._send(items, callers, brief=size <= self._brief and not waited_for, long=size > self._brief)

    def _send(
        self, items: Sequence[Item], callers: Sequence[asyncio.Future[Result]], *, brief: bool, long: bool
    ) -> None:
        self._under_way += 1
        self._calling = True
        try:
            self._call(
                lambda connection: self._job(connection, items),
                partial(self._answer, items, callers),
                brief=brief,
                long=long,
            )
        finally:
            self._calling = False

    def close(self) -> None:
        """Take nothing more; those who came in this very round still go."""
        self._closed = True
        self.depart()

    def _answer(
        self, items: Sequence[Item], callers: Sequence[asyncio.Future[Result]], results: Sequence[Result] | Exception
    ) -> None:
        self._under_way -= 1
        if len(items) > 1 and isinstance(results, Exception) and not isinstance(results, _NO_ITEMS_FAULT):
            half = len(items) // 2
            for part in (slice(half), slice(half, None)):
                self._send(items[part], callers[part], brief=False, long=False)
            return
        self._queued -= sum(map(self._size, items))
        for index, caller in enumerate(callers):
            resolve(caller, results if isinstance(results, Exception) else results[index])
        if self._at_once is None or not self._items:
            return
        if self._calling:  # it was done within the call: the next one goes once others had their turn
            self._goes_on = True
            asyncio.get_running_loop().call_soon(self._go_on)
        else:
            self.depart()

    def _go_on(self) -> None:
        self._goes_on = False
        self.depart()
