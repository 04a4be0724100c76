"""What tools did, on its way from the bot's threads to the client's: nobody waits for it, so it goes by the batch.

Waking the other thread for each would take as long as a tenth of a booking's write, in the tool call that it is about.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from konversi.events.agent import ToolUse

_PATIENCE = 0.05  # seconds
_LAST_WORDS = 1.0  # seconds
_CLOSES = "The client closes."


class Notes:
    """Takes tool uses in any thread; `note` keeps those of one call, in the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, note: Callable[..., Awaitable[None]]) -> None:
        self._loop = loop
        self._note = note
        self._lock = threading.Lock()
        self._ended = False
        self._taken: list[tuple[Sequence[ToolUse], Future[None]]] = []
        self._under_way: set[asyncio.Future[None]] = set()

    def take(self, uses: Sequence[ToolUse]) -> Future[None]:
        """The future is done once they are kept. Raises `RuntimeError` where the client or its loop ends."""
        written: Future[None] = Future()
        with self._lock:
            if self._ended:
                raise RuntimeError(_CLOSES)
            if not self._taken:
                self._loop.call_soon_threadsafe(self._loop.call_later, _PATIENCE, self.hand_on)
            self._taken.append((uses, written))
        return written

    def hand_on(self) -> None:
        """Have all that was taken kept."""
        with self._lock:
            taken, self._taken = self._taken, []
        for uses, written in taken:
            kept = asyncio.ensure_future(self._note(*uses))
            self._under_way.add(kept)
            kept.add_done_callback(partial(self._kept, written))

    def _kept(self, written: Future[None], kept: asyncio.Future[None]) -> None:
        self._under_way.discard(kept)
        if not written.set_running_or_notify_cancel():
            return
        error = asyncio.CancelledError() if kept.cancelled() else kept.exception()
        if error is not None:
            written.set_exception(error)
        else:
            written.set_result(None)

    async def hand_on_all(self) -> None:
        """Hand on what is left, and take nothing more: the client closes next, which keeps it, or gives it up."""
        with self._lock:
            self._ended = True  # nobody would come for what is taken now, and who waits for it would wait for ever
        self.hand_on()
        await asyncio.sleep(0)

    async def told(self) -> None:
        """Once the client has closed: everybody has been told what became of his notes."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_LAST_WORDS)
