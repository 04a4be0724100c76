"""Bookings of an MCP server (the official SDK, 2.0 or newer): `MCPServer("shop", middleware=[Bookings("Lead")])`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from konversi.agents.extras import needs
from konversi.agents.mcp_protocol import Request, answer, word_for
from konversi.agents.observer import Finished, Observer
from konversi.agents.watched import watched

with needs("mcp"):
    from mcp.server.context import ServerMiddleware

if TYPE_CHECKING:
    from typing import Unpack

    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

    from konversi.agents.options import Options


class Bookings(ServerMiddleware[Any]):
    """Reports the succeeded bookings among a server's tool calls, and records all of them.

    `customer=` is looked up in a `konversi.agents.mcp_protocol.Request` first.
    """

    def __init__(self, event: str = "Lead", **options: Unpack[Options]) -> None:
        self._observer = Observer(event, **options)

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method != "tools/call":
            return await call_next(ctx)
        return await watched(self._observer, call_next(ctx), partial(_finished, ctx))


def _finished(
    ctx: ServerRequestContext[Any, Any], result: HandlerResult, error: BaseException | None, seconds: float
) -> Finished:
    said = _wire(result)
    asked = ctx.params if isinstance(ctx.params, Mapping) else {}
    request = Request(meta=ctx.meta or {}, headers=getattr(ctx.request, "headers", {}), context=ctx)
    return Finished(
        tool=str(asked.get("name")),
        arguments=asked.get("arguments"),
        result=answer(said.get("structuredContent"), said.get("content")),
        error=word_for(error) if error is not None else _refusal(said),
        call_id=request.call_id(ctx.request_id),
        conversation=request.session,
        seconds=seconds,
        context=request,
    )


def _wire(result: HandlerResult) -> Mapping[str, Any]:
    """A result is a dict by now, except where another middleware answered in the tool's place."""
    if result is None or isinstance(result, Mapping):
        return result or {}
    dumped: dict[str, Any] = result.model_dump(by_alias=True)
    return dumped


def _refusal(said: Mapping[str, Any]) -> str | None:
    if said.get("isError"):
        return "ToolError"
    is_final = said.get("resultType") in (None, "complete")
    return None if is_final else "pending"  # the tool first asks the user something, or goes on in the background
