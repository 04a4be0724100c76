"""The tools that an agent used beside those that book, for its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.detection.bookings import ToolCall
from konversi.detection.plain import fold
from konversi.detection.report import reports_in, used_in
from konversi.detection.success import failed, succeeded
from konversi.detection.transcript import calls_in, is_one_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from konversi.detection.transcript import Call

_MOST = 500  # calls in one turn; an agent makes a few
_NO_RESULT = failed(
    "the tool was called, but there is no result of it", "Put the tool's results into `metadata.toolResults`."
)


def others_in(result: Any, booking_tools: Collection[str]) -> list[ToolCall]:
    """Every call of a tool that doesn't book, with the verdict on its own result; never a conversion."""
    booking = frozenset(map(fold, booking_tools))
    called = [call for call in calls_in(result) if not is_one_of(booking, call.name)]
    used = [name for name in used_in(result) if not is_one_of(booking, name)]
    if not any(call.answered for call in called):
        called = reports_in(result, frozenset(map(fold, used))) or called
    known = {call.name for call in called}
    silent = [ToolCall(name, None, None, None, _NO_RESULT) for name in dict.fromkeys(used) if name not in known]
    return [*(_judged(call) for call in called), *silent][:_MOST]


def _judged(call: Call) -> ToolCall:
    outcome = succeeded(call.result, is_error=call.is_error) if call.answered else _NO_RESULT
    return ToolCall(call.name, call.call_id, call.arguments, call.result, outcome)
