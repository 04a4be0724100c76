"""The parts of the gateway whose work shows in traces, in the places of those whose doesn't.

Nothing of it is loaded while KONVERSI_TRACES is off, and the parts themselves know nothing of it.
An attempt is linked to the calls that brought its events where this process took them, and lately: the links are held
in memory. A column would cost every event a little, in every installation (`docs/decisions/0039-traces.md`).
"""

from __future__ import annotations

from collections import OrderedDict
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from konversi.intake.listen import Listener
from konversi.intake.on_demand import OnDemandReceiver
from konversi.intake.receipts import Receipt
from konversi.intake.receive import Receiver, Refusal
from konversi.intake.turns import Turns
from konversi.meta.answers import Kind
from konversi.outbox.port import receipt
from konversi.tracing import start
from konversi.tracing.spans import CLIENT, current, failed, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.trace import SpanContext, Tracer
    from opentelemetry.util.types import AttributeValue

    from konversi.delivery.courier import Sender
    from konversi.events.conversion import Conversion
    from konversi.intake.call import Call
    from konversi.intake.listen import Told
    from konversi.intake.prepare import Ready
    from konversi.intake.turns import TurnOutcome, TurnReport
    from konversi.journeys.arrival import Heard
    from konversi.matching.match import Hashed
    from konversi.meta.graph import Credentials, Sent
    from konversi.outbox.port import Appended, Batch, Candidate, Choice, NewEvent, Outbox

_REMEMBERED = 10_000  # events whose calls are known
_MOST_LINKS = 100
_MOST_NAMED = 20

_claimed: ContextVar[Sequence[int]] = ContextVar("claimed", default=())


class TracedReceiver(Receiver):
    """Says when it takes conversions, and when it composes their events."""

    async def receive(self, conversion: Conversion, *, waited: float = 0.0) -> Receipt:
        (outcome,) = await self.receive_all([conversion], waited=waited)
        if isinstance(outcome, Refusal):
            raise outcome.error
        return outcome

    async def receive_all(
        self, conversions: Sequence[Conversion], *, waited: float = 0.0, conversation: str | None = None
    ) -> list[Receipt | Refusal]:
        with span(start(), "konversi receive", {"konversi.events": len(conversions)}) as one:
            outcomes = await super().receive_all(conversions, waited=waited, conversation=conversation)
            taken = [outcome.receipt for outcome in outcomes if isinstance(outcome, Receipt)]
            one.set_attribute("konversi.receipts", taken[:_MOST_NAMED])
            refused = [outcome.error.code for outcome in outcomes if isinstance(outcome, Refusal)]
            if refused:
                one.set_attribute("konversi.refused", len(refused))
                failed(one, refused[0])
            return outcomes

    async def _prepared(
        self, conversions: Sequence[Conversion], now: float, conversation: str | None, hashed: Iterable[Hashed] = ()
    ) -> list[Ready | Refusal]:
        with span(start(), "konversi compose", {"konversi.events": len(conversions)}):
            return await super()._prepared(conversions, now, conversation, hashed)


class TracedOnDemandReceiver(TracedReceiver, OnDemandReceiver):
    """The same where delivery happens inside the call."""


class TracedListener(Listener):
    """Says when it keeps what a webhook brought."""

    async def listen(self, heard: Heard, *, forward: Call | None = None) -> Told:
        with span(start(), "konversi listen") as one:
            told = await super().listen(heard, forward=forward)
            one.set_attributes({"konversi.messages": told.new, "konversi.repeated": told.known})
            return told


class TracedTurns(Turns):
    """Says when it looks at what an agent did."""

    async def take(self, report: TurnReport) -> TurnOutcome:
        with span(start(), "konversi turn") as one:
            outcome = await super().take(report)
            tools, bookings = len(outcome.calls), len(outcome.bookings)
            one.set_attributes({"konversi.tools": tools, "konversi.bookings": bookings})
            return outcome


class _TracedOutbox:
    """An outbox that says when it writes, and remembers for which call."""

    def __init__(self, outbox: Outbox, tracer: Tracer) -> None:
        self._outbox = outbox
        self._tracer = tracer
        self.calls: OrderedDict[int, SpanContext] = OrderedDict()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]:
        with span(self._tracer, "konversi write", {"konversi.events": len(events)}) as one:
            appended = await self._outbox.append(events)
            repeats = sum(done.repeat for done in appended)
            one.set_attributes({"konversi.repeats": repeats, "konversi.conflicts": sum(d.conflict for d in appended)})
        call = current()
        if call.is_valid:
            self.calls.update((done.id, call) for done in appended if not (done.repeat or done.conflict))
            while len(self.calls) > _REMEMBERED:
                self.calls.popitem(last=False)
        return appended

    async def claim(
        self,
        lane: str,
        now: float,
        lease_until: float,
        choose: Callable[[Sequence[Candidate]], Choice],
        *,
        at_once: int | None = None,
    ) -> Batch | None:
        """The batch is sent in the same task, which the sender finds it by."""
        batch = await self._outbox.claim(lane, now, lease_until, choose, at_once=at_once)
        _claimed.set(batch.ids if batch else ())
        return batch


class _TracedSender:
    """Says when it asks Meta, and what came of it."""

    def __init__(self, sender: Sender, outbox: _TracedOutbox, tracer: Tracer) -> None:
        self._sender = sender
        self._outbox = outbox
        self._tracer = tracer

    async def send(self, to: Credentials, data: bytes, *, events: int, test_code: str | None) -> Sent:
        ids = _claimed.get()
        calls = {call.span_id: call for event in ids if (call := self._outbox.calls.get(event)) is not None}
        told: dict[str, AttributeValue] = {
            "konversi.dataset": f"…{to.pixel_id[-4:]}",
            "konversi.events": events,
            "konversi.receipts": [receipt(event) for event in ids[:_MOST_NAMED]],
            "konversi.test": test_code is not None,
            "http.request.method": "POST",
            "http.request.body.size": len(data),
        }
        with span(self._tracer, "konversi send", told, kind=CLIENT, links=list(calls.values())[:_MOST_LINKS]) as one:
            sent = await self._sender.send(to, data, events=events, test_code=test_code)
            verdict = sent.verdict
            answered = {
                "konversi.verdict": verdict.kind.value,
                "http.response.status_code": verdict.http_status,
                "meta.fbtrace_id": verdict.fbtrace_id,
                "meta.error.code": verdict.code,
                "meta.error.subcode": verdict.subcode,
            }
            one.set_attributes({name: value for name, value in answered.items() if value is not None})
            if verdict.kind is not Kind.DELIVERED:
                failed(one, verdict.kind.value)
            return sent


def traced(outbox: Outbox, sender: Sender) -> tuple[Outbox, Sender]:
    """Both, as they show in traces. Raises as `tracing.start`."""
    tracer = start()
    seen = _TracedOutbox(outbox, tracer)
    return cast("Outbox", seen), _TracedSender(sender, seen, tracer)
