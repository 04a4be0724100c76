"""What a gateway does that runs only while it is called."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from konversi.clock import monotonic
from konversi.errors import ShuttingDown, StorageUnavailable
from konversi.logs import logger
from konversi.outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.aftercare.erasing import Erasures
    from konversi.aftercare.upkeep import Upkeep
    from konversi.alerts.watchman import Watchman
    from konversi.delivery.rounds import Rounds
    from konversi.insight.valuing import Valuing
    from konversi.intake.forward import Forwarder
    from konversi.settings import Settings
    from konversi.wiring.stores import Stores

_FRESH_SECONDS = 10.0  # after which the process may have been frozen, and others may have changed the datasets


class OnDemand:
    """As `konversi.intake.gateway` wants it."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        rounds: Rounds,
        upkeep: Upkeep,
        forwarder: Forwarder | None,
        look_again: Callable[[str], None],
        alerts: Watchman,
        valuing: Valuing,
        erasures: Erasures,
    ) -> None:
        """`look_again` hears the name of each dataset that is reached in another way from now on."""
        self._settings = settings
        self._stores = stores
        self._rounds = rounds
        self._upkeep = upkeep
        self._forwarder = forwarder
        self._look_again = look_again
        self._alerts = alerts
        self._valuing = valuing
        self._erasures = erasures
        self._fresh_until = stores.clock.now() + _FRESH_SECONDS
        self._wanted = False

    def want(self, _lane: str = "") -> None:
        """Something was left to be delivered."""
        self._wanted = True

    async def begin(self) -> None:
        now = self._stores.clock.now()
        if now < self._fresh_until:
            return
        self._fresh_until = now + _FRESH_SECONDS
        try:
            await self._stores.database.resume()
            await self._reload()
            await self._valuing.load()
            await self._stores.entrance.keys.write_down()
            await self._stores.entrance.keys.load()
        except (StorageUnavailable, ShuttingDown) as error:  # whatever the call needs of the storage will say so itself
            logger().error("not_resumed", cause=error.detail)

    async def _reload(self) -> None:
        datasets = self._stores.datasets
        before = datasets.registry.datasets
        await datasets.load()
        after = datasets.registry.datasets
        for dataset in before.keys() | after.keys():
            if before.get(dataset) != after.get(dataset):
                self._look_again(datasets.registry.name_of(dataset))

    async def deliver(self, events: Sequence[int]) -> dict[int, State]:
        self._wanted = False
        return await self._rounds.deliver(self._settings.deliver_seconds, events)

    async def finish(self) -> None:
        seconds = self._settings.deliver_seconds
        if self._wanted:
            self._wanted = False
            await self._rounds.deliver(seconds)
        if self._forwarder is not None and self._forwarder.wanted:
            await self._hand_on(seconds)

    async def catch_up(self) -> dict[str, int]:
        until = monotonic() + self._settings.cron_seconds
        outbox = self._stores.outbox
        before = (await outbox.counts()).totals
        done = await self._upkeep.once(until)
        left = max(0.0, until - monotonic())
        await asyncio.gather(self._rounds.deliver(left), self._hand_on(left))
        await self._alerts.once()
        await self._valuing.lesson()
        await self._erasures.catch_up()
        after = await outbox.counts()
        return {
            "delivered": after.totals.get("deliver", 0) - before.get("deliver", 0),
            **done,
            "waiting": after.states[State.WAITING],
            "sending": after.states[State.SENDING],
        }

    async def _hand_on(self, seconds: float) -> None:
        if self._forwarder is None:
            return
        try:
            await self._forwarder.once(seconds)
        except (StorageUnavailable, ShuttingDown) as error:
            logger().error("forwarding_waits_for_storage", cause=error.detail)
