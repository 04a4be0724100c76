"""Awaiting a tool call and telling how it ended, whichever way that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from konversi.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from konversi.agents.observer import Finished, Observer

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class Telling(Protocol[R_contra]):
    """An adapter's own words for a call that returned `result` or raised `error`, `seconds` after it began."""

    def __call__(self, result: R_contra | None, error: BaseException | None, seconds: float) -> Finished: ...


async def watched(observer: Observer, running: Awaitable[R], telling: Telling[R]) -> R:
    """What `running` returns or raises, after the observer has seen it."""
    began = monotonic()
    try:
        result = await running
    except Exception as error:
        await observer.saw_async(telling(None, error, monotonic() - began))
        raise
    except BaseException as error:  # cancelled: there is no awaiting any more
        observer.saw(telling(None, error, monotonic() - began))
        raise
    await observer.saw_async(telling(result, None, monotonic() - began))
    return result
