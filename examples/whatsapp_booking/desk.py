"""Answering in the background: several customers at once, each customer's messages one after the other."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whatsapp_booking.incoming import Message
    from whatsapp_booking.memory import Memory
    from whatsapp_booking.reply_flow import ReplyFlow

_AT_ONCE = 8
_PAUSE = 1.0  # seconds before a database that failed is asked again
_log = logging.getLogger(__name__)


class Desk:
    """What waits is in the database, not in memory: nothing is lost in a crash, and nothing grows without bound."""

    def __init__(self, memory: Memory, flow: ReplyFlow) -> None:
        self._memory = memory
        self._flow = flow
        self._busy: set[str] = set()
        self._something = asyncio.Event()

    def wake(self) -> None:
        """A message came, or a customer's turn ended."""
        self._something.set()

    async def run(self) -> None:
        """Answer what waits, until cancelled."""
        async with asyncio.TaskGroup() as turns:
            while True:
                self._something.clear()
                for message in await self._next():
                    self._busy.add(message.customer)
                    turns.create_task(self._turn(message))
                await self._something.wait()

    async def _next(self) -> list[Message]:
        while True:
            try:
                return await asyncio.to_thread(self._memory.waiting, _AT_ONCE - len(self._busy), tuple(self._busy))
            except sqlite3.Error as error:
                _log.error("the database failed: %s", error)
                await asyncio.sleep(_PAUSE)

    async def _turn(self, message: Message) -> None:
        try:
            await self._flow.answer(message)
        except sqlite3.Error as error:  # its customer stays busy: better no answer until the next start than two
            _log.error("the database failed: %s", error)
            return
        self._busy.discard(message.customer)
        self.wake()
