"""One courier for each lane: claims its batches, sends them, and settles what came of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from konversi.clock import monotonic
from konversi.delivery import breaker as breakers
from konversi.delivery import courses
from konversi.delivery import pace as paces
from konversi.delivery.breaker import CLOSED, Breaker, Position
from konversi.delivery.decide import decide
from konversi.delivery.log_lines import say_outcome, say_sending
from konversi.delivery.pace import Pace
from konversi.delivery.plan import MOST_BYTES, MOST_EVENTS, next_batch
from konversi.errors import StorageUnavailable
from konversi.logs import logger
from konversi.meta.answers import Kind
from konversi.outbox.lanes import Lane
from konversi.outbox.port import Settlement
from konversi.outbox.states import Step

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from konversi.clock import Clock
    from konversi.delivery.destination import Destination
    from konversi.delivery.watch import Watch
    from konversi.meta.graph import Credentials, Sent
    from konversi.outbox.port import Batch, Course, Outbox

    Share: TypeAlias = Callable[[Course], None]

_LEASE = 30.0  # seconds from the claim on; extended every third of it while a send takes long
_LOOK_AGAIN = 30.0  # seconds without a sign: ask the outbox all the same
_STORAGE_REST = 1.0
_PROBE = 10  # events sent to see whether a lane works again
_TOO_LATE = "The process stood still after it had claimed the event, and did not send it."


class Sender(Protocol):
    """Takes a batch to Meta."""

    async def send(self, to: Credentials, data: bytes, *, events: int, test_code: str | None) -> Sent:
        """Never raises for what the network does."""
        ...


@dataclass(slots=True)
class Tally:
    """What a courier has done since it started, for the metrics."""

    requests: dict[str, int] = field(default_factory=dict)  # by verdict
    events: dict[str, int] = field(default_factory=dict)  # by verdict
    seconds: float = 0.0  # spent waiting for answers


class Courier:
    """Delivers one lane."""

    def __init__(
        self,
        lane: str,
        outbox: Outbox,
        sender: Sender,
        destination: Callable[[], Destination | None],
        *,
        clock: Clock,
        watch: Watch,
        share: Share,
    ) -> None:
        """`share` lets others who deliver the lane know how it is doing."""
        self.lane = lane
        self.breaker: Breaker = CLOSED
        self.pace = Pace()
        self.tally = Tally()
        self.on_duty = True
        self._test_code = Lane.parse(lane).test_code
        self._outbox = outbox
        self._sender = sender
        self._destination = destination
        self._clock = clock
        self._watch = watch
        self._share = share
        self._signal = asyncio.Event()
        self._under_way: set[asyncio.Task[bool]] = set()
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether a batch is being claimed or is on its way."""
        return bool(self._under_way)

    def wake(self) -> None:
        """Something is to be sent, or something changed."""
        self._signal.set()

    def look_again(self) -> None:
        """How the dataset is reached has changed: what is paused is tried at once."""
        self.breaker = breakers.mended(self.breaker, self._clock.now())
        self._signal.set()

    def adopt(self, course: Course) -> None:
        """Another process knows better how the lane is doing."""
        self.breaker, self.pace = courses.adopted(course, self.pace)
        self._signal.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is under way has ended."""
        self._stopping = True
        self._signal.set()

    async def run(self) -> None:
        """Deliver until stopped."""
        async with asyncio.TaskGroup() as sends:
            while not self._stopping:
                self._signal.clear()  # before looking, so that no sign is lost
                await self._sleep(await self._step(sends))

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(min(seconds, _LOOK_AGAIN)):
                await self._signal.wait()
        except TimeoutError:
            return

    async def _step(self, sends: asyncio.TaskGroup) -> float:
        """Start one request if it is time. Returns the seconds until the next look."""
        now = self._clock.now()
        position = self.breaker.position(now)
        if position is Position.OPEN:
            return self.breaker.open_until - now
        destination = self._destination()
        if not self.on_duty:
            return _LOOK_AGAIN
        if destination is None or (position is Position.HALF_OPEN and self._under_way):
            return _LOOK_AGAIN
        wait = self.pace.wait(len(self._under_way), monotonic())
        if wait > 0:
            if wait <= 1:
                await self._gather(wait)
            return 0.0 if wait <= 1 else _LOOK_AGAIN
        most = _PROBE if position is Position.HALF_OPEN else MOST_EVENTS
        # With a backlog, several claims share a commit: nobody waits for what one of them finds.
        claimed = None if self.pace.last_full else asyncio.get_running_loop().create_future()
        task = sends.create_task(self._carry(destination, most, claimed))
        self._under_way.add(task)
        task.add_done_callback(self._finished)
        return await claimed if claimed else 0.0

    async def _gather(self, seconds: float) -> None:
        """Let events gather: signs of new ones don't cut it short, but the end of a request does."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)

    async def _carry(self, destination: Destination, most: int, claimed: asyncio.Future[float] | None) -> bool:
        """Claim a batch and deliver it. `claimed` gets the seconds until the next look, as soon as they are known.

        Returns whether the lane has to be looked at again now.
        """
        began, now = monotonic(), self._clock.now()
        try:
            choose = partial(next_batch, now=now, most=most)
            batch = await self._outbox.claim(self.lane, now, now + _LEASE, choose, at_once=self.pace.at_once)
            rest = 0.0 if batch else await self._until_due()
        except StorageUnavailable as error:
            logger().error("delivery_waits_for_storage", lane=self.lane, cause=error.detail)
            batch, rest = None, _STORAGE_REST
        events = len(batch.ids) if batch else 0
        full = batch is not None and _is_full(batch, most)
        started = monotonic() if batch else self.pace.last_start
        self.pace = paces.started(self.pace, started, events, full=full)
        if claimed and not claimed.done():
            claimed.set_result(rest)
        if batch and monotonic() - began >= _LEASE:
            await self._leave(batch)
        elif batch:
            await self._deliver(batch, destination, began)
        return batch is not None or claimed is None

    def _finished(self, task: asyncio.Task[bool]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is None and task.result():
            self._signal.set()  # there is room for the next request

    async def _until_due(self) -> float:
        due = dict(await self._outbox.lanes()).get(self.lane)
        return _LOOK_AGAIN if due is None else max(0.05, due - self._clock.now())

    async def _leave(self, batch: Batch) -> None:
        """The process stood still for so long that others may have rescued the batch: sending would double it."""
        logger().warning("woke_too_late", attempt=batch.attempt, events=len(batch.ids))
        now = self._clock.now()
        await self._settle(
            batch,
            Settlement(
                Step.RETRY, Kind.NOT_SENT.value, ended_at=now, due_at=now, counts_as_try=False, reason=_TOO_LATE
            ),
        )

    async def _deliver(self, batch: Batch, destination: Destination, claimed: float) -> None:
        """Send it, and settle what came of it. `claimed` are the monotonic seconds at which its lease began."""
        say_sending(batch)
        began = monotonic()
        async with self._keeping(batch.attempt, claimed):
            sent = await self._sender.send(destination.to, batch.data, events=len(batch.ids), test_code=self._test_code)
        verdict = sent.verdict
        outlook = decide(
            verdict,
            sent.usage,
            events=len(batch.ids),
            tries=batch.tries,
            breaker=self.breaker,
            pace=self.pace,
            now=self._clock.now(),
            jitter=self._clock.jitter(),
            on_in_doubt=destination.on_in_doubt,
        )
        before, self.breaker, self.pace = (self.breaker, self.pace), outlook.breaker, outlook.pace
        if courses.is_news(before, (self.breaker, self.pace)):
            self._share(courses.course(self.lane, self.breaker, self.pace, self._clock.now()))
        if destination != self._destination():  # the verdict is on a token that was replaced meanwhile
            self.look_again()
        kind = verdict.kind.value
        self.tally.requests[kind] = self.tally.requests.get(kind, 0) + 1
        self.tally.events[kind] = self.tally.events.get(kind, 0) + len(batch.ids)
        self.tally.seconds += monotonic() - began
        await self._settle(batch, outlook.settlement)
        say_outcome(batch, outlook.settlement)
        self._watch.announce(batch.ids, outlook.settlement)

    @asynccontextmanager
    async def _keeping(self, attempt: int, claimed: float) -> AsyncIterator[None]:
        """Keep the lease while the block runs."""

        async def extend() -> None:
            due = claimed + _LEASE / 3
            while True:
                await asyncio.sleep(due - monotonic())
                due = monotonic() + _LEASE / 3
                try:
                    await self._outbox.extend(attempt, self._clock.now() + _LEASE)
                except StorageUnavailable as error:
                    logger().error("lease_not_extended", attempt=attempt, cause=error.detail)

        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(extend())
            try:
                yield
            finally:
                keeper.cancel()

    async def _settle(self, batch: Batch, settlement: Settlement) -> None:
        """What Meta said must not be forgotten while the storage is away: without it, the events would be in doubt."""
        while True:
            try:
                await self._outbox.settle(batch, settlement)
            except StorageUnavailable as error:
                if self._outbox.broken:
                    raise
                logger().error("settling_waits_for_storage", attempt=batch.attempt, cause=error.detail)
                await asyncio.sleep(_STORAGE_REST)
            else:
                return


def _is_full(batch: Batch, most: int) -> bool:
    """Whether more of the same is probably waiting. A probe is small by choice, and says nothing."""
    return most == MOST_EVENTS and (len(batch.ids) >= batch.batch_limit or len(batch.data) > MOST_BYTES * 0.9)
