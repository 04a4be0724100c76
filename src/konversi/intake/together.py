"""Single events that come at the same moment go to the preparer as a list does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from konversi.database.futures import resolve
from konversi.errors import KonversiError
from konversi.intake.event_lists import Bodies
from konversi.intake.prepare import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from konversi.intake.preparer.messages import Listing
    from konversi.intake.receive import Receipt

_FEW = 6  # events that cost the gateway less than telling another process of them
_LONGEST = 16_384  # bytes
_AT_ONCE = 3  # lists under way, so that what comes meanwhile makes the next one

Accept: TypeAlias = "Callable[[Listing], Awaitable[Sequence[Receipt | Refusal] | None]]"


class Together:
    """Gathers bodies. `accept` is told of a list, and says what became of each, or nothing where it was not done."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._bodies: list[bytes] = []
        self._callers: list[asyncio.Future[Receipt | None]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def accepted(self, body: bytes) -> Receipt | None:
        """The receipt of an event that was accepted together with others.

        `None` where the caller has to accept it alone, or find the words for why not. Raises what `accept` has against
        all of them, a `KonversiError`.
        """
        if len(body) > _LONGEST:
            return None
        loop = asyncio.get_running_loop()
        caller: asyncio.Future[Receipt | None] = loop.create_future()
        if not self._bodies:
            loop.call_soon(self._depart)
        self._bodies.append(body)
        self._callers.append(caller)
        return await caller

    def _depart(self) -> None:
        """Send off those who wait, unless enough are under way: then the end of one of those calls again."""
        if not self._bodies or len(self._under_way) >= _AT_ONCE:
            return
        bodies, self._bodies = self._bodies, []
        callers, self._callers = self._callers, []
        if len(bodies) < _FEW:
            _answer(callers, [None] * len(callers))
            return
        task = asyncio.create_task(self._go(bodies, callers))
        self._under_way.add(task)
        task.add_done_callback(self._back)

    def _back(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._depart()

    async def _go(self, bodies: Sequence[bytes], callers: Sequence[asyncio.Future[Receipt | None]]) -> None:
        try:
            outcomes = await self._accept(Bodies(bodies))
        except KonversiError as error:
            for caller in callers:
                resolve(caller, error)
            return
        except Exception:  # noqa: BLE001 - one event's own: it meets it again when it is alone, and the others don't
            outcomes = None
        _answer(callers, outcomes or [None] * len(callers))


def _answer(callers: Sequence[asyncio.Future[Receipt | None]], outcomes: Sequence[Receipt | Refusal | None]) -> None:
    for caller, outcome in zip(callers, outcomes, strict=True):
        resolve(caller, None if isinstance(outcome, Refusal) else outcome)
