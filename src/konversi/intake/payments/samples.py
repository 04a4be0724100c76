"""Notifications in each provider's own shape and signature, for `konversi payments simulate`, tests and benchmarks."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

import orjson

from konversi.intake.payments import midtrans
from konversi.intake.payments.reading import WESTERN_INDONESIA
from konversi.payments.units import STRIPE_THREE_DECIMAL, STRIPE_ZERO_DECIMAL, number

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

ProviderName = Literal["midtrans", "xendit", "stripe"]
PROVIDERS: Final[tuple[ProviderName, ...]] = get_args(ProviderName)

State = Literal["paid", "pending", "failed", "refunded", "disputed"]
STATES: Final[tuple[State, ...]] = get_args(State)


class Told(NamedTuple):
    """What a sample says."""

    state: State
    payment: str  # something unique
    booking: str
    amount: Decimal  # in major units
    currency: str
    at: int  # Unix seconds
    back: Decimal | None = None  # what goes back of it; all where unset
    email: str | None = None


class Signed(NamedTuple):
    """A call as the provider makes it."""

    body: bytes
    headers: dict[str, str]


def call(provider: ProviderName, told: Told, secret: str) -> Signed:
    """The provider's own call, signed with the secret."""
    return _CALLS[provider](told, secret)


# Midtrans: transaction status, status code.
_MIDTRANS: dict[State, tuple[str, str]] = {
    "paid": ("settlement", "200"),
    "pending": ("pending", "201"),
    "failed": ("expire", "407"),
    "refunded": ("refund", "200"),
    "disputed": ("chargeback", "200"),
}


def _midtrans(told: Told, secret: str) -> Signed:
    status, code = _MIDTRANS[told.state]
    said: dict[str, Any] = {"transaction_status": status, "status_code": code}
    back = told.amount if told.back is None else told.back
    if told.state == "refunded":
        if back < told.amount:
            said["transaction_status"] = "partial_refund"
        refund = {"refund_chargeback_id": 1, "refund_amount": f"{back:.2f}", "refund_key": f"{told.payment}-1"}
        said |= {"refund_amount": f"{back:.2f}", "refunds": [refund]}
    return midtrans_call(
        told.booking,
        told.payment,
        gross_amount=f"{told.amount:.2f}",
        secret=secret,
        at=told.at,
        currency=told.currency,
        **said,
    )


def midtrans_call(
    order_id: str, transaction_id: str, *, gross_amount: str, secret: str, at: int, status_code: str, **more: Any
) -> Signed:
    """Any notification of Midtrans's."""
    time = datetime.fromtimestamp(at, WESTERN_INDONESIA).strftime("%Y-%m-%d %H:%M:%S")
    said = {
        "transaction_time": time,
        "transaction_id": transaction_id,
        "status_message": "midtrans payment notification",
        "status_code": status_code,
        "signature_key": midtrans.signature(order_id, status_code, gross_amount, secret),
        "settlement_time": time,
        "payment_type": "qris",
        "order_id": order_id,
        "merchant_id": "G141532850",
        "gross_amount": gross_amount,
        "fraud_status": "accept",
        "currency": "IDR",
        **more,
    }
    return Signed(orjson.dumps(said), {"content-type": "application/json"})


def xendit_call(said: dict[str, Any], secret: str) -> Signed:
    """Any webhook of Xendit's."""
    return Signed(orjson.dumps(said), {"content-type": "application/json", "x-callback-token": secret})


def _xendit(told: Told, secret: str) -> Signed:
    time = datetime.fromtimestamp(told.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if told.state in ("refunded", "disputed"):  # Xendit tells of no chargebacks: their money goes as refunds do
        back = told.amount if told.back is None else told.back
        data = {
            "id": f"rfd-{told.payment}",
            "payment_id": None,
            "invoice_id": told.payment,
            "amount": number(back),
            "currency": told.currency,
            "status": "SUCCEEDED",
            "reason": "REQUESTED_BY_CUSTOMER",
            "created": time,
            "updated": time,
        }
        return xendit_call({"event": "refund.succeeded", "business_id": "5f27a14a9bf05c73", "data": data}, secret)
    paid = told.state == "paid"
    said: dict[str, Any] = {
        "id": told.payment,
        "external_id": told.booking,
        "user_id": "5781d19b2e2385880609791c",
        "is_high": False,
        "payment_method": "QR_CODE",
        "status": {"paid": "PAID", "pending": "PENDING"}.get(told.state, "EXPIRED"),
        "merchant_name": "Studio",
        "amount": number(told.amount),
        "created": time,
        "updated": time,
        "currency": told.currency,
        **({"paid_amount": number(told.amount), "paid_at": time} if paid else {}),
        **({"payer_email": told.email} if told.email else {}),
    }
    return xendit_call(said, secret)


def stripe_minor(amount: Decimal, currency: str) -> int:
    """An amount as Stripe writes it."""
    places = 0 if currency in STRIPE_ZERO_DECIMAL else 3 if currency in STRIPE_THREE_DECIMAL else 2
    return int(amount.scaleb(places))


_STRIPE: dict[State, str] = {
    "paid": "checkout.session.completed",
    "pending": "checkout.session.completed",
    "failed": "checkout.session.expired",
    "refunded": "charge.refunded",
    "disputed": "charge.dispute.created",
}


def _stripe(told: Told, secret: str) -> Signed:
    minor, back = (stripe_minor(one, told.currency) for one in (told.amount, told.back or told.amount))
    about: dict[str, Any] = {"payment_intent": f"pi_{told.payment}", "currency": told.currency.lower()}
    if told.state == "refunded":
        about |= {"id": f"ch_{told.payment}", "object": "charge", "amount": minor, "amount_refunded": back}
    elif told.state == "disputed":
        about |= {"id": f"dp_{told.payment}", "object": "dispute", "amount": back, "status": "needs_response"}
    else:
        about |= {
            "id": f"cs_{told.payment}",
            "object": "checkout.session",
            "mode": "payment",
            "payment_status": "paid" if told.state == "paid" else "unpaid",
            "amount_total": minor,
            "client_reference_id": told.booking,
            "customer_details": {"email": told.email, "name": None, "phone": None},
            "metadata": {},
        }
    return stripe_call(_STRIPE[told.state], about, secret=secret, at=told.at)


def stripe_call(kind: str, about: dict[str, Any], *, secret: str, at: int, livemode: bool = True) -> Signed:
    """Any event of Stripe's."""
    said = {
        "id": f"evt_{about['id']}",
        "object": "event",
        "api_version": "2026-09-30.clover",
        "created": at,
        "type": kind,
        "livemode": livemode,
        "data": {"object": about},
    }
    body = orjson.dumps(said)
    return Signed(body, {"content-type": "application/json", "stripe-signature": stripe_signature(body, secret, at)})


def stripe_signature(body: bytes, secret: str, at: int) -> str:
    """`Stripe-Signature` of a body."""
    made = hmac.new(secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={made}"


_CALLS: dict[ProviderName, Callable[[Told, str], Signed]] = {
    "midtrans": _midtrans,
    "xendit": _xendit,
    "stripe": _stripe,
}
