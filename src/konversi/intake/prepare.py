"""From a conversion to the event that the outbox takes: all of the way that needs neither storage nor network.

In two steps, since what was known of the customer before is looked up between them. Both run for every event, so they
hold fewer names and steps than they might (`benchmarks/README.md`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from konversi.events.conversion import Customer
from konversi.events.faults import Fault, Note, Refused
from konversi.events.identity import digest, event_id
from konversi.events.names import event_name
from konversi.events.times import deadline, event_time
from konversi.intake.chats import of_customer, of_one_person
from konversi.intake.oversized import oversized
from konversi.intake.paid_before import own
from konversi.journeys.attribution import NOTHING, Window, attribute
from konversi.journeys.customers import EXISTING, MAKES_CUSTOMERS, segment
from konversi.journeys.identity import merged
from konversi.matching.match import match
from konversi.matching.minimum import too_little
from konversi.matching.strength import told_by
from konversi.meta.channels import PHYSICAL_STORE, Tables
from konversi.meta.compose import NO_CLICK, compose
from konversi.meta.limited_data_use import limited
from konversi.outbox.lanes import Lane
from konversi.outbox.port import NewEvent
from konversi.settings import DEFAULT_DATASET
from konversi.value.in_effect import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from konversi.errors import IdempotencyConflict
    from konversi.events.conversion import Conversion
    from konversi.intake.routes import Routes
    from konversi.journeys.attribution import Attribution, Known
    from konversi.journeys.customers import First
    from konversi.journeys.keyring import Keyring
    from konversi.matching.match import Hashed, Match
    from konversi.meta.limited_data_use import Wish
    from konversi.payments.history import Earlier
    from konversi.value.in_effect import Applied

_OF_THE_CHAT = {"customer": Customer(), "occurred_at": None}  # and not of the booking
_EXISTING = Note("customer", "existing_customer", "An earlier booking or purchase of this customer is remembered.")
_UNWRITABLE = (OverflowError, orjson.JSONEncodeError)  # a number is beyond what can be written down


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the settings decides how conversions are taken."""

    secret: bytes = field(repr=False)  # of the installation, for keyed hashes
    country: str | None  # ISO alpha-2, for national phones
    currency: str
    test_code: str | None
    tables: Tables = field(default_factory=Tables)
    window: Window = field(default_factory=Window)
    limited_data_use: Wish = "off"
    values: Values = field(default_factory=lambda: Values(""))


class Refusal(NamedTuple):
    """Why a conversion was not accepted."""

    error: Refused | IdempotencyConflict
    event_id: str | None


class Read(NamedTuple):
    """What a conversion says by itself, normalised."""

    conversion: Conversion
    name: str
    event_id: str
    occurred: int
    dataset: str | None
    matched: Match
    keys: Sequence[bytes]  # under which the customer's conversations are found
    customer: Sequence[str]  # under which the customer's first booking is remembered
    said: Conversion  # what has to be the same in a repeat
    by_name: bool = False  # of the chat, since nobody is named


class Ready(NamedTuple):
    """What the outbox takes, and what was dropped or chosen on the way."""

    new: NewEvent
    notes: tuple[Note, ...]
    user_data: Mapping[str, Any] = {}  # everything the customer is known by, also what Meta does not get


class Past(NamedTuple):
    """What is known from before, of those whose conversions are read."""

    known: Mapping[bytes, list[Known]]  # conversations by key
    homes: Mapping[tuple[str, str], str]  # datasets in which events are already, by event name and id
    before: Mapping[str, First]  # first bookings by the customer's key
    paid: Mapping[int, Sequence[Earlier]]  # payments by conversation


class Preparation:
    """The two steps, under an installation's rules."""

    def __init__(
        self, rules: Rules, keyring: Callable[[], Keyring], routes: Callable[[], Routes], unique: Callable[[], str]
    ) -> None:
        self._rules = rules
        self._keyring = keyring
        self._routes = routes
        self._unique = unique
        self._lanes: dict[tuple[str, str], str] = {}

    def read(
        self, conversion: Conversion, now: float, conversation: str | None = None, hashed: Hashed = None
    ) -> Read | Refusal:
        """The first step. `now` is when it came; `conversation` is the bot's name for its chat."""
        try:
            return self._read(conversion, now, conversation, hashed)
        except _UNWRITABLE:
            return _oversized(conversion)

    def ready(self, read: Read, past: Past) -> Ready | Refusal:
        """The second step."""
        try:
            return self._ready(read, past)
        except _UNWRITABLE:
            return _oversized(read.conversion)

    def _read(self, conversion: Conversion, now: float, conversation: str | None, hashed: Hashed) -> Read | Refusal:
        name = event_name(conversion.event)
        occurred = event_time(conversion.occurred_at, now, in_store=conversion.channel == "store")
        dataset = None if conversion.dataset is None else self._dataset(conversion.dataset)
        matched = match(
            conversion.customer,
            click=conversion.click,
            client=conversion.client,
            country=self._rules.country,
            seen_ms=int((now if isinstance(occurred, Fault) else occurred) * 1000),
            hashed=hashed,
        )
        if isinstance(name, Fault) or isinstance(occurred, Fault) or isinstance(dataset, Fault):
            return _refusal(conversion, (name, occurred, dataset), matched.notes)
        own_id = event_id(name, conversion, self._unique)
        keyring = self._keyring()
        keys, customer = keyring.of_chats(matched.user_data), keyring.of_customer(matched.user_data)
        if conversation is None:
            return Read(conversion, name, own_id, occurred, dataset, matched, keys, customer, conversion)
        by_name = not keys
        keys = keys or keyring.called(conversation)
        said = conversion.model_copy(update=_OF_THE_CHAT)
        return Read(conversion, name, own_id, occurred, dataset, matched, keys, customer, said, by_name)

    def _ready(self, read: Read, past: Past) -> Ready | Refusal:
        known, homes, before, paid = past
        conversion, name, own_id, occurred, dataset, (user_data, seen), _, customer, said, _ = read
        credited = self._credited(read, known) if known else NOTHING
        if credited.user_data:
            user_data = merged(user_data, credited.user_data)
        insufficient = too_little(user_data)
        if insufficient:
            return _refusal(conversion, (insufficient,), seen)
        composed = compose(
            conversion,
            name=name,
            event_id=own_id,
            event_time=occurred,
            user_data=user_data,
            default_currency=self._rules.currency,
            tables=self._rules.tables,
            channel=credited.channel,
            no_click=credited.no_click or NO_CLICK,
            country=self._rules.country,
        )
        if isinstance(composed, Fault):
            return _refusal(conversion, (composed,), seen)
        event, action_source, chosen = composed
        options = limited(conversion, self._rules.limited_data_use)
        if isinstance(options, Fault):
            return _refusal(conversion, (options,), seen)
        event.update(options[0])
        chosen.extend(options[1])
        if customer:
            _segmented(event, segment(customer, before, occurred, conversion.booking_id), chosen)
        worth = _worth(event.get("custom_data"))
        dataset = dataset or homes.get((name, own_id)) or credited.dataset or DEFAULT_DATASET
        appraised = self._appraised(read, event, credited, known, paid) if self._rules.values.speak else None
        notes = (*seen, *credited.notes, *chosen, *(appraised.notes if appraised else ()))
        new = NewEvent(
            self._lane(dataset, action_source),
            dataset,
            name,
            own_id,
            conversion.booking_id,
            occurred,
            deadline(occurred, in_store=action_source == PHYSICAL_STORE),
            digest(said, self._rules.secret),
            orjson.dumps(event),
            orjson.dumps(notes, default=tuple).decode() if notes else "",
            credited.journey,
            credited.touch,
            appraised.given if appraised else None,
            "".join(customer) if customer and name in MAKES_CUSTOMERS and self._rules.test_code is None else None,
            told_by(event["user_data"]),
            worth,
        )
        return Ready(new, notes, user_data)

    def _appraised(
        self,
        read: Read,
        event: dict[str, Any],
        credited: Attribution,
        known: Mapping[bytes, list[Known]],
        paid: Mapping[int, Sequence[Earlier]],
    ) -> Applied | None:
        """The event with what the business's rules say of its worth."""
        applied = self._rules.values.apply(
            event.get("custom_data", {}),
            (read.name, event["event_name"], self._rules.tables.messaging_names.get(read.name)),
            currency=read.conversion.currency,
            ad=credited.ad,
            paid=own(_chats(read, known), paid, read.event_id) if paid else (),
        )
        if applied is not None and applied.custom:
            event["custom_data"] = applied.custom
        return applied

    def _credited(self, read: Read, known: Mapping[bytes, list[Known]]) -> Attribution:
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

    def _dataset(self, given: str) -> str | Fault:
        """The dataset that the conversion asks for."""
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


def _worth(custom: Mapping[str, Any] | None) -> str:
    """What the business said, in a form that is summed without reading the event again."""
    if custom is None or "value" not in custom:
        return ""
    return f"{custom['value']} {custom['currency']}"


def _segmented(event: dict[str, Any], said: str, notes: list[Note]) -> None:
    """Where Meta's own sample has it, though its table has it beside; what the caller says itself stands."""
    event.setdefault("custom_data", {}).setdefault("customer_segmentation", said)
    if said == EXISTING:
        notes.append(_EXISTING)


def _oversized(conversion: Conversion) -> Refusal:
    """For a fault that is being handled: a number is too large, or it is none of the caller's."""
    faults = oversized(conversion)
    if not faults:
        raise  # noqa: PLE0704 - what is being handled
    return _refusal(conversion, faults, ())


def _chats(read: Read, known: Mapping[bytes, list[Known]]) -> Iterable[Known]:
    if read.by_name:
        return of_one_person([one for key in read.keys for one in known.get(key, ())])
    return of_customer(read.keys, known, has_click="ctwa_clid" in read.matched.user_data)


def _refusal(conversion: Conversion, found: Sequence[object], notes: Sequence[Note]) -> Refusal:
    """All that is wrong, and the values that were dropped: they may be why too little is left."""
    faults = [fault for fault in found if isinstance(fault, Fault)]
    faults += [Fault(note.about, note.code, note.text, "Correct it, or leave it out.") for note in notes]
    return Refusal(Refused(faults), conversion.event_id)
