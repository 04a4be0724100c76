"""What processes over one database tell each other about, and what a gateway does when it hears it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from konversi.access.keys import KEYS
from konversi.errors import KonversiError
from konversi.logs import logger
from konversi.wiring.valuing import VALUE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from konversi.intake.gateway import Gateway
    from konversi.wiring.stores import Stores

LANE, COURSE, DATASET, FORWARD = "lane", "course", "dataset", "forward"


@asynccontextmanager
async def heeding(gateway: Gateway, stores: Stores) -> AsyncIterator[None]:
    """While the block runs, heed what other processes over the same database tell."""
    async with asyncio.TaskGroup() as group:

        async def reload(dataset: str) -> None:
            if await _loaded(stores.datasets.load, "datasets") and dataset:
                gateway.dispatcher.look_again(dataset)

        def lane(told: str) -> None:
            if told:
                gateway.dispatcher.wake(told)
            else:
                gateway.dispatcher.look_around()

        heeded: dict[str, Callable[[str], None]] = {
            LANE: lane,
            COURSE: lambda _lane: gateway.dispatcher.hear(),
            DATASET: lambda told: _start(group, reload(told)),
            KEYS: lambda _: _start(group, _loaded(stores.entrance.keys.load, "keys")),
            VALUE: lambda _: _start(group, _loaded(gateway.valuing.load, "value_rules")),
            FORWARD: lambda _: gateway.forwarder.wake() if gateway.forwarder and gateway.delivers else None,
        }
        for topic, listener in heeded.items():
            stores.database.on(topic, listener)
        try:
            yield
        finally:
            for topic in heeded:
                stores.database.on(topic, lambda _told: None)


async def _loaded(load: Callable[[], Awaitable[None]], what: str) -> bool:
    try:
        await load()
    except KonversiError as error:
        logger().error(f"{what}_not_reloaded", cause=error.detail)
        return False
    return True


def _start(group: asyncio.TaskGroup, work: Coroutine[None, None, object]) -> None:
    group.create_task(work)
