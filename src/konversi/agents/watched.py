"""Making a tool call and telling how it ended, whichever way that was.

A fault in the telling never reaches the call.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from konversi.agents.tracker import harmless
from konversi.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
        with harmless("note_not_recorded", None):
            await observer.saw_async(telling(None, error, monotonic() - began))
        raise
    except BaseException as error:
        with harmless("note_not_recorded", None):
            observer.mention(telling(None, error, monotonic() - began))
        raise
    with harmless("conversion_not_recorded", None):
        await observer.saw_async(telling(result, None, monotonic() - began))
    return result


def called(observer: Observer, call: Callable[[], Any], telling: Telling[Any]) -> Any:
    """What `call` returns or raises, after the observer has seen it; an awaitable that it returns is `watched`."""
    began = monotonic()
    try:
        result = call()
    except Exception as error:
        with harmless("note_not_recorded", None):
            observer.saw(telling(None, error, monotonic() - began))
        raise
    except BaseException as error:
        with harmless("note_not_recorded", None):
            observer.mention(telling(None, error, monotonic() - began))
        raise
    if inspect.isawaitable(result):
        return watched(observer, result, telling)
    with harmless("conversion_not_recorded", None):
        observer.saw(telling(result, None, monotonic() - began))
    return result
