"""The one use case behind every door; it reads like the way of an event."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import orjson

from konversi.errors import IdempotencyConflict
from konversi.events.conversion import Customer
from konversi.events.faults import Fault, Note, Refused
from konversi.events.identity import digest, event_id
from konversi.events.names import event_name
from konversi.events.times import deadline, event_time
from konversi.intake.chats import NO_CHATS, of_customer, of_one_person
from konversi.intake.oversized import oversized
from konversi.journeys.attribution import NOTHING, Window, attribute
from konversi.journeys.identity import merged
from konversi.matching.match import match
from konversi.matching.minimum import too_little
from konversi.meta.channels import PHYSICAL_STORE, Tables
from konversi.meta.compose import NO_CLICK, compose
from konversi.outbox.lanes import Lane
from konversi.outbox.port import NewEvent, receipt
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from konversi.events.conversion import Conversion
    from konversi.intake.chats import Conversations
    from konversi.intake.routes import Routes
    from konversi.journeys.attribution import Attribution, Known
    from konversi.matching.match import Match
    from konversi.outbox.port import Appended
    from konversi.outbox.states import State

T = TypeVar("T")
_BREATH = 100  # conversions prepared in one go: about 2 ms
_OF_THE_CHAT = {"customer": Customer(), "occurred_at": None}  # and not of the booking


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the settings decides how conversions are taken."""

    secret: bytes  # of the installation, for keyed hashes
    country: str | None  # ISO alpha-2, for national phones
    currency: str
    test_code: str | None
    tables: Tables = field(default_factory=Tables)
    window: Window = field(default_factory=Window)


class Arrivals(Protocol):
    """The side of the outbox that takes events; as `outbox.port.Outbox` says."""

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]: ...
    async def homes(self, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]: ...


class Receipt(NamedTuple):
    """The promise: this conversion is on durable storage, and will be delivered or end where everybody can see it."""

    receipt: str
    event_id: str
    repeat: bool  # it was accepted before, with the same contents
    notes: tuple[Note, ...]  # what was dropped or chosen on the way
    event: int  # its number in the outbox
    state: State | None = None  # where delivery was waited for: how far it came


class Refusal(NamedTuple):
    """Why a conversion was not accepted."""

    error: Refused | IdempotencyConflict
    event_id: str | None


class Receiver:
    """Accepts conversions."""

    def __init__(
        self,
        outbox: Arrivals,
        rules: Rules,
        *,
        conversations: Conversations,
        routes: Callable[[], Routes],
        now: Callable[[], float],
        unique: Callable[[], str],
        wake: Callable[[str], None],
    ) -> None:
        self._outbox = outbox
        self._rules = rules
        self._conversations = conversations
        self._routes = routes
        self._now = now
        self._unique = unique
        self._wake = wake
        self._lanes: dict[tuple[str, str], str] = {}

    async def receive(self, conversion: Conversion, *, waited: float = 0.0) -> Receipt:
        """Accept one conversion, as if it had come `waited` seconds ago; durable on return.

        Raises `Refused` (with each fault), `IdempotencyConflict`, `StorageUnavailable` or `Overloaded`.
        """
        (outcome,) = await self.receive_all([conversion], waited=waited)
        if isinstance(outcome, Refusal):
            raise outcome.error
        return outcome

    async def receive_all(
        self, conversions: Sequence[Conversion], *, waited: float = 0.0, conversation: str | None = None
    ) -> list[Receipt | Refusal]:
        """Accept several, one outcome each in their order; a bad one doesn't refuse the rest.

        `conversation` is the bot's name for the chat that all of them are from: it stands for a customer who is named
        in one turn and not in the next.
        """
        now = self._now() - waited
        prepared: list[_Ready | Refusal] = []
        for start in range(0, len(conversions), _BREATH):
            if start:
                await asyncio.sleep(0)  # a long list must not hold up the other callers, nor delivery
            prepared += await self._prepared(conversions[start : start + _BREATH], now, conversation)
        ready = [one.new for one in prepared if isinstance(one, _Ready)]
        appended = iter(await self._outbox.append(ready) if ready else ())
        for lane in {event.lane for event in ready}:
            self._wake(lane)
        return [_outcome(one, next(appended)) if isinstance(one, _Ready) else one for one in prepared]

    async def preview(self, conversions: Sequence[Conversion]) -> list[NewEvent | Refusal]:
        """What would be accepted of these, and what not; nothing is kept."""
        foreseen: list[NewEvent | Refusal] = []
        for start in range(0, len(conversions), _BREATH):
            prepared = await self._prepared(conversions[start : start + _BREATH], self._now(), None)
            foreseen += [one.new if isinstance(one, _Ready) else one for one in prepared]
            await asyncio.sleep(0)
        return foreseen

    def testing(self, test_code: str) -> Receiver:
        """One whose events are test events. They belong to no chat: a test is no booking of the customer's."""
        return Receiver(
            self._outbox,
            replace(self._rules, test_code=test_code),
            conversations=NO_CHATS,
            routes=self._routes,
            now=self._now,
            unique=self._unique,
            wake=self._wake,
        )

    async def _prepared(
        self, conversions: Sequence[Conversion], now: float, conversation: str | None
    ) -> list[_Ready | Refusal]:
        read = [
            _in_bounds(conversion, partial(self._read, conversion, now, conversation)) for conversion in conversions
        ]
        known = await self._conversations.known([key for one in read if isinstance(one, _Read) for key in one.keys])
        homes = await self._homes([one for one in read if isinstance(one, _Read)])
        return [
            _in_bounds(one.conversion, partial(self._ready, one, known, homes)) if isinstance(one, _Read) else one
            for one in read
        ]

    async def _homes(self, read: Sequence[_Read]) -> Mapping[tuple[str, str], str]:
        """In which dataset an event is already that comes again: what is known of its chat may have changed since."""
        if not self._routes().links_accounts:
            return {}
        return await self._outbox.homes([(one.name, one.event_id) for one in read if one.dataset is None])

    def _read(self, conversion: Conversion, now: float, conversation: str | None) -> _Read | Refusal:
        """What the conversion says by itself, normalised."""
        name = event_name(conversion.event)
        occurred = event_time(conversion.occurred_at, now, in_store=conversion.channel == "store")
        dataset = self._dataset(conversion.dataset)
        matched = match(
            conversion.customer,
            click=conversion.click,
            client=conversion.client,
            country=self._rules.country,
            seen_ms=int((now if isinstance(occurred, Fault) else occurred) * 1000),
        )
        if isinstance(name, Fault) or isinstance(occurred, Fault) or isinstance(dataset, Fault):
            return _refusal(conversion, (name, occurred, dataset), matched.notes)
        own_id = event_id(name, conversion, self._unique)
        keys = self._conversations.keys(matched.user_data)
        if conversation is None:
            return _Read(conversion, name, own_id, occurred, dataset, matched, keys, conversion)
        by_name = not keys
        keys = keys or self._conversations.called(conversation)
        said = conversion.model_copy(update=_OF_THE_CHAT)
        return _Read(conversion, name, own_id, occurred, dataset, matched, keys, said, by_name)

    def _credited(self, read: _Read, known: dict[bytes, list[Known]]) -> Attribution:
        conversion, rules = read.conversion, self._rules
        on_a_page = conversion.client is not None and conversion.client.page_url is not None
        return attribute(
            _chats(read, known),
            channel=conversion.channel or ("website" if on_a_page else None),
            dataset=read.dataset,
            click_id=read.matched.user_data.get("ctwa_clid"),
            event_name=rules.tables.messaging_names.get(read.name, read.name),
            occurred=read.occurred,
            window=rules.window,
            dataset_of=self._routes().dataset_of,
            named=read.matched.user_data,
            account_of=self._routes().account_of,
        )

    def _ready(
        self, read: _Read, known: dict[bytes, list[Known]], homes: Mapping[tuple[str, str], str]
    ) -> _Ready | Refusal:
        conversion, rules = read.conversion, self._rules
        credited = self._credited(read, known) if known else NOTHING
        user_data = merged(read.matched.user_data, credited.user_data) if credited.user_data else read.matched.user_data
        insufficient = too_little(user_data)
        if insufficient:
            return _refusal(conversion, (insufficient,), read.matched.notes)
        composed = compose(
            conversion,
            name=read.name,
            event_id=read.event_id,
            event_time=read.occurred,
            user_data=user_data,
            default_currency=rules.currency,
            tables=rules.tables,
            channel=credited.channel,
            no_click=credited.no_click or NO_CLICK,
        )
        if isinstance(composed, Fault):
            return _refusal(conversion, (composed,), read.matched.notes)
        dataset = read.dataset or homes.get((read.name, read.event_id)) or credited.dataset or DEFAULT_DATASET
        notes = (*read.matched.notes, *credited.notes, *composed.notes)
        new = NewEvent(
            lane=self._lane(dataset, composed.action_source),
            dataset=dataset,
            event_name=read.name,
            event_id=read.event_id,
            booking_id=conversion.booking_id,
            event_time=read.occurred,
            deadline=deadline(read.occurred, in_store=composed.action_source == PHYSICAL_STORE),
            digest=digest(read.said, rules.secret),
            body=orjson.dumps(composed.event),
            notes=orjson.dumps(notes, default=tuple).decode() if notes else "",
            journey=credited.journey,
            touch=credited.touch,
        )
        return _Ready(new, notes)

    def _dataset(self, given: str | None) -> str | Fault | None:
        """The dataset that the conversion asks for; `None` where it leaves the choice."""
        if given is None:
            return None
        return self._routes().resolve(given) or Fault(
            "dataset",
            "unknown_dataset",
            "is not a dataset Konversi knows.",
            "Leave it out, send META_PIXEL_ID's, or add it: konversi datasets add.",
        )

    def _lane(self, dataset: str, action_source: str) -> str:
        lane = self._lanes.get((dataset, action_source))
        if lane is None:
            lane = self._lanes[dataset, action_source] = str(Lane(dataset, self._rules.test_code, action_source))
        return lane


class _Read(NamedTuple):
    conversion: Conversion
    name: str
    event_id: str
    occurred: int
    dataset: str | None
    matched: Match
    keys: Sequence[bytes]  # under which the customer's conversations are found
    said: Conversion  # what has to be the same in a repeat
    by_name: bool = False  # of the chat, since nobody is named


class _Ready(NamedTuple):
    new: NewEvent
    notes: tuple[Note, ...]


def _in_bounds(conversion: Conversion, step: Callable[[], T | Refusal]) -> T | Refusal:
    """What the step gives; a refusal where a number is beyond what can be written down."""
    try:
        return step()
    except (OverflowError, orjson.JSONEncodeError):
        faults = oversized(conversion)
        if not faults:
            raise
        return _refusal(conversion, faults, ())


def _chats(read: _Read, known: Mapping[bytes, list[Known]]) -> Iterable[Known]:
    if read.by_name:
        return of_one_person([one for key in read.keys for one in known.get(key, ())])
    return of_customer(read.keys, known, has_click="ctwa_clid" in read.matched.user_data)


def _refusal(conversion: Conversion, found: Sequence[object], notes: Sequence[Note]) -> Refusal:
    """All that is wrong, and the values that were dropped: they may be why too little is left."""
    faults = [fault for fault in found if isinstance(fault, Fault)]
    faults += [Fault(note.about, note.code, note.text, "Correct it, or leave it out.") for note in notes]
    return Refusal(Refused(faults), conversion.event_id)


def _outcome(ready: _Ready, appended: Appended) -> Receipt | Refusal:
    if appended.conflict:
        return Refusal(IdempotencyConflict(f"event_id {ready.new.event_id!r}."), ready.new.event_id)
    return Receipt(receipt(appended.id), ready.new.event_id, appended.repeat, ready.notes, appended.id)
