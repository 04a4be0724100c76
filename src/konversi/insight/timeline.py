"""A conversation as people read it: click, first message, tool calls, events and their states in one line. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from konversi.insight.describe import event, moment
from konversi.insight.payments import entries as of_payments
from konversi.journeys.port import SPOKEN_OF, journey_id
from konversi.outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from konversi.journeys.port import Journey, Past
    from konversi.outbox.port import Stored
    from konversi.payments.payment import Payment

# How far a conversation has come: the furthest of what happened in it.
_STAGES = ("chat", "click", "checkout", "booking", "payment", "done")
_STAGE_OF = {
    "InitiateCheckout": "checkout",
    "AddToCart": "checkout",
    "CartAbandoned": "checkout",
    "Purchase": "payment",
    "OrderDelivered": "done",
}
_OF_CLICK = ("ad_id", "source_type", "headline", "source_url", "ref")
_OF_USE = ("tool", "outcome", "error_kind", "seconds")
_OF_EVENT = ("state", "receipt", "event_id", "booking_id", "reason")
_NOT_A_STAGE = frozenset({"ViewContent", "Contact", "PageView", "Search"})


def journey(one: Journey, ad_id: str | None) -> dict[str, Any]:
    """A conversation in a list."""
    return {
        "journey": journey_id(one.id),
        "channel": one.channel,
        "account": one.account or None,
        "line": one.line,
        "customer": one.tail,
        "opened_at": moment(one.opened_at),
        "last_message_at": moment(one.last_at),
        "messages": one.messages,
        "ad_id": ad_id,
    }


def journey_in_full(
    one: Journey, past: Past, events: Sequence[Stored], payments: Sequence[Payment] = ()
) -> dict[str, Any]:
    """A conversation with its timeline, oldest first."""
    of_ads = [touch for touch in past.touches if touch["ad_id"]]
    last_ad = max(of_ads, key=lambda touch: (touch["at"], touch["id"]))["ad_id"] if of_ads else None
    timeline = sorted([*_entries(one, past, events), *_paid(payments)], key=lambda entry: entry.pop("_order"))
    return {**journey(one, last_ad), "stage": stage(past, events, payments), "timeline": timeline}


def stage(past: Past, events: Iterable[Stored], payments: Iterable[Payment] = ()) -> str:
    """How far it has come: chat, click, checkout, booking, payment or done."""
    reached = {"click" if past.touches else "chat"}
    for stored in events:
        if stored.state is not State.DISCARDED and (name := stage_of(stored.event_name)) is not None:
            reached.add(name)
    if any(one.stage.paid for one in payments):
        reached.add("payment")
    return max(reached, key=_STAGES.index)


def stage_of(event_name: str) -> str | None:
    """The stage that an event of this name stands for, if any."""
    return None if event_name in _NOT_A_STAGE else _STAGE_OF.get(event_name, "booking")


def _entries(one: Journey, past: Past, events: Iterable[Stored]) -> Iterable[dict[str, Any]]:
    for touch in past.touches:  # before the message that told of it: entries of one second stay in this order
        yield _entry(touch["at"], "click", **_told(touch, _OF_CLICK), click_id_known=touch["click_id"] is not None)
    yield _entry(one.opened_at, "first_message")
    for use in past.uses:
        yield _entry(use["at"], "tool_call", **_told(use, _OF_USE))
    booked = [turn["at"] for turn in past.turns if turn["booked"]]
    for turn in past.turns:
        if turn["claimed"] and not any(0 <= turn["at"] - at <= SPOKEN_OF for at in booked):
            yield _entry(turn["at"], "said_booked_but_did_not")
    for sighting in past.sightings:
        yield _entry(sighting["at"], "automatic_event", event=sighting["event_name"])
    for stored in sorted(events, key=lambda one: one.id):  # of one second, as they came
        yield _entry(stored.event_time, "event", **_named(stored), **_told(event(stored), _OF_EVENT))


def _paid(payments: Iterable[Payment]) -> Iterable[dict[str, Any]]:
    for at, kind, more in of_payments(payments):
        yield _entry(at, kind, **{name: value for name, value in more.items() if value is not None})


def _named(stored: Stored) -> dict[str, Any]:
    """The name that Meta gets, and the conversion's own where that is another."""
    sent = orjson.loads(stored.body)["event_name"]
    return {"event": sent} if sent == stored.event_name else {"event": sent, "conversion": stored.event_name}


def _told(known: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: known[name] for name in names if known[name] is not None}


def _entry(at: float, kind: str, **more: Any) -> dict[str, Any]:
    """An event's time has whole seconds: within one, it comes after what led to it."""
    return {"_order": (int(at), kind == "event", at), "at": moment(at), "kind": kind, **more}
