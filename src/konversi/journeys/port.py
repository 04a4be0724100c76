"""What the journeys' store takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.journeys.arrival import Referral


SPOKEN_OF = 86_400  # seconds after a booking in which a reply that says "booked" means that one


class Visit(NamedTuple):
    """A customer's message, ready to be kept."""

    message: bytes  # key of the message
    own: Sequence[bytes]  # keys of the person's own ids on the platform
    phones: Sequence[bytes]  # keys of the person's phone
    channel: str
    account: str  # empty where it isn't known
    line: str | None
    at: int  # Unix seconds
    tail: str
    user_data: Mapping[str, Any]
    referral: Referral | None
    click: bytes | None = None  # key of the referral's click id
    linked: bool = False  # one of `own` is an id that `user_data` says nothing of


class Sighting(NamedTuple):
    """An event that Meta itself saw in a chat, ready to be kept."""

    key: bytes  # of the message and the event's name
    message: bytes  # key of the message
    click: bytes | None  # key of the click id
    event_name: str
    at: int


class Taken(NamedTuple):
    """What became of one webhook call."""

    new: int  # messages and sightings that were not known
    known: int
    no_room: bool = False  # it was to be handed on, and too many wait for that already


class Journey(NamedTuple):
    """A conversation, for people."""

    id: int
    channel: str
    account: str
    line: str | None
    opened_at: float
    last_at: float
    messages: int
    tail: str


class Past(NamedTuple):
    """What happened in a conversation, each kind oldest first, as the tables have it."""

    touches: Sequence[dict[str, Any]]
    uses: Sequence[dict[str, Any]]
    turns: Sequence[dict[str, Any]]
    sightings: Sequence[dict[str, Any]]


class Search(NamedTuple):
    """Which conversations to list, newest first. `before` is the cursor: only ids below it."""

    channel: str | None = None
    ad_id: str | None = None
    before: int | None = None
    limit: int = 50


class Forward(NamedTuple):
    """A webhook call that waits to be handed on."""

    id: int
    received_at: float
    tries: int
    sealed: bytes


def journey_id(journey: int) -> str:
    """A journey's id as people see it."""
    return f"jn_{journey:09d}"


_LONGEST_NUMBER = 18  # digits: what a 64-bit id can have


def journey_of(text: str) -> int | None:
    """The journey that an id stands for, or `None` where the text is no such id."""
    digits = text[3:]
    if not text.startswith("jn_") or not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST_NUMBER:
        return None
    return int(digits)
