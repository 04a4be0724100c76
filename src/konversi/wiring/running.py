"""Delivery and the chores beside it, for as long as the gateway runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from konversi.logs import logger
from konversi.wiring.token_watch import watch_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from konversi.aftercare.upkeep import Upkeep
    from konversi.intake.gateway import Gateway

_STOP_SECONDS = 20.0  # longer than any request to Meta
_RESTART_SECONDS = 2.0


@asynccontextmanager
async def running(gateway: Gateway, upkeep: Upkeep) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        if not gateway.delivers:
            learning = group.create_task(gateway.valuing.run(counts=False), name="value")
            try:
                yield
            finally:
                learning.cancel()
            return
        delivery = group.create_task(_deliver(gateway), name="delivery")
        chores = [group.create_task(upkeep.run(), name="upkeep")] if gateway.on_demand is None else []
        if chores:
            chores.append(group.create_task(gateway.importer.run(), name="imports"))
        if chores and gateway.forwarder is not None:
            chores.append(group.create_task(gateway.forwarder.run(), name="forwarding"))
        if chores and gateway.spending.accounts:
            chores.append(group.create_task(gateway.spending.run(), name="spend"))
        if gateway.on_demand is None:
            chores.append(group.create_task(gateway.alerts.run(), name="alerts"))
            chores.append(group.create_task(watch_tokens(gateway), name="tokens"))
            chores.append(group.create_task(gateway.erasures.run(), name="erasures"))
            chores.append(group.create_task(gateway.valuing.run(counts=True), name="value"))
        gateway.delivering = True
        try:
            yield
        finally:
            gateway.delivering = False
            for chore in chores:
                chore.cancel()
            gateway.dispatcher.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await asyncio.wait([delivery])
            delivery.cancel()


async def _deliver(gateway: Gateway) -> None:
    """Run delivery, and start it anew after a fault: its unfinished attempts are rescued when their leases end."""
    while True:
        try:
            await gateway.dispatcher.run()
        except* Exception as faults:  # noqa: BLE001 - reported, and delivery goes on
            gateway.delivering = False
            logger().error("delivery_restarts", fault=repr(faults.exceptions[0]))
        else:
            return
        if gateway.outbox.broken:
            return
        await asyncio.sleep(_RESTART_SECONDS)
        gateway.dispatcher = gateway.dispatcher.renewed()
        gateway.delivering = True
