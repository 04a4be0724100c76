"""The use case behind the agent doors: what an agent did in one turn becomes conversions and metrics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from konversi.detection.bookings import TOOLS, ToolCall, inspect_result
from konversi.detection.call_ids import unique
from konversi.detection.claims import claims_booking
from konversi.detection.others import others_in
from konversi.detection.plain import fold
from konversi.events.agent import ToolUse, Turn
from konversi.events.conversion import Channel, Customer, Identifier, Number, Several, Text
from konversi.events.faults import Fault, Refused
from konversi.intake.told_again import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.consent.store import Consents
    from konversi.events.conversion import Conversion
    from konversi.intake.receipts import Receipt
    from konversi.intake.receive import Receiver, Refusal
    from konversi.journeys.agent_log import AgentLog

Told = TypeVar("Told", ToolUse, Turn)

MOST_RECORDS = 1_000
_LONGEST_ID = 200
_NOTHING = Fault(
    "metadata",
    "nothing_to_report",
    "is missing: there is neither an agent's result nor a reply.",
    "Send `metadata.toolsUsed` with `metadata.toolResults`, or `messages`; and `reply`.",
)
# The parts in which the guide's result and the usual message lists come; a misspelt field alone is none.
_SHAPES = frozenset(
    map(
        fold,
        (
            "metadata", "toolsUsed", "toolResults", "toolOutputs", "toolCalls", "messages", "new_messages", "output",
            "outputs", "result", "response", "responses", "choices", "candidates", "content", "contents", "steps",
            "items", "new_items", "parts", "history", "events", "message",
        ),
    )
)  # fmt: skip
_Tool = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class TurnReport(BaseModel):
    """The body of `POST /v1/agent/turns`: the agent's own result, with whose chat it is and what was answered.

    What isn't named here is the result: `metadata.toolsUsed` and `metadata.toolResults`, or `messages`.
    """

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    turn_id: Identifier | None = Field(
        None, validation_alias=AliasChoices("turnId", "turn_id")
    )  # the same turn, told twice, counts once
    conversation: Identifier | None = None
    customer: Customer | None = None
    customerPhone: Several | None = None  # noqa: N815 - the guide's own name
    customerName: Text | None = None  # noqa: N815 - the guide's own name
    reply: Annotated[str, StringConstraints(max_length=100_000)] | None = None  # read, and not kept
    at: Number | None = None  # Unix seconds; now where absent
    event: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)] = "Lead"
    tools: Annotated[tuple[_Tool, ...], Field(min_length=1, max_length=50)] = TOOLS  # that book
    channel: Channel | None = None
    source: Text | None = None
    dataset: Identifier | None = None

    @property
    def person(self) -> Customer | None:
        """Whose chat it is."""
        if self.customer is not None or (self.customerPhone is None and self.customerName is None):
            return self.customer
        return Customer(phone=self.customerPhone, name=self.customerName)


class Records(BaseModel):
    """What Konversi's own client tells of an agent that runs elsewhere."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    calls: Annotated[tuple[ToolUse, ...], Field(max_length=MOST_RECORDS)] = ()
    turns: Annotated[tuple[Turn, ...], Field(max_length=MOST_RECORDS)] = ()


class Booking(NamedTuple):
    """A succeeded call of a booking tool, and what became of its conversion."""

    tool: str
    outcome: Receipt | Refusal


class TurnOutcome(NamedTuple):
    """What a turn came to."""

    calls: list[ToolCall]
    bookings: list[Booking]
    unfounded: bool  # the reply says that something was booked, and nothing was, neither in it nor lately


class Turns:
    """Takes turns."""

    def __init__(self, receiver: Receiver, log: AgentLog, consents: Consents) -> None:
        self._receiver = receiver
        self._log = log
        self._consents = consents

    async def take(self, report: TurnReport) -> TurnOutcome:
        """Find out which tools succeeded, report the bookings, and keep what the metrics need; durable on return.

        Raises `Refused` for an event that Meta can't take or where there is nothing to look at, and
        `StorageUnavailable`, `Overloaded` or `ShuttingDown`.
        """
        result = report.model_extra or {}
        if report.reply is None and _SHAPES.isdisjoint(map(fold, result)):
            raise Refused([_NOTHING])
        person = report.person
        of_booking = inspect_result(result, tools=report.tools, event=report.event, customer=person)
        used = [*of_booking, *others_in(result, report.tools)]
        names = names_of(used, conversation=report.conversation, turn=report.turn_id)
        booked = _once([(call, name) for call, name in zip(used, names, strict=True) if call.conversion is not None])
        conversions = [_conversion(call, report, name) for call, name in booked]
        claimed = bool(report.reply) and claims_booking(report.reply or "")
        turn = Turn(
            turn_id=report.turn_id,
            conversation=report.conversation,
            customer=person,
            at=report.at,
            tools=min(len(used), MOST_RECORDS),
            booked=bool(booked),
            claimed=claimed,
        )
        uses = [_use(call, report, person, name) for call, name in zip(used, names, strict=True)][:MOST_RECORDS]
        outcomes = await self._receiver.receive_all(conversions, conversation=report.conversation)
        await self.note(uses, [turn])
        bookings = [Booking(call.name, outcome) for (call, _), outcome in zip(booked, outcomes, strict=True)]
        unfounded = claimed and not booked
        if unfounded:
            unfounded = not await self._log.booked_lately(turn.conversation, person, turn.at)
        return TurnOutcome(used, bookings, unfounded)

    async def keep(self, records: Records) -> None:
        """Keep records as they are; durable on return."""
        await self.note(records.calls, records.turns)

    async def note(self, calls: Sequence[ToolUse] = (), turns: Sequence[Turn] = ()) -> None:
        """Keep what an agent did, but for chats with somebody who asked to be forgotten; durable on return."""
        calls, turns = await self._but_the_forgotten(calls), await self._but_the_forgotten(turns)
        await asyncio.gather(self._log.note(calls), *map(self._log.note_turn, turns))

    async def _but_the_forgotten(self, told: Sequence[Told]) -> Sequence[Told]:
        if not told or not self._consents.matters:
            return told
        people = [self._consents.agents_keys(one.conversation, one.customer) for one in told]
        gone = await self._consents.forgotten(people)
        return [one for one, is_gone in zip(told, gone, strict=True) if not is_gone]


def _once(booked: list[tuple[ToolCall, str | None]]) -> list[tuple[ToolCall, str | None]]:
    """One call for each booking, however often its tool was called."""
    found: dict[object, tuple[ToolCall, str | None]] = {}
    for number, (call, name) in enumerate(booked):
        booking_id = call.conversion.booking_id if call.conversion else None
        short = (call.call_id, repr(call.arguments), repr(call.result)) if call.call_id else number
        found.setdefault(booking_id or unique(call.call_id) or short, (call, name))
    return list(found.values())


def _conversion(call: ToolCall, report: TurnReport, known_by: str | None) -> Conversion:
    told = call.conversion
    if told is None:
        raise ValueError("Only a succeeded call makes a conversion.")
    more = {"channel": report.channel, "source": report.source, "dataset": report.dataset, "occurred_at": report.at}
    if told.booking_id is None and told.event_id is None and known_by is not None:
        more["event_id"] = f"{told.event}:{known_by}"[:_LONGEST_ID]
    return told.model_copy(update={name: value for name, value in more.items() if value is not None})


def _use(call: ToolCall, report: TurnReport, person: Customer | None, known_by: str | None) -> ToolUse:
    outcome = "succeeded" if call.outcome.ok else "unknown" if call.outcome.remedy else "failed"
    return ToolUse(
        tool="".join(letter if "!" <= letter <= "~" else "_" for letter in call.name)[:100] or "_",
        outcome=outcome,
        called_at=report.at,
        call_id=known_by,
        conversation=report.conversation,
        customer=person,
    )
