"""Has a courier for each lane that needs one, and stops them together."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from konversi.delivery.courier import Courier, Sender
from konversi.errors import StorageUnavailable
from konversi.logs import logger
from konversi.outbox.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.clock import Clock
    from konversi.delivery.destination import Destination
    from konversi.delivery.watch import Watch
    from konversi.outbox.port import Outbox

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
    ) -> None:
        self.couriers: dict[str, Courier] = {}
        self._outbox = outbox
        self._sender = sender
        self._destination = destination
        self._clock = clock
        self._watch = watch
        self._seen: set[str] = set()
        self._signal = asyncio.Event()
        self._stopping = False

    def renewed(self) -> Dispatcher:
        """A new one in place of this one, which has failed."""
        return Dispatcher(self._outbox, self._sender, self._destination, clock=self._clock, watch=self._watch)

    def wake(self, lane: str) -> None:
        """Events were accepted in this lane."""
        courier = self.couriers.get(lane)
        if courier:
            courier.wake()
        elif lane not in self._seen:
            self._seen.add(lane)
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
                for lane in sorted(await self._known_lanes()):
                    self._employ(lane, group)
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
        courier = Courier(lane, self._outbox, self._sender, destination, clock=self._clock, watch=self._watch)
        self.couriers[lane] = courier
        group.create_task(courier.run(), name=f"courier {lane}")
