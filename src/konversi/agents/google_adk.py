"""Bookings of Google ADK agents: `App(name="shop", root_agent=agent, plugins=[Bookings("Lead")])`."""

from __future__ import annotations

import asyncio
import itertools
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from konversi.agents.extras import needs
from konversi.agents.observer import Finished, Observer
from konversi.agents.tracker import harmless
from konversi.clock import monotonic
from konversi.detection.success import succeeded

with needs("google-adk"):
    from google.adk.plugins.base_plugin import BasePlugin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FrameType
    from typing import Unpack

    from google.adk.agents.invocation_context import InvocationContext
    from google.adk.events.event import Event
    from google.adk.tools.base_tool import BaseTool
    from google.adk.tools.tool_context import ToolContext
    from google.genai.types import Content, FunctionCall

    from konversi.agents.options import Options

_numbers = itertools.count(1)  # an app takes no two plugins of one name
_STREAMS = "The function is running asynchronously"  # what ADK answers for a streaming tool in a live session


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where `customer=` is looked up: `"user_id"`, `"state.customer_phone"`, or a callable of this."""

    user_id: str
    session_id: str
    state: Mapping[str, Any] = field(repr=False)
    context: Any = field(repr=False)  # ADK's own: its tool context, or its invocation context


class Bookings(BasePlugin):
    """Reports the succeeded bookings among the tool calls of an app's agents, and records all calls.

    `customer=` is looked up in a `Run` first. Put it before plugins that answer in a tool's place: ADK asks no further
    plugin then. The final answer of a long-running tool counts when it comes in as a user's message.
    """

    def __init__(self, event: str = "Lead", **options: Unpack[Options]) -> None:
        super().__init__(name=f"konversi_bookings_{next(_numbers)}")
        self._observer = Observer(event, **options)
        self._began: WeakKeyDictionary[ToolContext, float] = WeakKeyDictionary()
        self._raised: WeakSet[ToolContext] = WeakSet()

    async def before_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext
    ) -> None:
        """Note when the call began."""
        del tool, tool_args
        self._began[tool_context] = monotonic()

    async def after_tool_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext, result: Any
    ) -> None:
        """Tell how the call ended, unless it raised: then this is what a callback made of that."""
        if tool_context in self._raised:
            return
        with harmless("conversion_not_recorded", tool.name):
            answered_by = _answered_by()
            is_answered_before = answered_by == "before_tool_callback"
            is_cached = is_answered_before and succeeded(result).ok
            refusal = _refusal(tool, tool_context, result)
            if answered_by is not None and not is_cached:
                refusal = "denied" if is_answered_before else "ToolError"
            call = self._finished(tool.name, tool_args, tool_context, result=result, error=refusal, cached=is_cached)
            await self._observer.saw_async(call)

    async def on_tool_error_callback(
        self, *, tool: BaseTool, tool_args: dict[str, Any], tool_context: ToolContext, error: BaseException
    ) -> None:
        """Tell that the call raised, or was cancelled."""
        self._raised.add(tool_context)
        with harmless("note_not_recorded", tool.name):
            is_cancelled = isinstance(error, asyncio.CancelledError)
            kind = "cancelled" if is_cancelled else type(error).__name__
            call = self._finished(tool.name, tool_args, tool_context, error=kind)
            if is_cancelled:
                self._observer.mention(call)
            else:
                await self._observer.saw_async(call)

    async def on_user_message_callback(self, *, invocation_context: InvocationContext, user_message: Content) -> None:
        """Tell how the long-running calls ended whose final answers the message brings."""
        answers = [part.function_response for part in user_message.parts or () if part.function_response]
        if not answers:
            return
        with harmless("conversion_not_recorded", None):
            asked = _long_running(invocation_context.session.events)
            for answer in answers:
                call = asked.get(answer.id or "")
                if call is not None:
                    final = self._finished(
                        call.name or "", call.args, invocation_context, result=answer.response, call_id=call.id
                    )
                    await self._observer.saw_async(final)

    def _finished(self, tool: str, arguments: Any, context: Any, *, call_id: str | None = None, **end: Any) -> Finished:
        began = self._began.pop(context, None) if call_id is None else None
        return Finished(
            tool=tool,
            arguments=arguments,
            call_id=call_id or context.function_call_id,
            conversation=context.session.id,
            seconds=None if began is None else monotonic() - began,
            context=_run(context),
            **end,
        )


def _run(context: Any) -> Run:
    state = getattr(context, "state", None)  # with what the tool has just changed; an invocation has only the session's
    return Run(
        user_id=context.user_id,
        session_id=context.session.id,
        state=context.session.state if state is None else state.to_dict(),
        context=context,
    )


def _refusal(tool: BaseTool, context: ToolContext, result: Any) -> str | None:
    """Why a result that came back is not the tool's own final one."""
    if context.actions.requested_tool_confirmations or context.actions.requested_auth_configs:
        return "pending"
    if context.tool_confirmation is not None and not context.tool_confirmation.confirmed:
        return "denied"
    is_streaming = isinstance(result, dict) and str(result.get("status")).startswith(_STREAMS)
    return "pending" if tool.is_long_running or is_streaming else None


def _answered_by() -> str | None:
    """Which callback answered in the tool's place; None for the tool itself.

    ADK keeps that in a variable of the function that calls its plugins, and tells it to none. None as well where that
    is not built as in ADK 2.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the way to one's callers
    while frame is not None:
        if frame.f_code.co_name == "_run_with_trace":
            source = frame.f_locals.get("response_source")
            return source if isinstance(source, str) else None
        frame = frame.f_back
    return None


def _long_running(events: Iterable[Event]) -> dict[str, FunctionCall]:
    """The session's calls that were said to be answered later, by id."""
    return {
        call.id: call
        for event in events
        if event.long_running_tool_ids
        for call in event.get_function_calls()
        if call.id in event.long_running_tool_ids and not (call.name or "").startswith("adk_request_")
    }
