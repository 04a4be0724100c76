"""Xendit's webhooks: invoices, payments and captures of both Payments APIs, e-wallets, QR codes, refunds.

Source: https://docs.xendit.co/apidocs/payment-webhook-notification, .../refund-webhook-notification,
https://docs.xendit.co/docs/payments-api-webhooks, and InvoiceCallback in github.com/xendit/xendit-php.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from konversi.intake.payments.reading import (
    amount_of,
    currency_of,
    inner,
    moment,
    needed,
    references,
    word,
)
from konversi.payments.notice import Contact, Notice, Reversal
from konversi.payments.stages import Stage
from konversi.payments.units import major_amount

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "xendit"
STAGES: dict[str, Stage] = {
    "PAID": Stage.SETTLED,
    "SETTLED": Stage.SETTLED,
    "SUCCEEDED": Stage.SETTLED,
    "COMPLETED": Stage.SETTLED,
    "PENDING": Stage.PENDING,
    "AUTHORIZED": Stage.PENDING,
    "AWAITING_CAPTURE": Stage.PENDING,
    "REQUIRES_ACTION": Stage.PENDING,
    "ACCEPTING_PAYMENTS": Stage.PENDING,
    "FAILED": Stage.FAILED,
    "EXPIRED": Stage.FAILED,
    "CANCELED": Stage.CANCELLED,
    "CANCELLED": Stage.CANCELLED,
    "VOIDED": Stage.CANCELLED,
}
OF_PAYMENTS = ("payment", "capture", "ewallet", "qr")  # the kinds of event that are about one payment
REFUND_RANKS = {"SUCCEEDED": 1, "FAILED": 2, "CANCELLED": 2, "CANCELED": 2}
_AMOUNTS = ("captured_amount", "capture_amount", "charge_amount", "amount", "request_amount", "authorized_amount")


def read(told: dict[str, Any], fields: str, now: float) -> Sequence[Notice]:
    """What a webhook tells; nothing where it is about no payment. Raises `PaymentUnreadable`."""
    event = told.get("event")
    if event is None:
        return _invoice(told, fields, now)
    kind = event.partition(".")[0] if isinstance(event, str) else ""
    data = inner(told, "data", "data") or inner(told, "data")  # documented both ways
    if kind == "refund":
        return _refund(data, now)
    return _payment(told, data, fields, now) if kind in OF_PAYMENTS else ()


def _invoice(told: dict[str, Any], fields: str, now: float) -> Sequence[Notice]:
    stage = STAGES.get(str(told.get("status")))
    if stage is None or "external_id" not in told:
        return ()
    paid = told.get("paid_amount") if stage.paid else None
    customer = inner(told, "customer")
    return [
        Notice(
            provider=NAME,
            payment_id=needed(told.get("id"), "id"),
            stage=stage,
            amount=amount_of(major_amount(told.get("amount") if paid is None else paid), "paid_amount"),
            currency=currency_of(told.get("currency"), "IDR"),
            at=moment([told.get("paid_at"), told.get("updated")], now),
            references=references(told, fields),
            other_id=word(told.get("payment_id")),
            contact=Contact(
                word(told.get("payer_email")) or word(customer.get("email")), word(customer.get("mobile_number"))
            ),
        )
    ]


def _payment(told: dict[str, Any], data: dict[str, Any], fields: str, now: float) -> Sequence[Notice]:
    stage = STAGES.get(str(data.get("status")))
    if stage is None:
        return ()
    customer = inner(data, "customer")
    return [
        Notice(
            provider=NAME,
            payment_id=needed(data.get("payment_id") or data.get("id"), "payment_id"),
            stage=stage,
            amount=amount_of(_amount(data, stage), "amount"),
            currency=currency_of(data.get("currency"), "IDR"),
            at=moment([data.get("updated"), told.get("created"), data.get("created")], now),
            references=references(data, fields),
            contact=Contact(word(customer.get("email")), word(customer.get("mobile_number"))),
        )
    ]


def _amount(data: dict[str, Any], stage: Stage) -> Decimal | None:
    """What was captured, of which there may be several parts; else what was asked for."""
    captures = data.get("captures")
    if stage.paid and isinstance(captures, list) and captures:
        parts = [major_amount(inner({"one": one}, "one").get("capture_amount")) for one in captures]
        return None if None in parts else sum((part for part in parts if part is not None), Decimal(0))
    return next((major_amount(data[name]) for name in _AMOUNTS if data.get(name) is not None), None)


def _refund(data: dict[str, Any], now: float) -> Sequence[Notice]:
    rank = REFUND_RANKS.get(str(data.get("status")))
    if rank is None:
        return ()
    invoice, payment = word(data.get("invoice_id")), word(data.get("payment_id"))
    amount = amount_of(major_amount(data.get("amount")), "amount")
    at = moment([data.get("updated"), data.get("created")], now)
    key = needed(data.get("id"), "id")
    return [
        Notice(
            provider=NAME,
            payment_id=needed(invoice or payment, "payment_id"),
            stage=None,
            amount=None,
            currency=None,
            at=at,
            other_id=payment if invoice else None,
            reversals=[Reversal(key, "refund", rank, amount if rank == 1 else Decimal(0), at)],
        )
    ]
