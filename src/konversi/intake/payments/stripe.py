"""Stripe's events. One payment is told of by several kinds of them: all are known by its payment intent.

Source: https://docs.stripe.com/api/events/types, https://docs.stripe.com/checkout/fulfillment and
https://docs.stripe.com/webhooks.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.errors import MissingExtra
from konversi.intake.payments.reading import (
    amount_of,
    currency_of,
    inner,
    moment,
    needed,
    references,
    word,
)
from konversi.payments.notice import NOBODY, Contact, Notice, Reversal
from konversi.payments.stages import Stage
from konversi.payments.units import stripe_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAME = "stripe"
SESSIONS: dict[str, Stage | None] = {  # None: as its `payment_status` says
    "checkout.session.completed": None,
    "checkout.session.async_payment_succeeded": Stage.SETTLED,
    "checkout.session.async_payment_failed": Stage.FAILED,
    "checkout.session.expired": Stage.FAILED,
}
OF_STATUS: dict[str, Stage] = {"paid": Stage.SETTLED, "unpaid": Stage.PENDING}
INTENTS: dict[str, Stage] = {
    "payment_intent.created": Stage.PENDING,
    "payment_intent.processing": Stage.PENDING,
    "payment_intent.requires_action": Stage.PENDING,
    "payment_intent.amount_capturable_updated": Stage.PENDING,
    "payment_intent.partially_funded": Stage.PENDING,
    "payment_intent.payment_failed": Stage.FAILED,
    "payment_intent.canceled": Stage.CANCELLED,
    "payment_intent.succeeded": Stage.SETTLED,
}
DISPUTES: dict[str, tuple[int, bool]] = {  # by status: its rank, and whether the money is gone
    "warning_needs_response": (0, False),
    "warning_under_review": (0, False),
    "warning_closed": (0, False),
    "needs_response": (1, True),
    "under_review": (1, True),
    "lost": (2, True),
    "won": (3, False),
    "prevented": (3, False),
}
CHARGES: dict[str, Stage] = {"charge.succeeded": Stage.SETTLED, "charge.captured": Stage.SETTLED}


class _Event(NamedTuple):
    kind: str
    at: int
    about: dict[str, Any]
    fields: str


def signed(body: bytes, header: str | None, secret: str) -> bool:
    """Whether Stripe's own library finds these bytes signed with the secret, within its five minutes.

    Two secrets may stand with a comma between, while one replaces the other. Raises `MissingExtra`.
    """
    try:
        from stripe import SignatureVerificationError, WebhookSignature  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtra('pip install "konversi[stripe]"') from error
    for one in secret.split(","):
        try:
            if one.strip() and WebhookSignature.verify_header(body, header, one.strip(), _TOLERANCE):
                return True
        except (SignatureVerificationError, ValueError):
            continue
    return False


_TOLERANCE = 300  # seconds, as Stripe's libraries have it


def installed() -> bool:
    """Whether Stripe's library is there."""
    try:
        import stripe  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def read(told: dict[str, Any], fields: str, now: float, *, real_only: bool = False) -> Sequence[Notice]:
    """What an event tells; nothing where it is about no payment, or (`real_only`) about a test.

    Raises `PaymentUnreadable`.
    """
    kind = told.get("type")
    if not isinstance(kind, str) or (real_only and told.get("livemode") is False):
        return ()
    reader = next((reader for start, reader in _READERS if kind.startswith(start)), None)
    if reader is None:
        return ()
    found = reader(_Event(kind, moment([told.get("created")], now), inner(told, "data", "object"), fields))
    return [] if found is None else [found]


def _session(event: _Event) -> Notice | None:
    about = event.about
    if event.kind not in SESSIONS or about.get("mode") != "payment":
        return None  # a subscription's payments have payment intents of their own
    stage = SESSIONS[event.kind] or OF_STATUS.get(str(about.get("payment_status")))
    if stage is None:
        return None  # nothing had to be paid
    person = inner(about, "customer_details")
    session, intent = needed(about.get("id"), "id"), word(about.get("payment_intent"))
    return _notice(
        event,
        stage,
        "amount_total",
        ids=(intent or session, session if intent else None),
        contact=Contact(word(person.get("email")), word(person.get("phone")), word(person.get("name"))),
    )


def _intent(event: _Event) -> Notice | None:
    stage = INTENTS.get(event.kind)
    if stage is None:
        return None
    name = "amount_received" if stage.paid else "amount"
    found = _notice(
        event,
        stage,
        name,
        ids=(needed(event.about.get("id"), "id"), None),
        contact=Contact(word(event.about.get("receipt_email"))),
    )
    return found._replace(booking_may_follow=not found.references)


def _charge(event: _Event) -> Notice | None:
    about = event.about
    intent, charge = word(about.get("payment_intent")), needed(about.get("id"), "id")
    if event.kind == "charge.refunded":
        currency = currency_of(about.get("currency"))
        gone = amount_of(stripe_amount(about.get("amount_refunded"), currency), "amount_refunded")
        return _going_back(event, intent or charge, Reversal("refunds", "refund", event.at, gone, event.at))
    stage = CHARGES.get(event.kind)
    if stage is None or intent is not None or about.get("captured") is not True:
        return None  # its payment intent says it
    person = inner(about, "billing_details")
    contact = Contact(word(person.get("email")), word(person.get("phone")), word(person.get("name")))
    return _notice(event, stage, "amount_captured", ids=(charge, None), contact=contact)


def _dispute(event: _Event) -> Notice | None:
    about = event.about
    place = DISPUTES.get(str(about.get("status")))
    if place is None:
        return None
    rank, gone = place
    currency = currency_of(about.get("currency"))
    amount = amount_of(stripe_amount(about.get("amount"), currency), "amount")
    key = needed(about.get("id"), "id")
    payment = needed(about.get("payment_intent") or about.get("charge"), "payment_intent")
    return _going_back(event, payment, Reversal(key, "chargeback", rank, amount if gone else Decimal(0), event.at))


def _notice(
    event: _Event, stage: Stage, amount: str, *, ids: tuple[str, str | None], contact: Contact = NOBODY
) -> Notice:
    currency = currency_of(event.about.get("currency"))
    return Notice(
        provider=NAME,
        payment_id=ids[0],
        other_id=ids[1],
        stage=stage,
        amount=amount_of(stripe_amount(event.about.get(amount), currency), amount),
        currency=currency,
        at=event.at,
        references=references(event.about, event.fields),
        contact=contact,
    )


def _going_back(event: _Event, payment: str, reversal: Reversal) -> Notice:
    return Notice(
        provider=NAME,
        payment_id=payment,
        stage=None,
        amount=None,
        currency=None,
        at=event.at,
        references=references(event.about, event.fields),
        reversals=[reversal],
    )


_READERS: tuple[tuple[str, Callable[[_Event], Notice | None]], ...] = (
    ("checkout.session.", _session),
    ("payment_intent.", _intent),
    ("charge.dispute.", _dispute),
    ("charge.", _charge),
)
