"""Looks whether anything needs a person, and tells it: never in the way of what is accepted and sent."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from konversi.alerts import facts, statements
from konversi.alerts.rules import findings
from konversi.alerts.webhook import AlertNotTold
from konversi.errors import ShuttingDown, StorageUnavailable
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from konversi.alerts.rules import Finding
    from konversi.alerts.statements import Notice
    from konversi.clock import Clock
    from konversi.database.port import Database
    from konversi.insight.process_metrics import LaneReport

_EVERY = 30.0  # seconds between two looks
_TURN = 5.0  # and between two tries to tell
_LEASE = 60.0  # longer than telling takes


class Channel(Protocol):
    """A way to somebody."""

    async def tell(self, name: str, body: str) -> None:
        """Tell it; a repeat has the same name. Raises `AlertNotTold`."""
        ...


class Watchman:
    """Many over one database may look: whoever notes a change first tells it, under a lock of the database."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        *,
        clock: Clock,
        lanes: Callable[[], Awaitable[Sequence[LaneReport]]],
        name_of: Callable[[str], str],
    ) -> None:
        self._database = database
        self._channels = channels
        self._clock = clock
        self._lanes = lanes
        self._name_of = name_of

    async def run(self) -> None:
        """Look and tell, until cancelled."""
        while True:
            await self.once()
            for _ in range(int(_EVERY / _TURN)):
                await asyncio.sleep(_TURN)
                await self._unharmed(self.tell)

    async def once(self) -> None:
        """Look and tell one time. Never raises for what storage or channels do."""
        await self._unharmed(self.look)
        await self._unharmed(self.tell)

    async def open(self) -> list[dict[str, Any]]:
        """The alerts that are open."""
        return await self._database.read(statements.standing)

    async def look(self) -> None:
        """Note what began and what ended."""
        now, lanes = self._clock.now(), await self._lanes()
        found = findings(await self._database.read(partial(facts.read, reports=lanes, now=now, name_of=self._name_of)))
        if not found and not await self.open():
            return
        for told in await self._database.write(partial(self._note, found=found, now=now)):
            logger().warning("alert", alert=told)

    def _note(self, connection: Connection, found: Sequence[Finding], now: float) -> list[str]:
        self._database.hold(connection, "alerts", [b"all"])
        return statements.note(connection, found, tuple(self._channels), now)

    async def tell(self) -> None:
        """Tell what is due."""
        if not self._channels:
            return
        now = self._clock.now()
        if not await self._database.read(partial(statements.any_due, now=now)):
            return
        for notice in await self._database.write(partial(self._claim, now=now)):
            await self._tell(notice)

    def _claim(self, connection: Connection, now: float) -> list[Notice]:
        self._database.hold(connection, "alerts", [b"all"])
        return statements.claim(connection, now, _LEASE)

    async def _tell(self, notice: Notice) -> None:
        channel = self._channels.get(notice.channel)
        try:
            if channel is not None:
                await channel.tell(notice.name, notice.body)
        except AlertNotTold as error:
            logger().error("alert_not_told", channel=notice.channel, cause=error.detail, remedy=error.remedy())
            later = partial(statements.put_off, notice=notice, now=self._clock.now())
            await self._database.write(later)
        else:
            await self._database.write(partial(statements.done, notice=notice.id))

    async def _unharmed(self, duty: Callable[[], Awaitable[None]]) -> None:
        try:
            await duty()
        except (StorageUnavailable, ShuttingDown) as error:
            logger().error("alerts_wait_for_storage", cause=error.detail)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with alerts, events are taken and sent
            logger().error("alerts_failed", fault=repr(error))
