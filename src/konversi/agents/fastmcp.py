"""Bookings of a FastMCP server: `server.add_middleware(Bookings("Lead"))`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from konversi.agents.extras import needs
from konversi.agents.mcp_protocol import Request, answer, word_for
from konversi.agents.observer import Finished, Observer
from konversi.agents.watched import watched

with needs("fastmcp"):
    from fastmcp.server.dependencies import get_http_headers
    from fastmcp.server.middleware import Middleware
    from fastmcp.tools.base import InputRequiredToolResult, ToolResult

if TYPE_CHECKING:
    from typing import Unpack

    from fastmcp.server.middleware import CallNext, MiddlewareContext
    from mcp_types import CallToolRequestParams

    from konversi.agents.options import Options


class Bookings(Middleware):
    """Reports the succeeded bookings among a server's tool calls, and records all of them.

    `customer=` is looked up in a `konversi.agents.mcp_protocol.Request` first.
    """

    def __init__(self, event: str = "Lead", **options: Unpack[Options]) -> None:
        self._observer = Observer(event, **options)

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """Call the tool, and tell how that ended."""
        return await watched(self._observer, call_next(context), partial(_finished, context))


def _finished(
    context: MiddlewareContext[CallToolRequestParams],
    result: ToolResult | None,
    error: BaseException | None,
    seconds: float,
) -> Finished:
    called = getattr(context.fastmcp_context, "request_context", None)  # None where the server itself calls its tool
    request = Request(
        meta=getattr(called, "meta", None) or {}, headers=get_http_headers(include={"mcp-session-id"}), context=context
    )
    return Finished(
        tool=context.message.name,
        arguments=context.message.arguments,
        result=answer(getattr(result, "structured_content", None), getattr(result, "content", None)),
        error=word_for(error) if error is not None else _refusal(result),
        call_id=request.call_id(getattr(called, "request_id", None)),
        conversation=request.session,
        seconds=seconds,
        context=request,
    )


def _refusal(result: ToolResult | None) -> str | None:
    if isinstance(result, ToolResult) and not isinstance(result, InputRequiredToolResult):
        return "ToolError" if result.is_error else None
    return "pending"  # the tool first asks the user something, or goes on in the background
