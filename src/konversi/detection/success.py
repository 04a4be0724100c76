"""Did the tool succeed? "Called" is not "succeeded": frameworks report soft failures and even exceptions as results.

The rules are tables; what counts is written here and nowhere else.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sized
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.detection.paths import RECORDS, WRAPPERS, Layers, layers_of, read
from konversi.detection.plain import entries, fields, fold

if TYPE_CHECKING:
    from collections.abc import Callable


class Outcome(NamedTuple):
    """Whether a tool did what it is for. Holds no word of the result itself, which may be an identity."""

    ok: bool
    why: str
    remedy: str = ""  # what to change in the program, where the result can't be judged as it is


def failed(why: str, remedy: str = "") -> Outcome:
    """The verdict on a call that does not count."""
    return Outcome(ok=False, why=why, remedy=remedy)


def _folded(*words: str) -> frozenset[str]:
    return frozenset(map(fold, words))


_MUST_BE_TRUE = _folded("ok", "success", "succeeded", "successful", "is_success", "booked")
_MUST_BE_FALSE = _folded(
    "error", "errors", "error_message", "error_code", "exception", "is_error", "failed", "failure",
    "needs_confirmation", "requires_confirmation", "timed_out",
)  # fmt: skip
_STATES = _folded("status", "state", "outcome", "booking_status")
_NUMBERED_STATES = _folded("status", "status_code", "http_status")
_FAILING_STATES = _folded(
    "error", "errored", "fail", "failed", "failure", "rejected", "refused", "declined", "denied", "invalid", "conflict",
    "unavailable", "not_available", "not_found", "unauthorized", "forbidden", "sold_out", "full", "fully_booked",
    "pending", "pending_confirmation", "needs_confirmation", "requires_confirmation", "awaiting_confirmation",
    "requires_action", "needs_approval", "pending_approval", "awaiting_approval", "input_required", "in_progress",
    "incomplete", "draft", "cancelled", "canceled", "aborted", "skipped", "retry", "retried", "interrupted", "timeout",
    "timed_out", "expired", "gagal", "ditolak", "batal", "dibatalkan", "menunggu", "menunggu_konfirmasi", "penuh",
    "tidak_tersedia",
)  # fmt: skip
_FAILING_TYPES = _folded("error", "tool_error", "error_text", "error_json", "execution_denied", "retry_prompt")
_NO = _folded("false", "no", "0", "none", "null", "tidak")
_NO_ERROR = _NO | _folded("00", "ok", "success", "")
_FIRST_FAILING_HTTP_STATUS = 400

# What frameworks put in the place of a result when a tool raised, timed out, was unknown or was not approved.
_ERROR_SENTENCE = re.compile(
    r"\s*(?:"
    r"an error occurred while (?:running|parsing|executing)"  # OpenAI Agents SDK
    r"|tool '?[\w.-]+'? timed out|timed out after|tool (?:execution|call) (?:failed|error|was not approved)"
    r"|error (?:executing|invoking|calling|running|when executing|in calling) (?:the )?tool"  # LangGraph, MCP, CrewAI
    r"|error:|tool error|toolexception|<tool_use_error>|traceback \(most recent call last\)"
    r"|user rejected the tool call|the tool call was denied|the user doesn't want to"  # LangChain, Pydantic AI
    r"|i encountered an error while trying to use the tool|encountered (?:an )?error"  # CrewAI, LlamaIndex
    r"|tool exceeded max|unknown tool|tool not (?:executed|found)|invoking `[^`]*` failed"  # Pydantic AI, Google ADK
    r"|\[?request interrupted"
    r")",
    re.IGNORECASE,
)
_SENTENCE_FIELDS = _folded("message", "messages", "msg", "detail", "details", "reason", "note", "reply", "description")
_FIELDS_OF_TEXT = WRAPPERS | _SENTENCE_FIELDS
_ENVELOPE_FIELDS = _folded("type", "role", "meta", "annotations", "mime_type")

_USE_PREDICATE = (
    "Return the booking's fields (a dict with its id), or give `success=` a function that judges the result."
)
_TEXT_ONLY = failed("the tool answered with text only, which can't be told from a failure", _USE_PREDICATE)
_NO_FIELDS = failed("the tool answered with nothing to judge by", _USE_PREDICATE)
_SUCCEEDED = Outcome(ok=True, why="the result says success")


def succeeded(
    result: Any,
    *,
    is_error: bool = False,
    id_path: str | None = None,
    arguments: Any = None,
    success: Callable[[Any], Any] | None = None,
) -> Outcome:
    """The verdict on one tool call that returned `result`. Raises nothing.

    `is_error` is the framework's own flag. `success`, where given, decides in place of the rules on the result.
    `id_path` has to lead to something, in the result or else in the call's `arguments`.
    """
    if is_error or isinstance(result, BaseException):
        return failed("the tool raised, or its framework reported an error")
    layers = layers_of(result)
    outcome = _asked(success, result) if success is not None else _judged(result, layers)
    if outcome.ok and id_path is not None and _absent(id_path, layers, arguments):
        return failed("the result has no booking id", f"Check the id's path ({id_path!r}) against the result.")
    return outcome


def failure_in(layer: dict[str, Any]) -> str | None:
    """Which of a layer's folded fields says that it failed; None where none does."""
    for key, value in layer.items():
        if key in _MUST_BE_TRUE and value is not None and _means_no(value):
            return f"`{key}` is false"
        if key in _MUST_BE_FALSE and not _means_no_error(value):
            return f"`{key}` is set"
        if key in _STATES and _is_one_of(_FAILING_STATES, value):
            return f"`{key}` is not that of a finished booking"
        if key in _NUMBERED_STATES and _http_failure(value):
            return f"`{key}` is an HTTP error"
        if key == "type" and _is_one_of(_FAILING_TYPES, value):
            return "its type is an error"
    return None


def _judged(result: Any, layers: Layers) -> Outcome:
    for layer in layers:
        why = failure_in(layer)
        if why is not None:
            return failed(f"the result says failure: {why}")
    if any(_ERROR_SENTENCE.match(text) for text in _texts(result, layers)):
        return failed("the result is a framework's error message")
    if any(_says_something(layer) for layer in layers):
        return _SUCCEEDED
    return _TEXT_ONLY if _texts(result, layers) else _NO_FIELDS


def _asked(success: Callable[[Any], Any], result: Any) -> Outcome:
    try:
        ok = bool(success(result))
    except Exception as error:  # noqa: BLE001 - a caller's own function may raise anything, and must not break the chat
        return failed(f"`success` raised {type(error).__name__}", "Make `success` return True or False.")
    return Outcome(ok=ok, why="`success` says so")


def _absent(id_path: str, layers: Layers, arguments: Any) -> bool:
    return read(layers, id_path) is None and read(layers_of(arguments), id_path) is None


def _is_one_of(words: frozenset[str], value: Any) -> bool:
    word = value.value if isinstance(value, enum.Enum) else value
    return isinstance(word, str) and fold(word) in words


def _means_no(value: Any) -> bool:
    if isinstance(value, str):
        return fold(value) in _NO or not value.strip()
    return isinstance(value, bool | int | float) and not value


def _means_no_error(value: Any) -> bool:
    if isinstance(value, str):
        return fold(value) in _NO_ERROR
    if value is None or isinstance(value, bool | int | float):
        return not value
    return isinstance(value, Mapping | list | tuple | set | frozenset) and not value


def _http_failure(value: Any) -> bool:
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():  # noqa: PLR2004 - "404"
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number and value >= _FIRST_FAILING_HTTP_STATUS


def _texts(result: Any, layers: Layers) -> list[str]:
    """Sentences that stand where a result should: not a booking's own fields."""
    texts = [result] if isinstance(result, str) else []
    texts += [entry for entry in entries(result) or () if isinstance(entry, str)]
    for layer in layers:
        texts += [text for key, text in layer.items() if key in _FIELDS_OF_TEXT and isinstance(text, str) and text]
    return texts


_SILENT_FIELDS = (WRAPPERS - RECORDS) | _SENTENCE_FIELDS | _ENVELOPE_FIELDS


def _says_something(layer: dict[str, Any]) -> bool:
    return any(key not in _SILENT_FIELDS and not _says_nothing(key, value) for key, value in layer.items())


def _says_nothing(key: str, value: Any) -> bool:
    if value is None or (isinstance(value, Sized) and not value):
        return True
    return key in RECORDS and (fields(value) is not None or entries(value) is not None)  # judged as layers of their own
