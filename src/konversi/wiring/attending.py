"""What each process does once a minute: look again which keys there are, and say that it is alive."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from konversi._version import __version__
from konversi.errors import KonversiError
from konversi.insight.processes import Process
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from konversi.intake.gateway import Gateway

_EVERY = 60.0  # seconds


@asynccontextmanager
async def attending(gateway: Gateway) -> AsyncIterator[None]:
    """As long as the block runs. A process that only runs while it is called does it then."""
    if gateway.on_demand is not None:
        yield
        return
    settings = gateway.settings
    process = Process(
        gateway.process,
        socket.gethostname()[:100],
        os.getpid(),
        settings.only or "everything",
        __version__,
        gateway.clock.now(),
    )
    task = asyncio.create_task(_attend(gateway, process), name="attending")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _attend(gateway: Gateway, process: Process) -> None:
    keys = gateway.entrance.keys
    while True:
        try:
            await gateway.processes.sign(process, gateway.heard())
            await keys.write_down()
            await keys.load()  # a sign from another process may have got lost
        except KonversiError as error:
            logger().error("attending_waits_for_storage", cause=error.detail)
        except Exception as error:  # noqa: BLE001 - whatever is wrong here, events are taken and sent
            logger().error("attending_failed", fault=repr(error))
        await asyncio.sleep(_EVERY)
