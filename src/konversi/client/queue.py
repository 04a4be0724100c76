"""What waits for a gateway elsewhere: bookings go first, and no note takes the place of one."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from konversi.clock import monotonic
from konversi.errors import GatewayUnreachable, NotAGateway, Overloaded, ShuttingDown, StorageUnavailable
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
MOST = 10_000  # of each kind
_AT_ONCE = 16  # requests under way
_NOTES_AT_ONCE = 12  # of these, so that no booking waits for notes whose answer doesn't come
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0  # seconds after which a gateway that took nothing is tried again
_DRAIN_SECONDS = 3.0
_LAST_WORDS_SECONDS = 1.0
_PASSING = (GatewayUnreachable, Overloaded, ShuttingDown, StorageUnavailable)
_WAITS = "It is tried again, and what is reported waits in memory."
_DROPPED = "Bookings are kept, but no more tool calls and turns until the gateway at KONVERSI_URL takes them again."
_GIVEN_UP = "The gateway at KONVERSI_URL did not take it before this process ended: start it, and report again."


class _Kind(IntEnum):
    """In the order of sending."""

    BOOKING = 0
    NOTE = 1


@dataclass(slots=True, eq=False)
class _Waiting:
    kind: _Kind
    ask: Callable[[float], Awaitable[Any]]
    answered: asyncio.Future[Any]
    since: float

    def fail(self, error: Exception) -> None:
        if not self.answered.done():  # whoever asked may have gone
            self.answered.set_exception(error)


class Queue:
    """Asks the gateway, and again while it can't take what it is asked to. Belongs to one event loop.

    An `ask` is given the seconds that it waited. What the gateway says of a request itself is raised to its caller.
    """

    def __init__(self) -> None:
        self._lines: dict[_Kind, deque[_Waiting]] = {kind: deque() for kind in _Kind}
        self._under_way: dict[_Waiting, asyncio.Task[None]] = {}
        self._pause = _FIRST_PAUSE
        self._longest_pause = _LONGEST_PAUSE
        self._reopening: asyncio.TimerHandle | None = None  # nothing is sent until then
        self._ended = False
        self._has_said = False
        self._dropped = 0

    async def book(self, ask: Callable[[float], Awaitable[T]]) -> T:
        """What the gateway answers in the end. Raises `Overloaded` where too many bookings wait already."""
        if self._number(_Kind.BOOKING) >= MOST:
            raise Overloaded("Too much waits for the gateway.")
        answer: T = await self._enter(_Kind.BOOKING, ask)
        return answer

    async def note(self, ask: Callable[[float], Awaitable[Any]]) -> None:
        """Return once the gateway has it, or at once where too many notes wait: then this one is dropped."""
        if self._number(_Kind.NOTE) < MOST:
            await self._enter(_Kind.NOTE, ask)
            return
        if not self._dropped:
            logger().warning("notes_dropped", remedy=_DROPPED)
        self._dropped += 1

    async def end(self) -> None:
        """What waits still goes out if the gateway takes it soon; the rest fails with what kept it."""
        self._longest_pause = self._pause = _FIRST_PAUSE
        self._reopen()
        left = [*chain(*self._lines.values()), *self._under_way]
        if left:
            await asyncio.wait([one.answered for one in left], timeout=_DRAIN_SECONDS)
        if number := sum(map(self._number, _Kind)):
            logger().error("queue_given_up", waiting=number, remedy=_GIVEN_UP)
        if self._dropped:
            logger().warning("notes_dropped", dropped=self._dropped, remedy=_DROPPED)
        self._ended = True
        for one in chain(*self._lines.values()):
            one.fail(GatewayUnreachable("Not before this process ended."))
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=_LAST_WORDS_SECONDS)
        left_over = [*self._under_way.values()]
        for task in left_over:
            task.cancel()
        await asyncio.gather(*left_over, return_exceptions=True)

    def _number(self, kind: _Kind) -> int:
        return len(self._lines[kind]) + sum(one.kind is kind for one in self._under_way)

    async def _enter(self, kind: _Kind, ask: Callable[[float], Awaitable[Any]]) -> Any:
        waiting = _Waiting(kind, ask, asyncio.get_running_loop().create_future(), monotonic())
        self._lines[kind].append(waiting)
        self._send()
        return await waiting.answered

    def _send(self) -> None:
        while self._reopening is None and len(self._under_way) < _AT_ONCE and (one := self._next()) is not None:
            self._under_way[one] = asyncio.create_task(self._try(one))

    def _next(self) -> _Waiting | None:
        notes = sum(one.kind is _Kind.NOTE for one in self._under_way)
        for kind, line in self._lines.items():
            while line and (kind is not _Kind.NOTE or notes < _NOTES_AT_ONCE):
                one = line.popleft()
                if not one.answered.done():
                    return one
        return None

    async def _try(self, one: _Waiting) -> None:
        try:
            answer = await one.ask(monotonic() - one.since)
        except NotAGateway as error:
            one.fail(error)
        except _PASSING as error:
            self._put_back(one, error)
        except Exception as error:  # noqa: BLE001 - it is raised to whoever asked
            self._pause = _FIRST_PAUSE
            one.fail(error)
        except BaseException:
            one.fail(GatewayUnreachable("Not before this process ended."))
            raise
        else:
            self._pause = _FIRST_PAUSE
            if not one.answered.done():
                one.answered.set_result(answer)
        finally:
            del self._under_way[one]
            self._send()

    def _put_back(self, one: _Waiting, error: Exception) -> None:
        """At the end of its line: what alone can't be taken must not keep the others from being sent."""
        if self._ended:
            one.fail(error)
            return
        self._lines[one.kind].append(one)
        if not self._has_said:
            self._has_said = True
            logger().warning("gateway_not_reached", remedy=_WAITS)
        if self._reopening is None:  # else another request that was under way has closed it
            self._reopening = asyncio.get_running_loop().call_later(self._pause, self._reopen)
            self._pause = min(2 * self._pause, self._longest_pause)

    def _reopen(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None
        self._send()
