"""Ending the process that answers busy callers, or its gateway, or both."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import httpx2
from fleets import children_of

from processes import until

if TYPE_CHECKING:
    import random

    from processes import Gateways

BUSY_CALLERS = 24  # enough for some of them to be answered by the process beside


async def end_one_or_both(gateways: Gateways, pid: int, chance: random.Random) -> None:
    """With SIGKILL, while the process beside that gateway has callers; the gateway has ended after it."""
    (preparer,) = await asyncio.to_thread(until, lambda: children_of(pid), "the preparer runs")
    await asyncio.to_thread(until, lambda: has_callers(gateways.url), "it has callers")
    await asyncio.sleep(chance.uniform(0.0, 0.3))
    for one in chance.sample([preparer, pid], chance.choice([1, 2])):
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
        await asyncio.sleep(chance.uniform(0.0, 0.2))
    await asyncio.to_thread(gateways.end)


def has_callers(url: str) -> bool:
    """Whether the process beside that gateway has answered somebody."""
    found = re.search(
        r'^konversi_prepared_lists_total\{process="0"\} (.*)$', httpx2.get(f"{url}/metrics").text, re.MULTILINE
    )
    return found is not None and float(found[1]) > 0
