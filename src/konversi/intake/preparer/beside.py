"""The gateway's end: starts the preparer when there is something for it, and does without it where it is gone."""

from __future__ import annotations

import asyncio
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from konversi.intake.preparer.line import GoneError, Line
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from konversi.intake.prepare import Past, Ready, Refusal
    from konversi.intake.preparer.line import Doors
    from konversi.intake.preparer.messages import Asked, Circumstances, Listing

_START_SECONDS = 60.0
_REST_SECONDS = 30.0  # after one that failed
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


class Beside:
    """Has lists prepared and busy callers answered by another process. Open it inside a running event loop."""

    def __init__(self) -> None:
        self._line: Line | None = None
        self._starting: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._doors: Doors | None = None
        self.lists = 0  # that it has prepared

    @property
    def process(self) -> int | None:
        """The preparer's process id while it takes lists."""
        return None if self._line is None else self._line.process

    async def prepared(
        self,
        listing: Listing,
        now: float,
        circumstances: Circumstances,
        past: Callable[[Sequence[Asked]], Awaitable[Past]],
    ) -> Sequence[Ready | Refusal] | None:
        """What the list's conversions become, in their order; `None` where the caller has to prepare them itself.

        `past` tells what is known of those that they ask for, and what it raises is raised.
        """
        if not listing.is_long:
            return None
        line = self._line
        if line is None:
            self._start()
            return None
        if line.is_busy:
            return None
        try:
            line.tell_of(circumstances)
            prepared = await line.prepared(listing, now, past)
        except GoneError:
            return None
        self.lists += prepared is not None
        return prepared

    def opens(self, doors: Doors) -> None:
        """From the next process on callers may be handed over, and are answered by these doors."""
        self._doors = doors

    def give(self, descriptor: int, said: bytes, circumstances: Circumstances) -> bool:
        """Hand over a busy caller's connection, with what was read of it; false where it stays."""
        if self._line is None:
            self._start()
            return False
        try:
            self._line.tell_of(circumstances)
        except GoneError:
            return False
        return self._line.give(descriptor, said)

    async def finish(self, seconds: float) -> None:
        """Have the callers that were handed over answered and hung up on."""
        if self._line is not None:
            await self._line.finish(seconds)

    def _start(self) -> None:
        if self._starting is None and asyncio.get_running_loop().time() >= self._not_before:
            self._starting = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """One preparer, from its start to its end."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await Line.open(self._doors)
            self._line = line
            await line.listen()
        except Exception as error:  # noqa: BLE001 - the gateway does without it, whatever became of it
            logger().warning("preparer_ended", cause=type(error).__name__, again_in=_REST_SECONDS)
        finally:
            self._line, self._starting = None, None
            self._not_before = asyncio.get_running_loop().time() + _REST_SECONDS

    async def aclose(self) -> None:
        """End the process."""
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting


def has_room() -> bool:
    """Whether another process would run beside this one, and not in its stead."""
    if os.name != "posix":
        return False  # there a socket can't be another process's standard input
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _cores_granted(_QUOTA)) > 1


def _cores_granted(quota: Path) -> float:
    """What a container may use at most, as control groups have it: `200000 100000` are two, `max 100000` all."""
    try:
        most, period = quota.read_text().split()
        return int(most) / int(period)
    except (OSError, ValueError):
        return math.inf
