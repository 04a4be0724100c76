"""Bookings of the OpenAI Agents SDK: `Runner.run(agent, ..., hooks=Bookings("Lead"))`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from konversi.agents.extras import needs
from konversi.agents.observer import Finished, Observer
from konversi.agents.tracker import harmless
from konversi.clock import monotonic
from konversi.detection.plain import decoded

with needs("openai-agents"):
    from agents.lifecycle import AgentHooksBase, RunHooksBase
    from agents.tool import default_tool_error_function, default_tool_timeout_error_message
    from agents.tool_context import ToolContext
    from agents.tracing import get_current_span

if TYPE_CHECKING:
    from typing import Unpack

    from agents.agent import AgentBase
    from agents.run_context import RunContextWrapper
    from agents.tool import Tool

    from konversi.agents.options import Options

_OTHER_HOOKS = ("on_llm_start", "on_llm_end", "on_agent_start", "on_agent_end", "on_start", "on_end", "on_handoff")


class _Watching:
    """The two hooks around a tool call. Every other hook is the user's own, where there is one."""

    def __init__(self, event: str, also: Any, options: Options) -> None:
        self._observer = Observer(event, **options)
        self._also = also
        self._began: WeakKeyDictionary[ToolContext[Any], float] = WeakKeyDictionary()
        for name in _OTHER_HOOKS:
            if hasattr(also, name):
                setattr(self, name, getattr(also, name))

    async def on_tool_start(self, context: RunContextWrapper[Any], agent: AgentBase[Any], tool: Tool) -> None:
        if isinstance(context, ToolContext):  # only function tools have a context for each call
            self._began[context] = monotonic()
        if self._also is not None:
            await self._also.on_tool_start(context, agent, tool)

    async def on_tool_end(
        self, context: RunContextWrapper[Any], agent: AgentBase[Any], tool: Tool, result: object
    ) -> None:
        began = self._began.pop(context, None) if isinstance(context, ToolContext) else None
        seconds = None if began is None else monotonic() - began
        with harmless("conversion_not_recorded", tool.name):
            await self._observer.saw_async(_finished(context, tool, result, seconds))
        if self._also is not None:
            await self._also.on_tool_end(context, agent, tool, result)


class Bookings(_Watching, RunHooksBase[Any, Any]):  # type: ignore[misc, unused-ignore]
    """Reports the succeeded bookings among a run's tool calls, and records every call that returned.

    `also`: the user's own hooks, since a run takes one `hooks=` only. Raises `TypeError` where those are no RunHooks.
    """

    def __init__(
        self, event: str = "Lead", *, also: RunHooksBase[Any, Any] | None = None, **options: Unpack[Options]
    ) -> None:
        if not isinstance(also, RunHooksBase | None):
            raise TypeError("`also` has to be RunHooks: those of one agent stay at their agent.")
        super().__init__(event, also, options)


class AgentBookings(_Watching, AgentHooksBase[Any, Any]):  # type: ignore[misc, unused-ignore]
    """`Bookings` for one agent, in whosever runs: `Agent(..., hooks=AgentBookings("Lead"))`."""

    def __init__(
        self, event: str = "Lead", *, also: AgentHooksBase[Any, Any] | None = None, **options: Unpack[Options]
    ) -> None:
        if not isinstance(also, AgentHooksBase | None):
            raise TypeError("`also` has to be AgentHooks: those of a run go into `Bookings(also=...)`.")
        super().__init__(event, also, options)


def _finished(context: RunContextWrapper[Any], tool: Tool, result: object, seconds: float | None) -> Finished:
    arguments = decoded(getattr(context, "tool_arguments", None))
    return Finished(
        tool=tool.name,
        arguments=arguments if isinstance(arguments, dict) else None,
        result=result,
        error=_error(context, tool, result),
        call_id=getattr(context, "tool_call_id", None),
        conversation=getattr(getattr(context, "run_config", None), "group_id", None),
        seconds=seconds,
        context=context.context,
    )


def _error(context: RunContextWrapper[Any], tool: Tool, result: object) -> str | None:
    """Why the result is no answer of the tool, but the SDK's own words for an exception or a timeout.

    The SDK tells hooks nothing of it. Where tracing is on, the call's span knows of every exception, whatever text was
    made of it; elsewhere only the SDK's own texts are known.
    """
    span = get_current_span()
    own = getattr(getattr(span, "span_data", None), "type", None) == "function"
    if own and getattr(span, "error", None) is not None:
        return "tool_raised"
    if not isinstance(result, str):
        return None
    if result == default_tool_error_function(context, Exception()):
        return "tool_raised"
    seconds = getattr(tool, "timeout_seconds", None)
    is_timeout = seconds is not None and result == default_tool_timeout_error_message(
        tool_name=tool.name, timeout_seconds=seconds
    )
    return "timeout" if is_timeout else None
