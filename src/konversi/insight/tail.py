"""Tells listeners what happens to events, while it happens. One look at the database serves all who listen."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.clock import monotonic
from konversi.errors import KonversiError, StorageUnavailable
from konversi.insight import tailing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from konversi.database.port import Database
    from konversi.insight.tailing import Seen

_LOOK_EVERY = 1.0  # seconds
_HEARTBEAT = 15.0  # so that proxies, and whoever has gone, notice
_LONGEST = 900.0  # then the listener asks again, and is let in again or not
_MOST_LISTENERS = 50
_KEPT = 500  # changes for a listener that is slow


class TooManyListeners(KonversiError):
    """As many as this process serves listen to what happens already.

    Close a page or a `konversi tail` that nobody reads, and try again.
    """

    code = "too_many_listeners"
    status = 503
    retry_after = 30


class Listener:
    """Somebody who listens."""

    def __init__(self) -> None:
        self.changes: deque[dict[str, Any]] = deque()
        self.missed = 0
        self.news = asyncio.Event()

    def hear(self, seen: Seen) -> None:
        """Keep what is new, and count what there is no room for."""
        self.changes.extend(seen.changes)
        self.missed += seen.missed
        while len(self.changes) > _KEPT:
            self.changes.popleft()
            self.missed += 1
        self.news.set()


class Tail:
    """Follows the history as long as anybody listens."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[Listener] = set()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        self.looks = 0  # since somebody began to listen

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Raises `TooManyListeners` where too many listen already."""
        if len(self._listeners) >= _MOST_LISTENERS:
            raise TooManyListeners
        listener = Listener()
        self._listeners.add(listener)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="tail")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def news(self, listener: Listener) -> AsyncIterator[tuple[list[dict[str, Any]], int]]:
        """What is new, with how much was missed; nothing at all now and then, as a sign of life."""
        until = monotonic() + _LONGEST
        while not self._closed and monotonic() < until:
            try:
                async with asyncio.timeout(min(_HEARTBEAT, until - monotonic())):
                    await listener.news.wait()
            except TimeoutError:
                yield [], 0
                continue
            listener.news.clear()
            changes, missed = [*listener.changes], listener.missed
            listener.changes.clear()
            listener.missed = 0
            if changes or missed:
                yield changes, missed

    def close(self) -> None:
        """End all streams: called when the server is told to stop, which would wait for them."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
        for listener in self._listeners:
            listener.news.set()

    async def _look(self) -> None:
        mark = None
        self.looks = 0
        while self._listeners and not self._closed:
            try:
                if mark is None:
                    mark = await self._database.read(tailing.start)
                else:
                    seen = await self._database.read(partial(tailing.look, mark))
                    mark = seen.mark
                    if seen.changes or seen.missed:
                        for listener in self._listeners:
                            listener.hear(seen)
                self.looks += 1
            except StorageUnavailable:
                pass  # it comes back, and what happened meanwhile is told then
            await asyncio.sleep(_LOOK_EVERY)
