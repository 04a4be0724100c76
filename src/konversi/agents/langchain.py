"""Bookings of LangChain and LangGraph: `create_agent(...).with_config(callbacks=[Bookings("Lead")])`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from konversi.agents.extras import needs
from konversi.agents.observer import Finished, Observer
from konversi.clock import monotonic
from konversi.detection.plain import decoded

with needs("langchain"):
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.messages import ToolMessage
    from langgraph.config import get_config
    from langgraph.runtime import get_runtime
    from langgraph.types import Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack
    from uuid import UUID

    from konversi.agents.options import Options

_MOST_UNDER_WAY = 10_000  # calls; LangChain tells nothing of a cancelled one's end
_NAMES_OF_A_CHAT = ("thread_id", "session_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where `customer=` is looked up: `"context.phone"`, `"configurable.phone"`, or a callable of this."""

    context: Any = field(default=None, repr=False)  # `agent.invoke(..., context=...)`
    configurable: Mapping[str, Any] = field(default_factory=dict, repr=False)  # of the run's config
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)  # of the run's config

    @property
    def conversation(self) -> str | None:
        """The run's thread, or the session of a message history."""
        for said in (self.configurable, self.metadata):
            for name in _NAMES_OF_A_CHAT:
                if said.get(name):
                    return str(said[name])
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A call whose tool is at work."""

    tool: str
    arguments: Mapping[str, Any] | None
    call_id: str | None
    run: Run
    at: float

    def finished(self, result: Any = None, error: str | None = None) -> Finished:
        return Finished(
            tool=self.tool,
            arguments=self.arguments,
            result=result,
            error=error,
            call_id=self.call_id,
            conversation=self.run.conversation,
            seconds=monotonic() - self.at,
            context=self.run,
        )


class Bookings(BaseCallbackHandler):  # type: ignore[misc, unused-ignore]
    """Reports the succeeded bookings among a run's tool calls, and records all of them.

    A callback on purpose, and no middleware: it sees what each call of the tool itself came to, under every middleware
    that retries, makes up or replaces results; and it sees the tools of graphs and subagents as well.
    """

    ignore_llm = ignore_chat_model = ignore_chain = ignore_retriever = ignore_retry = ignore_custom_event = True

    def __init__(self, event: str = "Lead", **options: Unpack[Options]) -> None:
        super().__init__()
        self._observer = Observer(event, **options)
        self._under_way: dict[UUID, _Begun] = {}
        self._lock = Lock()

    def on_tool_start(
        self,
        serialized: Mapping[str, Any] | None,
        input_str: str,  # noqa: ARG002 - LangChain's signature
        *,
        run_id: UUID,
        metadata: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        tool_call_id: str | None = None,
        name: str | None = None,
        **_: Any,
    ) -> None:
        """Remember whose call it is: at its end LangChain does not say."""
        tool = (serialized or {}).get("name") or name or "tool"
        begun = _Begun(tool=tool, arguments=inputs, call_id=tool_call_id, run=_run(metadata), at=monotonic())
        with self._lock:
            if len(self._under_way) >= _MOST_UNDER_WAY:
                self._under_way.pop(next(iter(self._under_way)))
            self._under_way[run_id] = begun

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell what the tool answered."""
        begun = self._ended(run_id)
        if begun is not None:
            message = _message_in(output, begun.call_id)
            refused = getattr(message, "status", None) == "error"
            self._observer.saw(begun.finished(_answer(message), error="ToolException" if refused else None))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Tell that the tool raised, or that its graph waits for somebody's answer."""
        begun = self._ended(run_id)
        if begun is not None:
            word = "timeout" if isinstance(error, TimeoutError) else type(error).__name__
            self._observer.saw(begun.finished(error=word))

    def _ended(self, run_id: UUID) -> _Begun | None:
        with self._lock:
            return self._under_way.pop(run_id, None)


def _run(metadata: Mapping[str, Any] | None) -> Run:
    context, configurable = None, {}
    with contextlib.suppress(RuntimeError):  # a tool that is called outside of every graph
        configurable = {
            name: value for name, value in get_config().get("configurable", {}).items() if not name.startswith("__")
        }
        context = getattr(get_runtime(), "context", None)
    return Run(context=context, configurable=configurable, metadata=metadata or {})


def _message_in(output: Any, call_id: str | None) -> Any:
    """The tool's answer among what it may give LangGraph besides: commands, with their updates of the state."""
    if isinstance(output, Command):
        update = output.update
        output = update.get("messages") if isinstance(update, dict) else None
    if not isinstance(output, list) or not any(isinstance(part, ToolMessage | Command) for part in output):
        return output
    answers = [_message_in(part, call_id) for part in output]
    own = [answer for answer in answers if getattr(answer, "tool_call_id", None) == call_id]
    return own[-1] if own else None


def _answer(message: Any) -> Any:
    """What the tool's function returned: of a dict, LangChain keeps the JSON text."""
    if not isinstance(message, ToolMessage):
        return message
    content = decoded(message.content)
    return content if message.artifact is None else (content, message.artifact)
