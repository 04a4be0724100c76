"""Purchases that go into the outbox with their payments, in one transaction: neither is there without the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from konversi.errors import IdempotencyConflict
    from konversi.events.faults import Note, Refused
    from konversi.payments.deciding import Known, Outcome, Told
    from konversi.payments.payment import Payment


class Reported(NamedTuple):
    """What became of a Purchase there."""

    event: int | None = None  # its number; None where it is not there
    repeat: bool = False  # it was there before
    journey: int | None = None
    touch: int | None = None
    lane: str = ""  # that it waits in, where it is new
    notes: tuple[Note, ...] = ()
    error: Refused | IdempotencyConflict | None = None  # why it is not there
    why: str = ""  # the same for people, where nobody else reported it either

    def on(self, payment: Payment) -> Payment:
        """The payment after that. What was there before is looked at by whoever looks for what is left to do."""
        if self.why:
            return payment.refused(self.why)
        if self.event is None or self.repeat:
            return payment
        return payment.seen_in_outbox(self.event, self.journey, self.touch)


class Reporting(Protocol):
    """Who knows how a payment becomes a Purchase, and where that goes."""

    @property
    def looks_back(self) -> bool:
        """Whether a Purchase depends on what was paid before, so that each payment has to be kept before the next."""
        ...

    def report(self, connection: Connection, outcomes: Sequence[Outcome]) -> Sequence[Reported]:
        """Put the Purchases of these payments into the outbox, in the transaction that the connection is in."""
        ...


def independent(known: Known, told: Sequence[Told]) -> Iterator[list[Told]]:
    """Notifications in runs, in their order, of which none is about a payment or booking of another one in its run.

    Each run is taken and reported before the next is looked at, so that all end as if each had come alone.
    """
    run: list[Told] = []
    named: set[str] = set()
    for one in told:
        names = _names(known, one)
        if not named.isdisjoint(names):
            yield run
            run, named = [], set()
            names = _names(known, one)  # as they are after that
        run.append(one)
        named.update(names)
    if run:
        yield run


def _names(known: Known, one: Told) -> list[str]:
    """Of the payment and of the booking that it may be about."""
    names, found = one.names, known.find(one.notice)
    if found is not None:
        names += [name for name in (found.payment_id, found.other_id, found.booking_id) if name is not None]
    return names
