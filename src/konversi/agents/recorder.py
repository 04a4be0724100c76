"""What happens after a tool call ended: judge, read, hand over. Nothing here may hurt the call."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.agents.conversation import current
from konversi.agents.customers import Person, found_at, person
from konversi.agents.tracker import (
    at_hand,
    code_of,
    default_tracker,
    hand_over,
    harmless,
    wait,
    wait_async,
    warn,
)
from konversi.agents.uses import outcome_of, unique_id, use_of
from konversi.detection.plain import fold
from konversi.detection.recipe import Given, Recipe, compose
from konversi.detection.success import succeeded
from konversi.detection.transcript import is_one_of
from konversi.events.conversion import Channel, Conversion, Customer, Service
from konversi.events.faults import Fault, Refused
from konversi.events.names import event_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from konversi.agents.conversation import Conversation
    from konversi.agents.observer import Finished
    from konversi.agents.tracker import Tracker
    from konversi.detection.success import Outcome
    from konversi.events.agent import ToolUse

_LONGEST_WAIT = 60.0
_LONGEST_TEXT = 20_000  # characters; a longer answer of a tool that books nothing is not worth the time to read


class Seen(NamedTuple):
    """What a call comes to."""

    conversion: Conversion | None
    use: ToolUse | None
    booked: bool
    conversation: Conversation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """The settings of one `@on_success` or adapter, and what is done by them.

    Raises `Refused` for an event that Meta can't take, pydantic's `ValidationError`, `TypeError` or `ValueError` for
    other settings that never work.
    """

    event: str
    tools: Collection[str] | None  # the booking tools' names; None where every call is one
    id: str | None
    value: str | float | Callable[[Any], Any] | None
    currency: str | None
    customer: str | Customer | Callable[[Any], Any] | None
    services: str | Sequence[Service] | Callable[[Any], Any] | None
    channel: Channel | None
    source: str | None
    success: Callable[[Any], Any] | None
    via: Tracker | None
    timeout: float
    customer_is_asked_of_the_result: bool = False  # else a callable `customer` gets the run's context
    _wanted: frozenset[str] | None = field(init=False)

    def __post_init__(self) -> None:
        asked = {"value": self.value, "customer": self.customer, "services": self.services, "success": self.success}
        for part, given in asked.items():
            if inspect.iscoroutinefunction(given):
                raise TypeError(
                    f"`{part}` has to be a plain function: it is called while the tool's result is at hand."
                )
        if not 0 < self.timeout <= _LONGEST_WAIT:
            raise ValueError(f"`timeout` has to be between 0 and {_LONGEST_WAIT:g} seconds.")
        submit = getattr(self.via, "submit", None)
        if self.via is not None and (not callable(submit) or inspect.iscoroutinefunction(submit)):
            raise TypeError("`via` has to be an open `SyncKonversi`: tools are sync and async, and it serves both.")
        name: str | Fault = event_name(self.event)
        if isinstance(name, Fault):
            raise Refused((name,))
        amount = self.value if isinstance(self.value, int | float) else None
        Conversion(event=name, value=amount, channel=self.channel, source=self.source)
        tools = (self.tools,) if isinstance(self.tools, str) else self.tools
        object.__setattr__(self, "event", name)
        object.__setattr__(self, "_wanted", None if tools is None else frozenset(map(fold, tools)))

    def record(self, call: Finished) -> None:
        """Hand over what the call comes to, and wait for the durable write of its conversion, if there is one."""
        with harmless("conversion_not_recorded", call.tool):
            seen = self._seen(call)
            future = self._handed_over(seen, at_hand(self.via) or default_tracker(), call)
            if future is not None:
                wait(future, self.timeout, call.tool)

    async def record_async(self, call: Finished) -> None:
        """`record` without holding up the event loop, which the first opening of the process's own gateway would."""
        with harmless("conversion_not_recorded", call.tool):
            seen = self._seen(call)
            tracker = at_hand(self.via)
            if tracker is not None:
                future = self._handed_over(seen, tracker, call)
            else:  # in the thread that opens it, which a cancelled run of the agent does not end
                future = await asyncio.to_thread(self._opened_and_handed_over, seen, call)
            if future is not None:
                await wait_async(future, self.timeout, call.tool)

    def mention(self, call: Finished) -> None:
        """Record a call that was broken off, where that takes no time: the program may be on its way out."""
        tracker = at_hand(self.via)
        if tracker is not None:
            with harmless("note_not_recorded", call.tool):
                self._handed_over(self._seen(call), tracker, call)

    def _opened_and_handed_over(self, seen: Seen, call: Finished) -> Any:
        return self._handed_over(seen, default_tracker(), call)

    def _handed_over(self, seen: Seen, tracker: Tracker, call: Finished) -> Any:
        if seen.conversation is not None:
            seen.conversation.saw(booked=seen.booked, tracker=tracker, conversation=call.conversation)
        return hand_over(tracker, seen.conversion, seen.use, call.tool)

    def _seen(self, call: Finished) -> Seen:
        chat = current(call.conversation)
        name_of_chat = (chat.id if chat is not None else None) or call.conversation
        is_booking = self._wanted is None or is_one_of(self._wanted, call.tool)
        who = self._customer(call, chat)
        verdict = self._verdict(call, is_booking=is_booking)
        conversion = None
        if is_booking and verdict is not None and verdict.ok and not call.cached:
            conversion = self._conversion(call, who, unique_id(call, name_of_chat))
        elif is_booking and verdict is not None and verdict.remedy:
            warn("conversion_not_counted", tool=call.tool, code="not_judged", why=verdict.why, remedy=verdict.remedy)
        known = conversion.customer if conversion is not None else who.customer
        use = use_of(
            call, outcome_of(call, verdict), conversation=name_of_chat,
            customer=known if known is not None and known.model_fields_set else None,
        )  # fmt: skip
        return Seen(conversion, use, is_booking and verdict is not None and verdict.ok, chat)

    def _verdict(self, call: Finished, *, is_booking: bool) -> Outcome | None:
        if call.error is not None:
            return None
        if is_booking:
            return succeeded(call.result, id_path=self.id, arguments=call.arguments, success=self.success)
        return None if isinstance(call.result, str) and len(call.result) > _LONGEST_TEXT else succeeded(call.result)

    def _customer(self, call: Finished, chat: Conversation | None) -> Person:
        """Who was named where the tool was set up, else whose chat it is."""
        named: Any = self.customer
        if isinstance(named, str):
            named = found_at(named, call)
        elif callable(named):
            about = call.result if self.customer_is_asked_of_the_result else call.context
            named = None if call.error is not None else _answer("customer", named, about, call.tool)
        who = person(named)
        return Person(chat.customer, who.dropped) if who.customer is None and chat is not None else who

    def _conversion(self, call: Finished, who: Person, call_id: str | None) -> Conversion | None:
        reading = compose(
            Recipe(
                event=self.event, id=self.id, currency=self.currency, channel=self.channel, source=self.source,
                value=_asked("value", self.value, call),
                customer=Given(who.customer) if who.customer is not None else None,
                services=_asked("services", self.services, call),
            ),
            call.result, call.arguments, event_id=None if call_id is None else f"{self.event}:{call_id}",
        )  # fmt: skip
        dropped = reading.dropped + who.dropped
        if reading.conversion is None or (self.id is not None and reading.conversion.booking_id is None):
            warn("conversion_not_counted", tool=call.tool, code="unusable", parts=dropped)
            return None
        if dropped:
            warn("conversion_incomplete", tool=call.tool, code="parts_dropped", parts=dropped)
        return reading.conversion


def _asked(part: str, given: Any, call: Finished) -> Any:
    """A path as it is, and everything else as the thing itself; a callable is asked for it."""
    if given is None or isinstance(given, str):
        return given
    return Given(_answer(part, given, call.result, call.tool) if callable(given) else given)


def _answer(part: str, ask: Callable[[Any], Any], about: Any, tool: str) -> Any:
    try:
        return ask(about)
    except Exception as error:  # noqa: BLE001 - a booking without its value is worth more than none
        warn("conversion_incomplete", tool=tool, code=code_of(error), parts=(part,))
        return None
