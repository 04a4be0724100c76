"""A person's decision about one event: send it again, or don't send it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.access.acting import Action, note
from konversi.errors import InvalidRequest, NotFound, WrongState
from konversi.logs import logger
from konversi.outbox.lanes import Lane
from konversi.outbox.port import receipt
from konversi.outbox.states import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.clock import Clock
    from konversi.outbox.port import Outbox
    from konversi.outbox.states import State


class Decisions:
    """Replays and discards."""

    def __init__(self, outbox: Outbox, *, clock: Clock, test_code: str | None, wake: Callable[[str], None]) -> None:
        self._outbox = outbox
        self._clock = clock
        self._test_code = test_code
        self._wake = wake

    async def replay(self, event: int) -> State:
        """Send it again, as this environment sends. Raises `NotFound`, or `WrongState` where its time is over."""
        stored = await self._outbox.find(event)
        if stored is None:
            raise NotFound
        now = self._clock.now()
        if stored.deadline <= now:
            raise WrongState("It is older than Meta takes.")
        lane = str(Lane.parse(stored.lane)._replace(test_code=self._test_code))
        state = await self._outbox.change(event, Step.REPLAY, now=now, reason="Replayed.", lane=lane)
        logger().info("replayed", receipt=receipt(event))
        note(Action.REPLAY, receipt(event))
        self._wake(lane)
        return state

    async def discard(self, event: int, reason: str) -> State:
        """Don't send it. `reason` is kept with the event."""
        if not reason.strip():
            raise InvalidRequest("reason: say why the event is discarded.")
        state = await self._outbox.change(
            event, Step.DISCARD, now=self._clock.now(), reason=f"Discarded: {reason.strip()[:500]}"
        )
        logger().info("discarded", receipt=receipt(event))
        note(Action.DISCARD, receipt(event))
        return state
