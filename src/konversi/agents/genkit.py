"""Bookings of Genkit: `await ai.generate(..., use=[Bookings("Lead")])`, after other middleware."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.agents.extras import needs
from konversi.agents.observer import Finished, Observer
from konversi.agents.watched import watched

with needs("genkit"):
    from genkit import GenkitError, Interrupt
    from genkit.middleware import BaseMiddleware

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self, Unpack

    from genkit import MultipartToolResponse
    from genkit.middleware import GenerateMiddlewareContext, ToolHookParams

    from konversi.agents.options import Options


class Bookings(BaseMiddleware):
    """Reports the succeeded bookings among the tool calls of a generation, and records all calls.

    `customer=` is looked up in the generation's `context` first.
    """

    _observer: Observer

    def __new__(cls, event: str = "Lead", **options: Unpack[Options]) -> Self:
        """An instance of a class of its own: Genkit makes each generation a new instance, of nothing but the class."""
        own = type(cls.__name__, (cls,), {"_observer": Observer(event, **options)}) if cls is Bookings else cls
        made: Self = super().__new__(own)
        return made

    def __init__(self, *_: Any, config: Any = None, **__: Any) -> None:
        super().__init__(config=config)

    async def wrap_tool(
        self,
        params: ToolHookParams,
        ctx: GenerateMiddlewareContext,
        next_fn: Callable[[ToolHookParams, GenerateMiddlewareContext], Awaitable[MultipartToolResponse]],
    ) -> MultipartToolResponse:
        """Call the tool, and tell how that ended."""
        return await watched(self._observer, next_fn(params, ctx), partial(_finished, params, ctx))


def _finished(
    params: ToolHookParams,
    ctx: GenerateMiddlewareContext,
    result: MultipartToolResponse | None,
    error: BaseException | None,
    seconds: float,
) -> Finished:
    request = params.tool_request_part.tool_request
    return Finished(
        tool=request.name,
        arguments=request.input if isinstance(request.input, dict) else None,
        result=getattr(result, "output", result),
        error=None if error is None else _word_for(error),
        call_id=request.ref,
        conversation=_session(ctx),
        seconds=seconds,
        context=ctx.custom_context,
    )


def _session(ctx: GenerateMiddlewareContext) -> str | None:
    """The id of the agent's session, where there is one; Genkit's own way to ask for it copies the whole chat."""
    session_id = getattr(getattr(ctx.ai.current_session(), "session_state", None), "session_id", None)
    return session_id if isinstance(session_id, str) else None


def _word_for(error: BaseException) -> str:
    """The stable name of what a tool raised, under what Genkit made of it."""
    cause = (error.cause if isinstance(error, GenkitError) else None) or error
    if isinstance(cause, Interrupt):
        return "pending"
    is_aborted = isinstance(cause, GenkitError) and cause.status == "ABORTED"
    return "cancelled" if is_aborted or isinstance(cause, asyncio.CancelledError) else type(cause).__name__
