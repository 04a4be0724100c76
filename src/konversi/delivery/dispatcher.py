"""Has a courier for each lane that needs one, and stops them together."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from konversi.delivery import courses
from konversi.delivery.breaker import Position
from konversi.delivery.courier import Courier, Sender
from konversi.errors import StorageUnavailable
from konversi.logs import logger
from konversi.outbox.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.clock import Clock
    from konversi.delivery.destination import Destination
    from konversi.delivery.watch import Watch
    from konversi.outbox.port import Course, Outbox

_LOOK_AROUND = 15.0  # seconds between looks for lanes that nobody announced


class Dispatcher:
    """Delivery as a whole."""

    def __init__(
        self,
        outbox: Outbox,
        sender: Sender,
        destination: Callable[[str], Destination | None],
        *,
        clock: Clock,
        watch: Watch,
        tell: Callable[[str], None] | None = None,
        on_duty: bool = True,
    ) -> None:
        """`tell` lets other processes know that a lane is doing differently; `None` where there are no others.

        Off duty nothing is begun; what has begun goes on.
        """
        self.couriers: dict[str, Courier] = {}
        self._outbox = outbox
        self._sender = sender
        self._destination = destination
        self._clock = clock
        self._watch = watch
        self._tell = tell
        self._on_duty = on_duty
        self._adopted: dict[str, float] = {}  # lane to when its course was changed
        self._seen: set[str] = set()
        self._signal = asyncio.Event()
        self._stopping = False

    def renewed(self) -> Dispatcher:
        """A new one in place of this one, which has failed."""
        return Dispatcher(
            self._outbox,
            self._sender,
            self._destination,
            clock=self._clock,
            watch=self._watch,
            tell=self._tell,
            on_duty=self._on_duty,
        )

    @property
    def on_duty(self) -> bool:
        """Whether something may be begun."""
        return self._on_duty

    @on_duty.setter
    def on_duty(self, on_duty: bool) -> None:
        self._on_duty = on_duty
        for courier in self.couriers.values():
            courier.on_duty = on_duty
        if on_duty:
            self.look_around()

    @property
    def busy(self) -> bool:
        """Whether something has begun and not ended."""
        return any(courier.busy for courier in self.couriers.values())

    async def idle(self) -> bool:
        """Whether nothing has begun, and nothing is due that can be sent. Raises `StorageUnavailable`."""
        now = self._clock.now()
        left = [lane for lane, at in await self._outbox.lanes() if at <= now and self._can_send(lane, now)]
        return not left and not self.busy

    def _can_send(self, lane: str, now: float) -> bool:
        if self._destination(Lane.parse(lane).dataset) is None:
            return False
        courier = self.couriers.get(lane)
        return courier is None or courier.breaker.position(now) is not Position.OPEN

    def wake(self, lane: str) -> None:
        """Events were accepted in this lane."""
        courier = self.couriers.get(lane)
        if courier:
            courier.wake()
        elif lane not in self._seen:
            self._seen.add(lane)
            self._signal.set()

    def look_around(self) -> None:
        """Something may have happened that nobody told."""
        for courier in self.couriers.values():
            courier.wake()
        self._signal.set()

    def hear(self) -> None:
        """Another process knows better how a lane is doing."""
        self._signal.set()

    def look_again(self, dataset: str) -> None:
        """How this dataset is reached has changed: try at once what waited for that."""
        for lane, courier in self.couriers.items():
            if Lane.parse(lane).dataset == dataset:
                courier.look_again()
        self._signal.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is under way has ended."""
        self._stopping = True
        self._signal.set()
        for courier in self.couriers.values():
            courier.stop()

    async def run(self) -> None:
        """Deliver until stopped. Ends with the first fault of a courier: a half-alive process helps nobody."""
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                self._signal.clear()
                if self._on_duty:
                    for lane in sorted(await self._known_lanes()):
                        self._employ(lane, group)
                    await self._adopt()
                try:
                    async with asyncio.timeout(_LOOK_AROUND):
                        await self._signal.wait()
                except TimeoutError:
                    continue

    async def _known_lanes(self) -> set[str]:
        try:
            self._seen |= {lane for lane, _ in await self._outbox.lanes()}
        except StorageUnavailable as error:
            logger().error("delivery_waits_for_storage", cause=error.detail)
        return self._seen

    def _employ(self, lane: str, group: asyncio.TaskGroup) -> None:
        if lane in self.couriers or self._stopping:
            return
        destination = partial(self._destination, Lane.parse(lane).dataset)
        if destination() is None:
            return  # its events are kept, and wait for a token
        courier = Courier(
            lane,
            self._outbox,
            self._sender,
            destination,
            clock=self._clock,
            watch=self._watch,
            share=partial(self._share, group),
        )
        courier.on_duty = self._on_duty
        self.couriers[lane] = courier
        group.create_task(courier.run(), name=f"courier {lane}")

    def _share(self, group: asyncio.TaskGroup, course: Course) -> None:
        if self._tell is not None:
            self._adopted[course.lane] = course.changed_at
            group.create_task(self._write_down(course, self._tell))

    async def _write_down(self, course: Course, tell: Callable[[str], None]) -> None:
        try:
            await self._outbox.keep_course(course)
        except StorageUnavailable as error:
            logger().error("course_not_shared", lane=course.lane, cause=error.detail)
        else:
            tell(course.lane)

    async def _adopt(self) -> None:
        """What others know of our lanes."""
        if self._tell is None:
            return
        try:
            told = await self._outbox.courses()
        except StorageUnavailable as error:
            logger().error("delivery_waits_for_storage", cause=error.detail)
            return
        for course in told:
            courier, adopted = self.couriers.get(course.lane), self._adopted.get(course.lane)
            if courier is None or (adopted is not None and adopted >= course.changed_at):
                continue
            courier.adopt(courses.at_start(course, self._clock.now()) if adopted is None else course)
            self._adopted[course.lane] = course.changed_at
