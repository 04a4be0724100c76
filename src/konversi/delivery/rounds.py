"""Delivery only while somebody waits for it: for a process that may be frozen at any other time."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from konversi.clock import monotonic
from konversi.errors import ShuttingDown, StorageUnavailable
from konversi.logs import logger
from konversi.outbox.states import State, Step, after

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from konversi.delivery.dispatcher import Dispatcher
    from konversi.delivery.watch import Watch
    from konversi.outbox.port import Settlement

_LOOK_SECONDS = 0.02


class Rounds:
    """Starts and ends them. Several at the same time share what they deliver."""

    def __init__(self, dispatcher: Callable[[], Dispatcher], watch: Watch) -> None:
        """`dispatcher` gives the one that runs, off duty: it is replaced after a fault."""
        self._dispatcher = dispatcher
        self._watch = watch
        self._open = 0

    async def deliver(self, seconds: float, events: Sequence[int] = ()) -> dict[int, State]:
        """Deliver what is due, so many seconds at most; with `events`, until an attempt with each of them has ended.

        Returns the states of those of which it did. The last third of the time is for what has begun: what goes on
        after it is in doubt if the process is then frozen until its lease ends.
        """
        until = monotonic() + seconds
        begin_until = until - seconds / 3
        states: dict[int, State] = {}
        with ExitStack() as stack:
            waited = {event: stack.enter_context(self._watch.of(event)) for event in events}

            async def look(end: float) -> None:
                await _first_of(waited.values(), min(max(0.0, end - monotonic()), _LOOK_SECONDS))
                for event, step in _ended(waited):
                    if step is Step.SPLIT:  # the batch was refused, which says nothing about this event yet
                        waited[event] = stack.enter_context(self._watch.of(event))
                    else:
                        del waited[event]
                        states[event] = after(State.SENDING, step)

            with self._round():
                while (waited or not events) and monotonic() < begin_until and not await self._idle():
                    await look(begin_until)
            while self._dispatcher().busy and (waited or not self._open) and monotonic() < until:
                await look(until)
            await look(monotonic())  # some may have ended while it was asked whether something is left
        return states

    @contextmanager
    def _round(self) -> Iterator[None]:
        self._open += 1
        self._dispatcher().on_duty = True
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._dispatcher().on_duty = False

    async def _idle(self) -> bool:
        try:
            return await self._dispatcher().idle()
        except (StorageUnavailable, ShuttingDown) as error:
            logger().error("delivery_waits_for_storage", cause=error.detail)
            return True


async def _first_of(attempts: Collection[asyncio.Future[Settlement]], seconds: float) -> None:
    """Until one of them has ended, so many seconds at most."""
    if attempts:
        await asyncio.wait(attempts, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    else:
        await asyncio.sleep(seconds)


def _ended(attempts: dict[int, asyncio.Future[Settlement]]) -> list[tuple[int, Step]]:
    return [(event, attempt.result().step) for event, attempt in attempts.items() if attempt.done()]
