"""Bookings of CrewAI's agents, crews and flows: `Bookings("Lead").register()`, once in the process."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from konversi.agents.extras import needs
from konversi.agents.observer import Finished, Observer
from konversi.agents.tracker import harmless
from konversi.clock import monotonic

with needs("crewai"):
    from crewai.hooks import (
        register_after_tool_call_hook,
        register_before_tool_call_hook,
        unregister_after_tool_call_hook,
        unregister_before_tool_call_hook,
    )
    from crewai.tools.tool_failure import ToolFailure, ToolFailureReason

if TYPE_CHECKING:
    from typing import Self, Unpack

    from crewai.hooks import ToolCallHookContext

    from konversi.agents.options import Options

_DEEPEST: Final = 30  # calls inside calls; aborted ones are told to nobody, and stay until they fall off
# What CrewAI itself gives an agent where a tool did not answer, and the word for it.
_SAID_BY_CREWAI: Final = tuple(
    (re.compile(said), word)
    for said, word in (
        (r"Tool execution blocked by hook", "denied"),
        (r"I tried reusing the same input", "denied"),
        (r"Tool '[^']*' has reached its (?:maximum )?usage limit", "denied"),
        (r"Error executing tool\b", "ToolError"),
        (r"\s*I encountered an error while trying to use the tool\b", "ToolError"),
        (r"Tool not found\Z", "UnknownTool"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where `customer=` is looked up: `"inputs.customer_phone"`, or a callable of this."""

    inputs: Mapping[str, Any] = field(repr=False)  # of `crew.kickoff(inputs=...)`
    context: Any = field(repr=False)  # CrewAI's own: its agent, task, crew and tool


class _Began(NamedTuple):
    """A call under way. What is the same in both hooks is nothing but the arguments."""

    arguments: Any
    at: float
    is_cached: bool


class Bookings:
    """Reports the succeeded bookings among the tool calls of all agents in the process, and records all calls.

    It sits on CrewAI's tool hooks, not on its events: those come later, from another thread, twice from a planning
    agent, and do not tell cached answers. `customer=` is looked up in a `Run` first.
    """

    def __init__(self, event: str = "Lead", **options: Unpack[Options]) -> None:
        self._observer = Observer(event, **options)
        self._under_way: ContextVar[tuple[_Began, ...]] = ContextVar("konversi_crewai_calls", default=())

    def register(self) -> Self:
        """See the tool calls from now on. Register it ahead of hooks that abort calls: they end the asking."""
        self.unregister()
        register_before_tool_call_hook(self._before)
        register_after_tool_call_hook(self._after)
        return self

    def unregister(self) -> None:
        """See no more of them."""
        unregister_before_tool_call_hook(self._before)
        unregister_after_tool_call_hook(self._after)

    def _before(self, context: ToolCallHookContext) -> None:
        with harmless("note_not_recorded", context.tool_name):
            began = _Began(context.tool_input, monotonic(), _is_cached(context))
            self._under_way.set((*self._under_way.get()[-_DEEPEST:], began))

    def _after(self, context: ToolCallHookContext) -> None:
        with harmless("conversion_not_recorded", context.tool_name):
            began = self._began(context.tool_input)
            result = context.raw_tool_result
            error = _refusal(result)
            self._observer.saw(
                Finished(
                    tool=context.tool_name,
                    arguments=context.tool_input,
                    result=result,
                    error=error,
                    seconds=None if began is None else monotonic() - began.at,
                    cached=error is None and began is not None and began.is_cached,
                    context=Run(inputs=_inputs(context.crew), context=context),
                )
            )

    def _began(self, arguments: Any) -> _Began | None:
        """The call of these arguments, which is not under way any more; nor is what was begun inside it."""
        calls = self._under_way.get()
        for place in reversed(range(len(calls))):
            if calls[place].arguments is arguments:
                self._under_way.set(calls[:place])
                return calls[place]
        return None


def _is_cached(context: ToolCallHookContext) -> bool:
    """Whether CrewAI is about to give the answer of an earlier call: it looks there after asking the hooks."""
    cache = getattr(getattr(context.agent, "tools_handler", None), "cache", None)
    if cache is None:
        return False
    asked = json.dumps(context.tool_input) if context.tool_input else ""
    return cache.read(tool=context.tool_name, input=asked) is not None


def _refusal(result: Any) -> str | None:
    """Why there is no answer of the tool; what CrewAI gives the agent then is a sentence like any tool's."""
    if isinstance(result, ToolFailure):
        return "denied" if result.reason is ToolFailureReason.USAGE_LIMIT else "ToolFailure"
    if not isinstance(result, str):
        return None
    return next((word for said, word in _SAID_BY_CREWAI if said.match(result)), None)


def _inputs(crew: Any) -> Mapping[str, Any]:
    inputs = getattr(crew, "_inputs", None)
    return inputs if isinstance(inputs, Mapping) else {}
