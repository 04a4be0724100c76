"""When a payment is a Purchase, of which amount, and what about it a person should see. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from konversi.payments.units import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.payments.payment import Payment

PartPayments = Literal["each", "first", "full"]
_NOTHING_GONE = Decimal(0)
TOO_LITTLE = "less_than_booked"  # the flag that goes when the rest is paid


class Booking(NamedTuple):
    """What a stored event says of the booking that a payment is for."""

    booking_id: str
    event: int  # the event's number
    dataset: str
    journey: int | None
    price: Decimal | None  # in major units of `currency`
    currency: str | None
    at: int  # Unix seconds of the booking
    clicked_at: int | None  # Unix seconds of the ad click it was credited to
    body: Mapping[str, Any]  # the event as Meta gets it, hashed


class Due(NamedTuple):
    """A Purchase to be reported."""

    event_id: str
    value: Decimal
    currency: str
    at: int
    why: str


class Kept(NamedTuple):
    """A payment that is kept, without a Purchase of its own."""

    why: str
    later: bool = False  # it may lead to one yet


def purchase_of(
    policy: PartPayments, payment: Payment, others: Sequence[Payment], booking: Booking | None
) -> Due | Kept:
    """What a payment leads to that has led to none so far. `others` are the other payments for the same booking."""
    nothing = _nothing(payment)
    if nothing is not None:
        return nothing
    assert payment.amount is not None
    assert payment.currency is not None
    assert payment.paid_at is not None
    own = Due(_own_id(payment), payment.amount, payment.currency, payment.paid_at, "This payment, with its own amount.")
    if policy == "each" or booking is None:
        return own
    one_for_all = f"Purchase:{booking.booking_id}"
    if any(other.purchase == one_for_all for other in others):
        return Kept("The booking's one Purchase was sent for another payment (KONVERSI_PART_PAYMENTS).")
    if policy == "first":
        return own._replace(event_id=one_for_all, why="The booking's first payment stands for all of them.")
    return _in_full(own._replace(event_id=one_for_all), payment, others, booking)


def _nothing(payment: Payment) -> Kept | None:
    if not payment.stage.paid:
        return Kept("Nothing was paid (yet).", later=True)
    if not payment.amount or payment.currency is None or payment.paid_at is None:
        return Kept("No amount was paid.")
    if payment.kept == 0:
        return Kept("It went back in full before it was reported.")
    return None


def _in_full(due: Due, payment: Payment, others: Sequence[Payment], booking: Booking) -> Due | Kept:
    if booking.price is None:
        return due._replace(why="The booking has no price, so its first payment counts as the whole.")
    if payment.currency != booking.currency:
        return Kept("It was paid in another currency than the booking's, so it doesn't count towards the price.")
    same = [one for one in (payment, *others) if one.stage.paid and one.currency == booking.currency]
    total = sum((one.kept for one in same), Decimal(0))
    if total < booking.price:
        return Kept(f"{text(total)} of {text(booking.price)} {booking.currency} were paid so far.", later=True)
    at = max(one.paid_at or 0 for one in same)
    return due._replace(value=total, at=at, why="The booking's price is paid: all its payments together.")


def gone_of(payment: Payment, others: Sequence[Payment]) -> Decimal:
    """What of a payment's Purchase went back: where that stands for all of a booking's payments, of all of them."""
    if payment.purchase_value is None or (payment.reversed == 0 and payment.stage.paid and not others):
        return _NOTHING_GONE
    for_all = payment.purchase_value > (payment.amount or 0)
    parts = [payment, *others] if for_all else [payment]
    gone = (
        one.amount - one.kept
        for one in parts
        if one.amount is not None and one.paid_at is not None and one.currency == payment.purchase_currency
    )
    return min(sum(gone, Decimal(0)), payment.purchase_value)


def _own_id(payment: Payment) -> str:
    return f"Purchase:{payment.provider}:{payment.payment_id}"[:200]


def flag_of(payment: Payment, others: Sequence[Payment], booking: Booking | None) -> str:
    """Why a person should look at a payment; empty where all is as it should be."""
    if not payment.stage.paid or booking is None or booking.price is None:
        return ""
    if payment.currency != booking.currency:
        return "other_currency"
    if not others and payment.amount == booking.price:
        return ""
    same = [one for one in (payment, *others) if one.stage.paid and one.currency == booking.currency]
    total = sum((one.amount or Decimal(0) for one in same), Decimal(0))
    if total > booking.price:
        return "more_than_booked"
    return TOO_LITTLE if total < booking.price else ""


FLAGS = {
    "other_currency": "It was paid in another currency than the booking's.",
    "more_than_booked": "The booking's payments are more than its price.",
    TOO_LITTLE: "The booking's payments are less than its price, so far.",
    "unjoined": "Neither a booking nor a phone or e-mail is known, so Meta was not told.",
    "refused": "The Purchase could not be sent.",
}
