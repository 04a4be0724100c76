"""Handing a conversion over without ever hurting the chat: bounded in time, nothing raised, failures logged."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from konversi.errors import IdempotencyConflict, KonversiError
from konversi.logs import logger

if TYPE_CHECKING:
    from konversi.events.conversion import Conversion


class Tracker(Protocol):
    """What takes conversions: `konversi.Konversi`, or a fake in a test."""

    def submit(self, conversion: Conversion) -> concurrent.futures.Future[Any]:
        """Start writing the conversion down; the future is done once it is on durable storage."""
        ...


def warn(what: str, *, tool: str, code: str, **more: Any) -> None:
    """Log that a tool's conversion was not recorded as it should. No identity may be among the words."""
    logger().warning(what, tool=tool, code=code, **more)


def not_recorded(tool: str, error: BaseException) -> None:
    """Log a failure with what to do about it; its own text stays out of the log, since it may quote the customer."""
    remedy = error.remedy() if isinstance(error, KonversiError) else None
    warn("conversion_not_recorded", tool=tool, code=code_of(error), remedy=remedy)


def code_of(error: BaseException) -> str:
    """The stable name of a failure; its text stays out of the log, since it may quote the customer."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else type(error).__name__


def wait(future: concurrent.futures.Future[Any], timeout: float, tool: str) -> None:
    """Wait for the durable write for `timeout` seconds at most; a slower one goes on without its caller."""
    with contextlib.suppress(TimeoutError, concurrent.futures.CancelledError):  # `_report` tells them apart
        future.exception(timeout)
    _report(future, tool)


async def wait_async(future: concurrent.futures.Future[Any], timeout: float, tool: str) -> None:  # noqa: ASYNC109 - it bounds the wait without cancelling the write
    """`wait` without holding up the event loop. Cancelling the waiter does not cancel the write."""
    waiting = asyncio.wrap_future(future)
    waiting.add_done_callback(_looked_at)
    await asyncio.wait([waiting], timeout=timeout)
    _report(future, tool)


def _looked_at(waiting: asyncio.Future[Any]) -> None:
    if not waiting.cancelled():
        waiting.exception()  # else asyncio complains that nobody asked


def _report(future: concurrent.futures.Future[Any], tool: str) -> None:
    if not future.done():
        warn("conversion_still_being_recorded", tool=tool, code="timeout")
        future.add_done_callback(lambda late: _report(late, tool))
        return
    error = concurrent.futures.CancelledError() if future.cancelled() else future.exception()
    if isinstance(error, IdempotencyConflict):
        logger().info("conversion_already_recorded", tool=tool, code=error.code)  # the tool was called again
    elif error is not None:
        not_recorded(tool, error)
