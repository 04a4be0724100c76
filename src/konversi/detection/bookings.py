"""Succeeded bookings in an agent's result: the setup guide's shape, or a message list of the usual frameworks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from konversi.detection import call_ids
from konversi.detection.plain import fold
from konversi.detection.recipe import Given, Reading, Recipe, compose
from konversi.detection.report import claims_in, has_booking, reports_in
from konversi.detection.success import Outcome, failed, succeeded
from konversi.detection.transcript import Call, calls_in, is_one_of
from konversi.events.faults import Fault, Refused
from konversi.events.names import LEAD, event_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from konversi.events.conversion import Conversion, Customer

TOOLS = ("createBooking", "create_booking")

_SHOW_IT = "Put the tool's results into `metadata.toolResults`, or the `bookingId` into the agent's result."


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a booking tool, and what it means. `conversion` is None where it did not succeed."""

    name: str
    call_id: str | None
    arguments: Any = field(repr=False)
    result: Any = field(repr=False)
    outcome: Outcome
    conversion: Conversion | None = field(default=None, repr=False)
    dropped: tuple[str, ...] = ()  # parts that were there but can't be used, as dotted names


def bookings_in(
    result: Any,
    *,
    tools: Collection[str] = TOOLS,
    event: str = LEAD,
    customer: Customer | None = None,
    success: Callable[[Any], Any] | None = None,
) -> list[Conversion]:
    """One conversion for each booking that succeeded, however often its tool was called. Empty for anything unreadable.

    `customer` is the person in the chat, and goes before what the tool was told; `success` judges a tool's result in
    place of the rules. `inspect_result` tells why a call did not count. Raises only `Refused`, for an unusable `event`.
    """
    seen: set[tuple[str, str]] = set()
    bookings: list[Conversion] = []
    for call in inspect_result(result, tools=tools, event=event, customer=customer, success=success):
        if call.conversion is None:
            continue
        key = _identity(call)
        if key not in seen and call.conversion not in (bookings if key is None else ()):
            bookings.append(call.conversion)
        if key is not None:
            seen.add(key)
    return bookings


def inspect_result(
    result: Any,
    *,
    tools: Collection[str] = TOOLS,
    event: str = LEAD,
    customer: Customer | None = None,
    success: Callable[[Any], Any] | None = None,
) -> list[ToolCall]:
    """Every call of the booking tools, with the verdict on it and the conversion it makes."""
    name = event_name(event)
    if isinstance(name, Fault):
        raise Refused((name,))
    recipe = Recipe(event=name, customer=None if customer is None else Given(customer))
    wanted = frozenset(map(fold, tools))
    calls = [call for call in calls_in(result) if is_one_of(wanted, call.name)]
    if not any(call.answered for call in calls):
        calls = reports_in(result, wanted) or calls
    judged = [_judged(call, recipe, success) for call in calls]
    if any(call.answered for call in calls):
        return judged
    return [_believed(claim, recipe) for claim in claims_in(result, wanted)] or judged


def _judged(call: Call, recipe: Recipe, success: Callable[[Any], Any] | None) -> ToolCall:
    if not call.answered:
        return _told(call, failed("the tool was called, but there is no result of it"))
    outcome = succeeded(call.result, is_error=call.is_error, success=success)
    if not outcome.ok:
        return _told(call, outcome)
    return _told(
        call, outcome, compose(recipe, call.result, call.arguments, event_id=_event_id(recipe.event, call.call_id))
    )


def _believed(claim: Call, recipe: Recipe) -> ToolCall:
    """A call of which only the name is known: it counts where the agent's own result shows a booking and no failure."""
    outcome = succeeded(claim.result)
    if not outcome.ok:
        return _told(claim, outcome)
    reading = compose(recipe, claim.result, strict=True)
    shown = reading.conversion is not None and reading.conversion.booking_id is not None
    if not shown and not has_booking(claim.result):
        return _told(claim, failed("the tool was called, but nothing shows a booking", _SHOW_IT))
    return _told(claim, outcome, reading)


def _told(call: Call, outcome: Outcome, reading: Reading | None = None) -> ToolCall:
    conversion, dropped = reading or Reading(None)
    if outcome.ok and conversion is None:
        outcome = failed("the tool succeeded, but no conversion can be made of it")
    return ToolCall(call.name, call.call_id, call.arguments, call.result, outcome, conversion, dropped)


def _event_id(event: str, call_id: str | None) -> str | None:
    """What makes a second look at the same transcript the same conversion, where the booking has no id."""
    own = call_ids.unique(call_id)
    return None if own is None else f"{event}:{own}"


def _identity(call: ToolCall) -> tuple[str, str] | None:
    booking_id = call.conversion.booking_id if call.conversion is not None else None
    if booking_id is not None:
        return ("booking", booking_id)
    return ("call", call.call_id) if call.call_id is not None else None
