"""What the tests of payments' rules share."""

from decimal import Decimal

from msgspec.structs import replace

from konversi.payments.deciding import Known, Told, looked_again, taken
from konversi.payments.notice import Notice, Reversal
from konversi.payments.policy import Booking
from konversi.payments.stages import Stage

NOW = 1_795_000_000.0
EMAIL = {"em": ["e" * 64]}


def booking(booking_id="BK-1", price="150000", currency="IDR"):
    """What a stored event says of a booking."""
    return Booking(
        booking_id, 1, "default", 7, None if price is None else Decimal(price), currency, int(NOW) - 60, None, {}
    )


def notice(stage=Stage.SETTLED, amount="150000", **more):
    """A notification of one payment for BK-1."""
    given = {
        "provider": "midtrans",
        "payment_id": "p-1",
        "currency": "IDR",
        "at": int(NOW),
        "references": ("BK-1",),
        **more,
    }
    return Notice(stage=stage, amount=None if stage is None else Decimal(amount), **given)


def refund(amount, *, key="refunds", rank=0, kind="refund", **more):
    """Some of it went back."""
    return notice(None, **more)._replace(
        currency=None, reversals=[Reversal(key, kind, rank, Decimal(amount), int(NOW))]
    )


def history(notices, *, bookings=("BK-1",), policy="each", user_data=None, price="150000"):
    """The payments after these notifications, by id, and each Purchase that was ever decided."""
    known = Known((), {one: booking(one, price) for one in bookings})
    decided = {}
    payments = {}
    for number, one in enumerate(notices):
        outcome = taken(known, Told(one, user_data or {}), policy, NOW + number)
        payment = replace(outcome.payment, id=outcome.payment.id or number + 1)
        known.keep(payment)
        payments |= {other.payment_id: other for other in known.changed.values()}
        if payment.purchase is not None:
            decided.setdefault(payment.purchase, (payment.purchase_value, payment.purchase_currency))
            assert decided[payment.purchase] == (payment.purchase_value, payment.purchase_currency)
    return payments, decided


def again(payment, *, bookings=("BK-1",), policy="each", now=NOW + 120):
    """The payment after somebody looked at it again."""
    return looked_again(Known([payment], {one: booking(one) for one in bookings}), payment, policy, now).payment
