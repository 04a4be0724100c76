"""What callers are told of what they brought, once it is on durable storage.

Both go to the preparer as well, which loads nothing that they don't need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from konversi.events.faults import Note
    from konversi.outbox.states import State


class Receipt(NamedTuple):
    """The promise: this conversion is on durable storage, and will be delivered or end where everybody can see it."""

    receipt: str
    event_id: str
    repeat: bool  # it was accepted before, with the same contents
    notes: tuple[Note, ...]  # what was dropped or chosen on the way
    event: int  # its number in the outbox
    state: State | None = None  # where delivery was waited for: how far it came


class Tally(NamedTuple):
    """What one notification of payments brought; in the words of its answer."""

    accepted: int  # what told something new of a payment
    repeated: int
    ignored: int  # 1 where it was about no payment
