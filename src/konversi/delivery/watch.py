"""Lets a caller wait for what becomes of one event in this process, without asking the storage again and again."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from konversi.outbox.port import Settlement


class Watch:
    """Who waits for which event."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[asyncio.Future[Settlement]]] = {}

    @contextmanager
    def of(self, event: int) -> Iterator[asyncio.Future[Settlement]]:
        """A future of the end of the event's next attempt. Read the event's state after this, lest it ended before."""
        future: asyncio.Future[Settlement] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(event, []).append(future)
        try:
            yield future
        finally:
            others = self._waiting[event]
            others.remove(future)
            if not others:
                del self._waiting[event]
            future.cancel()

    def announce(self, events: Sequence[int], settlement: Settlement) -> None:
        """An attempt with these events ended so."""
        if not self._waiting:
            return
        for event in self._waiting.keys() & set(events):
            for future in self._waiting[event]:
                if not future.done():
                    future.set_result(settlement)
