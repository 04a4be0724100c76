"""The one use case behind every door; it reads like the way of an event."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import orjson

from konversi.errors import IdempotencyConflict
from konversi.events.faults import Fault, Note, Refused
from konversi.events.identity import digest, event_id
from konversi.events.names import event_name
from konversi.events.times import deadline, event_time
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
    from konversi.journeys.attribution import Attribution, Known
    from konversi.matching.match import Match
    from konversi.outbox.port import Appended, Outbox
    from konversi.outbox.states import State

T = TypeVar("T")
_BREATH = 100  # conversions prepared in one go: about 2 ms


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the settings decides how conversions are taken."""

    secret: bytes  # of the installation, for keyed hashes
    country: str | None  # ISO alpha-2, for national phones
    currency: str
    test_code: str | None
    tables: Tables = field(default_factory=Tables)
    window: Window = field(default_factory=Window)


class Conversations(Protocol):
    """What is known of customers from their chats."""

    def keys(self, user_data: dict[str, Any]) -> Sequence[bytes]:
        """Under which a customer with these match keys is found."""
        ...

    async def known(self, keys: Sequence[bytes]) -> dict[bytes, list[Known]]:
        """The conversations that each key finds."""
        ...


class Routes(Protocol):
    """Which datasets there are, and whose chats belong to them."""

    @property
    def links_accounts(self) -> bool:
        """Whether a chat can decide about the dataset at all."""
        ...

    def resolve(self, given: str | None) -> str | None:
        """The dataset that a caller means; `None` where it isn't known."""
        ...

    def dataset_of(self, channel: str, account: str | None, line: str | None) -> str | None:
        """The dataset that a chat's events belong to; `None` where its account isn't linked to any."""
        ...

    def account_of(self, line: str | None) -> str | None:
        """The WhatsApp Business Account that a number belongs to, where it was told."""
        ...


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
        outbox: Outbox,
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
            prepared += await self._prepared(conversions[start : start + _BREATH], now)
        ready = [one.new for one in prepared if isinstance(one, _Ready)]
        appended = iter(await self._outbox.append(ready) if ready else ())
        for lane in {event.lane for event in ready}:
            self._wake(lane)
        return [_outcome(one, next(appended)) if isinstance(one, _Ready) else one for one in prepared]

    async def _prepared(self, conversions: Sequence[Conversion], now: float) -> list[_Ready | Refusal]:
        read = [_in_bounds(conversion, partial(self._read, conversion, now)) for conversion in conversions]
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

    def _read(self, conversion: Conversion, now: float) -> _Read | Refusal:
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
        return _Read(conversion, name, own_id, occurred, dataset, matched, keys)

    def _credited(self, read: _Read, known: dict[bytes, list[Known]]) -> Attribution:
        conversion, rules = read.conversion, self._rules
        on_a_page = conversion.client is not None and conversion.client.page_url is not None
        return attribute(
            _conversations(read, known),
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
            digest=digest(conversion, rules.secret),
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


def _conversations(read: _Read, known: dict[bytes, list[Known]]) -> Iterable[Known]:
    """The customer's. One that only the click leads to says nothing of a person whom the conversion names itself."""
    by_click = read.keys[-1:] if "ctwa_clid" in read.matched.user_data and len(read.keys) > 1 else ()
    found = {one.journey: one._replace(user_data={}) for key in by_click for one in known.get(key, ())}
    found |= {one.journey: one for key in read.keys if key not in by_click for one in known.get(key, ())}
    return found.values()


def _refusal(conversion: Conversion, found: Sequence[object], notes: Sequence[Note]) -> Refusal:
    """All that is wrong, and the values that were dropped: they may be why too little is left."""
    faults = [fault for fault in found if isinstance(fault, Fault)]
    faults += [Fault(note.about, note.code, note.text, "Correct it, or leave it out.") for note in notes]
    return Refusal(Refused(faults), conversion.event_id)


def _outcome(ready: _Ready, appended: Appended) -> Receipt | Refusal:
    if appended.conflict:
        return Refusal(IdempotencyConflict(f"event_id {ready.new.event_id!r}."), ready.new.event_id)
    return Receipt(receipt(appended.id), ready.new.event_id, appended.repeat, ready.notes, appended.id)
