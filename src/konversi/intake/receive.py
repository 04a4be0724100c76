"""The one use case behind every door; it reads like the way of an event."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import orjson

from konversi.errors import IdempotencyConflict
from konversi.events.faults import Fault, Note, Refused
from konversi.events.identity import digest, event_id
from konversi.events.names import event_name
from konversi.events.times import deadline, event_time
from konversi.intake.oversized import oversized
from konversi.matching.match import match
from konversi.matching.minimum import too_little
from konversi.meta.channels import PHYSICAL_STORE, Tables
from konversi.meta.compose import compose
from konversi.outbox.lanes import Lane
from konversi.outbox.port import NewEvent, receipt
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.events.conversion import Conversion
    from konversi.outbox.port import Appended, Outbox


_BREATH = 100  # conversions prepared in one go: about 2 ms


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the settings decides how conversions are taken."""

    secret: bytes  # of the installation, for keyed hashes
    country: str | None  # ISO alpha-2, for national phones
    currency: str
    test_code: str | None
    datasets: frozenset[str] = frozenset()  # ids that stand for the default dataset
    tables: Tables = field(default_factory=Tables)


class Receipt(NamedTuple):
    """The promise: this conversion is on durable storage, and will be delivered or end where everybody can see it."""

    receipt: str
    event_id: str
    repeat: bool  # it was accepted before, with the same contents
    notes: tuple[Note, ...]  # what was dropped or chosen on the way
    event: int  # its number in the outbox


class Refusal(NamedTuple):
    """Why a conversion was not accepted."""

    error: Refused | IdempotencyConflict
    event_id: str | None


class Receiver:
    """Accepts conversions."""

    def __init__(
        self,
        outbox: Outbox,
        rules: Rules,
        *,
        now: Callable[[], float],
        unique: Callable[[], str],
        wake: Callable[[str], None],
    ) -> None:
        self._outbox = outbox
        self._rules = rules
        self._now = now
        self._unique = unique
        self._wake = wake
        self._lanes: dict[tuple[str, str], str] = {}

    async def receive(self, conversion: Conversion) -> Receipt:
        """Accept one conversion; durable on return.

        Raises `Refused` (with each fault), `IdempotencyConflict`, `StorageUnavailable` or `Overloaded`.
        """
        (outcome,) = await self.receive_all([conversion])
        if isinstance(outcome, Refusal):
            raise outcome.error
        return outcome

    async def receive_all(self, conversions: Sequence[Conversion]) -> list[Receipt | Refusal]:
        """Accept several, one outcome each in their order; a bad one doesn't refuse the rest."""
        now = self._now()
        prepared: list[_Ready | Refusal] = []
        for start in range(0, len(conversions), _BREATH):
            if start:
                await asyncio.sleep(0)  # a long list must not hold up the other callers, nor delivery
            prepared += [self._prepare(conversion, now) for conversion in conversions[start : start + _BREATH]]
        ready = [one.new for one in prepared if isinstance(one, _Ready)]
        appended = iter(await self._outbox.append(ready) if ready else ())
        for lane in {event.lane for event in ready}:
            self._wake(lane)
        return [_outcome(one, next(appended)) if isinstance(one, _Ready) else one for one in prepared]

    def _prepare(self, conversion: Conversion, now: float) -> _Ready | Refusal:
        try:
            return self._ready(conversion, now)
        except (OverflowError, orjson.JSONEncodeError):
            faults = oversized(conversion)
            if not faults:
                raise
            return _refusal(conversion, faults, ())

    def _ready(self, conversion: Conversion, now: float) -> _Ready | Refusal:
        rules = self._rules
        in_store = conversion.channel == "store"
        name = event_name(conversion.event)
        occurred = event_time(conversion.occurred_at, now, in_store=in_store)
        dataset = self._dataset(conversion.dataset)
        matched = match(
            conversion.customer,
            click=conversion.click,
            client=conversion.client,
            country=rules.country,
            seen_ms=int((now if isinstance(occurred, Fault) else occurred) * 1000),
        )
        if isinstance(name, Fault) or isinstance(occurred, Fault) or isinstance(dataset, Fault):
            return _refusal(conversion, (name, occurred, dataset), matched.notes)
        insufficient = too_little(matched.user_data)
        if insufficient:
            return _refusal(conversion, (insufficient,), matched.notes)
        own_id = event_id(name, conversion, self._unique)
        composed = compose(
            conversion,
            name=name,
            event_id=own_id,
            event_time=occurred,
            user_data=matched.user_data,
            default_currency=rules.currency,
            tables=rules.tables,
        )
        if isinstance(composed, Fault):
            return _refusal(conversion, (composed,), matched.notes)
        notes = (*matched.notes, *composed.notes)
        new = NewEvent(
            lane=self._lane(dataset, composed.action_source),
            dataset=dataset,
            event_name=name,
            event_id=own_id,
            booking_id=conversion.booking_id,
            event_time=occurred,
            deadline=deadline(occurred, in_store=composed.action_source == PHYSICAL_STORE),
            digest=digest(conversion, rules.secret),
            body=orjson.dumps(composed.event),
            notes=orjson.dumps(notes, default=tuple).decode() if notes else "",
        )
        return _Ready(new, notes)

    def _dataset(self, given: str | None) -> str | Fault:
        if given is None or given == DEFAULT_DATASET or given in self._rules.datasets:
            return DEFAULT_DATASET
        return Fault(
            "dataset", "unknown_dataset", "is not a dataset Konversi knows.", "Leave it out, or send META_PIXEL_ID's."
        )

    def _lane(self, dataset: str, action_source: str) -> str:
        lane = self._lanes.get((dataset, action_source))
        if lane is None:
            lane = self._lanes[dataset, action_source] = str(Lane(dataset, self._rules.test_code, action_source))
        return lane


class _Ready(NamedTuple):
    new: NewEvent
    notes: tuple[Note, ...]


def _refusal(conversion: Conversion, found: Sequence[object], notes: Sequence[Note]) -> Refusal:
    """All that is wrong, and the values that were dropped: they may be why too little is left."""
    faults = [fault for fault in found if isinstance(fault, Fault)]
    faults += [Fault(note.about, note.code, note.text, "Correct it, or leave it out.") for note in notes]
    return Refusal(Refused(faults), conversion.event_id)


def _outcome(ready: _Ready, appended: Appended) -> Receipt | Refusal:
    if appended.conflict:
        return Refusal(IdempotencyConflict(f"event_id {ready.new.event_id!r}."), ready.new.event_id)
    return Receipt(receipt(appended.id), ready.new.event_id, appended.repeat, ready.notes, appended.id)
