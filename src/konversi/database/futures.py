"""How what a thread found comes to whoever waits for it in the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


def resolve(future: asyncio.Future[Any], result: Any) -> None:
    """Give the future its result, or the exception that a job ended with."""
    if future.done():  # the caller has gone
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
