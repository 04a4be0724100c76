"""A finished call as it is kept for the metrics."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from konversi.agents.tracker import warn
from konversi.clock import now
from konversi.detection import call_ids
from konversi.detection.forgiving import build
from konversi.events.agent import ToolUse

if TYPE_CHECKING:
    from konversi.agents.observer import Finished
    from konversi.detection.success import Outcome as Verdict
    from konversi.events.conversion import Customer

# What is raised or said in the place of a result, and is no error. The names are the frameworks' own.
_OUTCOMES: Final = MappingProxyType(
    {
        "denied": "denied",
        "retried": "retried",
        "pending": "pending",
        "ModelRetry": "retried",  # Pydantic AI
        "ToolRetryError": "retried",
        "ApprovalRequired": "pending",
        "CallDeferred": "pending",
        "GraphInterrupt": "pending",  # LangGraph
        "NodeInterrupt": "pending",
        "StopAgentRun": "pending",  # Agno
        "RetryAgentRun": "retried",
        "failed": "failed",
        "ToolFailed": "failed",  # Pydantic AI: declared by the tool, nothing broke
        "ToolFailedError": "failed",
    }
)
_UNPRINTABLE = re.compile(r"[^!-~]+")


def outcome_of(call: Finished, verdict: Verdict | None) -> str:
    """How the call ended; `verdict` is on its result, None where there was no result to judge."""
    if call.cached:
        return "cached"
    if call.error is not None:
        return _OUTCOMES.get(call.error, "error")
    if verdict is None:
        return "unknown"
    return "succeeded" if verdict.ok else "unknown" if verdict.remedy else "failed"


def use_of(call: Finished, outcome: str, *, conversation: str | None, customer: Customer | None) -> ToolUse | None:
    """The record of a call; a part of it that can't be kept is left out and logged."""
    data: dict[str, Any] = {
        "tool": _word(call.tool),
        "outcome": outcome,
        "error_kind": None if call.error is None else _word(call.error),
        "seconds": call.seconds,
        "called_at": now() - (call.seconds or 0),
        "call_id": unique_id(call, conversation),
        "conversation": conversation,
        "customer": customer,
    }
    use, dropped = build(ToolUse, data)
    if dropped:
        warn("note_incomplete", tool=call.tool, code="parts_dropped", parts=dropped)
    return use


def unique_id(call: Finished, conversation: str | None) -> str | None:
    """What makes the same call, told twice, the same: its id, where that is not one of a chat's own counting.

    A short id counts only together with its conversation and arguments.
    """
    own = call_ids.unique(call.call_id)
    if own is not None or not call.call_id or conversation is None:
        return own
    return call_ids.digest(conversation, call.call_id, call.arguments)


def _word(text: str) -> str:
    """A tool's name as one printable word: some frameworks let names have spaces."""
    return _UNPRINTABLE.sub("_", text.strip())[:100] or "_"
