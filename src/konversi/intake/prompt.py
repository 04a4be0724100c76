"""Accepting a conversion in the caller's own thread: the way to the gateway's and back takes longer than the write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from konversi.outbox.port import Appended, NewEvent
    from konversi.outbox.store import SqlOutbox

T = TypeVar("T")


class _WouldWaitError(Exception):
    """The write can't be done at once."""


class Prompt:
    """The outbox as a receiver sees it that runs in any thread. Nobody waits in it."""

    def __init__(self, outbox: SqlOutbox) -> None:
        self._outbox = outbox
        self.homes = outbox.homes

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]:
        appended = self._outbox.append_at_once(events)
        if appended is None:
            raise _WouldWaitError
        return appended


def at_once(work: Coroutine[Any, Any, T]) -> T | None:
    """What comes of a receiver's work where it waits for nothing; `None` where it would, and then nothing was done."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    except _WouldWaitError:
        return None
    work.close()
    return None
