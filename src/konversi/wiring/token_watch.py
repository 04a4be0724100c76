"""Asks Meta each day when the tokens expire, so that somebody can be warned in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from konversi.errors import ShuttingDown, StorageUnavailable
from konversi.logs import logger

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

_AFTER_START = 600.0  # seconds: a token in the settings may be another one than before
_EVERY = 6 * 3_600.0
_OLD = 20 * 3_600.0


async def watch_tokens(gateway: Gateway) -> None:
    """Until cancelled. Of many processes over one database whoever comes first asks."""
    started = gateway.clock.now()
    await asyncio.sleep(_AFTER_START)
    while True:
        try:
            await gateway.catalogue.look_at_tokens(max(started, gateway.clock.now() - _OLD))
        except (StorageUnavailable, ShuttingDown) as error:
            logger().error("token_watch_waits_for_storage", cause=error.detail)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, events are taken and sent
            logger().error("token_watch_failed", fault=repr(error))
        await asyncio.sleep(_EVERY)
