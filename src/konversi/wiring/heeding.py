"""What processes over one database tell each other about, and what a gateway does when it hears it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from konversi.errors import KonversiError
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from konversi.intake.gateway import Gateway
    from konversi.wiring.stores import Stores

LANE, COURSE, DATASET, FORWARD = "lane", "course", "dataset", "forward"


@asynccontextmanager
async def heeding(gateway: Gateway, stores: Stores) -> AsyncIterator[None]:
    """While the block runs, heed what other processes over the same database tell."""
    async with asyncio.TaskGroup() as group:

        async def reload(dataset: str) -> None:
            try:
                await stores.datasets.load()
            except KonversiError as error:
                logger().error("datasets_not_reloaded", cause=error.detail)
                return
            if dataset:
                gateway.dispatcher.look_again(dataset)

        def lane(told: str) -> None:
            if told:
                gateway.dispatcher.wake(told)
            else:
                gateway.dispatcher.look_around()

        def dataset(told: str) -> None:
            group.create_task(reload(told))

        heeded: dict[str, Callable[[str], None]] = {
            LANE: lane,
            COURSE: lambda _lane: gateway.dispatcher.hear(),
            DATASET: dataset,
            FORWARD: lambda _: gateway.forwarder.wake() if gateway.forwarder and gateway.delivers else None,
        }
        for topic, listener in heeded.items():
            stores.database.on(topic, listener)
        try:
            yield
        finally:
            for topic in heeded:
                stores.database.on(topic, lambda _told: None)
