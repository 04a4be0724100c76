"""Tool calls and their results in message lists: OpenAI (chat and Responses), Anthropic, and those that follow them.

Only the places where frameworks put calls are walked. What a tool answered and what people wrote is never searched for
calls, so nobody can talk a booking into being.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.detection.paths import read
from konversi.detection.plain import entries, fields, fold
from konversi.detection.success import failure_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def _folded(*names: str) -> frozenset[str]:
    return frozenset(map(fold, names))


# What a node calls itself in `type`, `part_kind` or `role`.
_CALL_TYPES = _folded("function_call", "tool_use", "tool_call", "custom_tool_call", "mcp_call", "mcp_tool_use")
_RESULT_TYPES = _folded(
    "function_call_output", "tool_result", "tool", "function", "tool_return", "retry_prompt", "tool_error",
    "custom_tool_call_output", "mcp_tool_result",
)  # fmt: skip
_FAILED_TYPES = _folded("tool_error", "retry_prompt")
# A key that holds one call or result: Gemini and legacy OpenAI, Genkit, Bedrock.
_CALL_KEYS = _folded("function_call", "toolRequest", "toolUse")
_RESULT_KEYS = _folded("function_response", "toolResponse", "toolResult")
# A key that holds a list of them.
_CALL_LISTS = _folded("tool_calls")
_RESULT_LISTS = _folded("tool_results")
_CONTAINERS = _folded(
    "messages", "new_messages", "output", "outputs", "steps", "items", "new_items", "raw_item", "parts", "content",
    "contents", "choices", "candidates", "message", "response", "responses", "history", "events",
)  # fmt: skip

_NAMES = ("name", "tool_name", "function.name", "tool")
_CALL_IDS = ("call_id", "tool_call_id", "tool_use_id", "id", "ref")
_RESULT_IDS = ("tool_call_id", "tool_use_id", "call_id", "ref")  # `id` is the message's own
_ARGUMENTS = ("arguments", "args", "input", "function.arguments", "tool_input", "parameters")
_PAYLOADS = tuple(
    map(fold, ("structured_content", "content", "output", "result", "response", "artifact", "tool_output"))
)

_NAMESPACE = re.compile(r"__|[.:/]")
_DEEPEST = 16
_MOST_NODES = 50_000


@dataclass(slots=True)
class Call:
    """A tool call as it stands in a transcript, and its answer once it has come."""

    name: str
    call_id: str | None = None
    arguments: Any = field(default=None, repr=False)
    answered: bool = False
    result: Any = field(default=None, repr=False)
    is_error: bool = False


class Answer(NamedTuple):
    """A tool's result as it stands in a transcript."""

    name: str | None
    call_id: str | None
    result: Any
    is_error: bool


def calls_in(transcript: Any) -> list[Call]:
    """Every tool call with its last result, in the order of calling. Raises nothing; what is malformed is skipped."""
    ledger = _Ledger()
    for found in _Walk().through(transcript, _DEEPEST):
        if isinstance(found, Answer):
            ledger.answer(found)
        else:
            ledger.ask(found)
    return ledger.calls


def is_one_of(wanted: frozenset[str], name: str) -> bool:
    """Whether a tool is among the wanted ones (folded), also behind a server's name: `mcp__shop__create_booking`."""
    return fold(name) in wanted or fold(_NAMESPACE.split(name)[-1]) in wanted


def name_of(own: dict[str, Any]) -> str | None:
    """The tool that a node speaks of."""
    return next((name for name in (read((own,), path) for path in _NAMES) if isinstance(name, str)), None)


def payload_of(own: dict[str, Any]) -> Any:
    """What the tool itself answered; several parts (a text and its artifact) as a tuple, None where there are none."""
    parts = tuple(own[key] for key in _PAYLOADS if own.get(key) is not None)
    return parts[0] if len(parts) == 1 else parts or None


def is_failure(own: dict[str, Any]) -> bool:
    """Whether the framework's own words around a result say that it failed."""
    return failure_in(own) is not None or _type(own) in _FAILED_TYPES


def arguments_of(own: dict[str, Any]) -> Any:
    """What the tool was called with."""
    return next((found for found in (read((own,), path) for path in _ARGUMENTS) if found is not None), None)


class _Ledger:
    """Brings calls and answers together: by id where there is one, else by name in the order of calling."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._by_id: dict[str, Call] = {}
        self._waiting: dict[str, list[Call]] = {}

    def ask(self, call: Call) -> None:
        if call.call_id is not None:
            before = self._by_id.get(call.call_id)
            if before is not None and not before.answered:
                return  # one call in two spellings, as in LangChain's `content` and `tool_calls`
            self._by_id[call.call_id] = call
        self._waiting.setdefault(call.name, []).append(call)
        self.calls.append(call)

    def answer(self, answer: Answer) -> None:
        call = self._by_id.get(answer.call_id) if answer.call_id is not None else None
        if call is None and answer.name is not None:
            call = self._next_waiting(answer.name, answer.call_id) or self._unasked(answer.name, answer.call_id)
        if call is not None:
            call.answered, call.result, call.is_error = True, answer.result, answer.is_error

    def _next_waiting(self, name: str, call_id: str | None) -> Call | None:
        waiting = self._waiting.get(name, [])
        while waiting and waiting[0].answered:
            waiting.pop(0)
        return next((call for call in waiting[:1] if call.call_id is None or call_id is None), None)

    def _unasked(self, name: str, call_id: str | None) -> Call:
        self.ask(Call(name, call_id))
        return self.calls[-1]


class _Walk:
    """One pass through a transcript with a limit on the work it may cost, however the input refers to itself."""

    def __init__(self) -> None:
        self._left = _MOST_NODES

    def through(self, value: Any, depth: int) -> Iterator[Call | Answer]:
        self._left -= 1
        if depth == 0 or self._left < 0 or isinstance(value, str):
            return
        several = entries(value)
        if several is not None:
            for entry in several:
                yield from self.through(entry, depth - 1)
            return
        own = fields(value)
        if own is not None:
            yield from self._through_fields(own, depth)

    def _through_fields(self, own: dict[str, Any], depth: int) -> Iterator[Call | Answer]:
        if _type(own) in _CALL_TYPES or _is_step(own):
            yield from _as_call(own)
        elif _type(own) in _RESULT_TYPES and (name_of(own) or _identity(own, _RESULT_IDS)):
            yield _as_answer(own)
        else:
            for key, inner in own.items():
                if key in _CONTAINERS:
                    yield from self.through(inner, depth - 1)
                else:
                    yield from _under(key, inner)


def _under(key: str, value: Any) -> Iterator[Call | Answer]:
    if key in _CALL_KEYS or key in _RESULT_KEYS:
        nodes: Iterable[Any] = (value,)
    elif key in _CALL_LISTS or key in _RESULT_LISTS:
        nodes = entries(value) or ()
    else:
        return
    for own in filter(None, map(fields, nodes)):
        if key in _CALL_KEYS or key in _CALL_LISTS:
            yield from _as_call(own)
        else:
            yield _as_answer(own, (*_RESULT_IDS, "id"))


def _is_step(own: dict[str, Any]) -> bool:
    """An agent's log of steps: `{"tool": ..., "input": ..., "output": ...}`."""
    return isinstance(own.get("tool", own.get("toolname")), str) and not _type(own) and payload_of(own) is not None


def _as_call(own: dict[str, Any]) -> Iterator[Call | Answer]:
    name, call_id = name_of(own), _identity(own, _CALL_IDS)
    if name is None:
        return
    yield Call(name, call_id, arguments_of(own))
    if payload_of(own) is not None or own.get("error"):
        yield Answer(name, call_id, payload_of(own), is_failure(own))  # a call that carries its own result


def _as_answer(own: dict[str, Any], ids: Iterable[str] = _RESULT_IDS) -> Answer:
    return Answer(name_of(own), _identity(own, ids), payload_of(own), is_failure(own))


def _identity(own: dict[str, Any], names: Iterable[str]) -> str | None:
    found = (own.get(fold(name)) for name in names)
    return next((value for value in found if isinstance(value, str) and value), None)


def _type(own: dict[str, Any]) -> str:
    for key in ("type", "partkind", "kind", "role"):
        kind = own.get(key)
        if isinstance(kind, str) and fold(kind) in _CALL_TYPES | _RESULT_TYPES:
            return fold(kind)
    return ""
