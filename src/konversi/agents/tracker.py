"""Handing over without ever hurting the chat: bounded in time, nothing raised, failures logged."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import sys
from typing import TYPE_CHECKING, Any, Protocol

from konversi.errors import IdempotencyConflict, KonversiError
from konversi.logs import logger
from konversi.tracing import hook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from konversi.events.agent import ToolUse, Turn
    from konversi.events.conversion import Conversion


class Tracker(Protocol):
    """What takes conversions: `konversi.SyncKonversi`, or a fake in a test. It may do what `Witness` does as well."""

    def submit(self, conversion: Conversion) -> concurrent.futures.Future[Any]:
        """Start writing the conversion down; the future is done once it is on durable storage."""
        ...


class Witness(Tracker, Protocol):
    """A tracker that also takes what an agent did, for its metrics."""

    queued: bool
    """Whether conversions are queued for a gateway elsewhere: then nobody waits for them."""

    def note(self, *uses: ToolUse) -> concurrent.futures.Future[Any]:
        """Start writing tool calls down."""
        ...

    def turn(self, turn: Turn) -> concurrent.futures.Future[Any]:
        """Start writing one answer of the agent down."""
        ...


def default_tracker() -> Tracker:
    """The process's own gateway, opened where it is not yet: that takes a moment."""
    from konversi.client import default_tracker as opened  # noqa: PLC0415 - a bot loads the gateway at its first use

    return opened()


def at_hand(via: Tracker | None) -> Tracker | None:
    """The tracker that is there without a wait."""
    if via is not None:
        return via
    client = sys.modules.get("konversi.client")  # not loaded: then nothing is open
    return client.opened_tracker() if client is not None else None


async def at_hand_or_opened(via: Tracker | None) -> Tracker:
    """The tracker; the process's own is opened in a thread, since that would hold up the event loop."""
    tracker = at_hand(via)
    return tracker if tracker is not None else await asyncio.to_thread(default_tracker)


def hand_over(
    tracker: Tracker, conversion: Conversion | None, use: ToolUse | None, tool: str
) -> concurrent.futures.Future[Any] | None:
    """Give both to the tracker at once, so that they share a durable write; the future, where it is to be waited for.

    The conversion goes first: a write that starts at the first of them has it inside.
    """
    with hook(tool):
        try:
            future = None if conversion is None else tracker.submit(conversion)
        finally:
            tell(tracker, "note", use, tool)
    if future is None or getattr(tracker, "queued", False) is not True:
        return future
    future.add_done_callback(lambda written: _report(written, tool))
    return None


def tell(tracker: Tracker, what: str, record: ToolUse | Turn | None, tool: str | None = None) -> None:
    """Give the tracker a record for the metrics, if it takes such; nobody waits for its write."""
    take = getattr(tracker, what, None)
    if take is None or record is None:
        return
    with harmless(f"{what}_not_recorded", tool):
        take(record).add_done_callback(lambda written: _look(written, f"{what}_not_recorded", tool))


def _look(written: concurrent.futures.Future[Any], what: str, tool: str | None) -> None:
    error = concurrent.futures.CancelledError() if written.cancelled() else written.exception()
    if error is not None and not isinstance(error, IdempotencyConflict):
        _failed(what, tool, error)


@contextlib.contextmanager
def harmless(what: str, tool: str | None) -> Iterator[None]:
    """Log what goes wrong as `what` instead of raising it: the chat never fails because of Konversi."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the chat goes on
        _failed(what, tool, error)


def warn(what: str, *, tool: str | None, code: str, **more: Any) -> None:
    """Log that something was not recorded as it should. No identity may be among the words."""
    logger().warning(what, tool=tool, code=code, **more)


def _failed(what: str, tool: str | None, error: BaseException) -> None:
    """Log a failure with what to do about it; its own text stays out of the log, since it may quote the customer."""
    remedy = error.remedy() if isinstance(error, KonversiError) else None
    warn(what, tool=tool, code=code_of(error), remedy=remedy)


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
    if not future.done():
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
        _failed("conversion_not_recorded", tool, error)
