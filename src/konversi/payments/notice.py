"""What one notification tells of one payment, whatever its shape was at the provider."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.payments.stages import Stage

ReversalKind = Literal["refund", "chargeback"]
LARGEST = Decimal(10) ** 15  # in major units; what Konversi takes of a value


class Reversal(NamedTuple):
    """Money that went back. Of one `key` the latest word counts: `rank` says which that is."""

    key: str
    kind: ReversalKind
    rank: int
    amount: Decimal  # in major units; 0 where it was called off, or won
    at: int  # Unix seconds


class Contact(NamedTuple):
    """Who paid, in the clear: hashed before anything is kept."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None


NOBODY = Contact()


class Notice(NamedTuple):
    """One notification about one payment."""

    provider: str
    payment_id: str
    stage: Stage | None  # None: it tells only of money that went back
    amount: Decimal | None  # in major units of `currency`; there is one wherever there is a stage
    currency: str | None
    at: int  # Unix seconds, by the provider's clock
    references: Sequence[str] = ()  # what may be, or begin with, the booking's id: the likeliest first
    other_id: str | None = None  # another id under which the provider speaks of the same payment
    reversals: Sequence[Reversal] = ()
    contact: Contact = NOBODY
    booking_may_follow: bool = False  # another notification soon may name the booking
