"""Midtrans's notifications.

Source: https://docs.midtrans.com/docs/https-notification-webhooks and .../docs/transaction-status-cycle. The signature
covers order id, status code and amount, but neither the status nor the fraud status: so a payment counts only with the
status code that Midtrans gives to paid ones.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from konversi.intake.payments.reading import (
    WESTERN_INDONESIA,
    PaymentUnreadable,
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
from konversi.payments.units import major_amount

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "midtrans"
_PAID = "200"  # the status code of what was paid
_SIGNED = ("order_id", "status_code", "gross_amount", "signature_key")
STAGES: dict[str, Stage] = {
    "authorize": Stage.PENDING,
    "capture": Stage.CAPTURED,
    "settlement": Stage.SETTLED,
    "pending": Stage.PENDING,
    "deny": Stage.DENIED,
    "cancel": Stage.CANCELLED,
    "expire": Stage.FAILED,
    "failure": Stage.FAILED,
    # What goes back was settled before.
    "refund": Stage.SETTLED,
    "partial_refund": Stage.SETTLED,
    "chargeback": Stage.SETTLED,
    "partial_chargeback": Stage.SETTLED,
}
# A card payment that the fraud check doesn't let through is not paid (yet).
OF_FRAUD: dict[str, Stage] = {"challenge": Stage.PENDING, "deny": Stage.FAILED}


def signed(told: Any, server_key: str) -> bool:
    """Whether it is signed with this server key; two may stand with a comma between, while one replaces the other."""
    if not isinstance(told, dict):
        return False
    parts = [part for name in _SIGNED if isinstance(part := told.get(name), str) and part]
    if len(parts) < len(_SIGNED):
        return False
    order_id, status_code, gross_amount, given = parts
    comparable = given.lower().encode(errors="surrogatepass")  # how long a signature is, everybody knows
    keys = (key.strip() for key in server_key.split(","))
    expected = [signature(order_id, status_code, gross_amount, key).encode() for key in keys if key]
    return any([compare_digest(one, comparable) for one in expected])  # noqa: C419 - all are compared


def signature(order_id: str, status_code: str, gross_amount: str, server_key: str) -> str:
    """`signature_key` of a notification."""
    said = f"{order_id}{status_code}{gross_amount}{server_key}"
    return hashlib.sha512(said.encode(errors="surrogatepass")).hexdigest()


def read(told: dict[str, Any], fields: str, now: float) -> Sequence[Notice]:
    """What a notification tells; nothing where it is about no payment. Raises `PaymentUnreadable`."""
    status = told.get("transaction_status")
    stage = STAGES.get(status) if isinstance(status, str) else None
    if stage is None or not isinstance(status, str):
        return ()
    if status == "capture":
        stage = OF_FRAUD.get(str(told.get("fraud_status")), stage)
    if stage.paid and told["status_code"] != _PAID:
        raise PaymentUnreadable(f"status_code: {_PAID} goes with {status}.")
    gross = amount_of(major_amount(told["gross_amount"]), "gross_amount")
    at = moment([told.get("settlement_time"), told.get("transaction_time")], now, WESTERN_INDONESIA)
    return [
        Notice(
            provider=NAME,
            payment_id=needed(told.get("transaction_id") or told["order_id"], "transaction_id"),
            stage=stage,
            amount=gross,
            currency=currency_of(told.get("currency"), "IDR"),
            at=at,
            references=references(told, fields),
            reversals=_reversals(status, told, gross, now),
            contact=_contact(inner(told, "customer_details")),
        )
    ]


def _contact(customer: dict[str, Any]) -> Contact:
    if not customer:
        return NOBODY
    return Contact(word(customer.get("email")), word(customer.get("phone")), word(customer.get("full_name")))


def _reversals(status: str, told: dict[str, Any], gross: Decimal, now: float) -> Sequence[Reversal]:
    """What went back so far: Midtrans tells the sum, and each refund by itself."""
    if status in ("refund", "partial_refund"):
        return [Reversal("refunds", "refund", 0, _refunded(status, told, gross), int(now))]
    if status == "chargeback":
        return [Reversal("chargebacks", "chargeback", 0, gross, int(now))]
    if status == "partial_chargeback":
        given = told.get("refund_chargeback_amount", told.get("refund_amount"))
        return [Reversal("chargebacks", "chargeback", 0, major_amount(given) or Decimal(0), int(now))]
    return ()


def _refunded(status: str, told: dict[str, Any], gross: Decimal) -> Decimal:
    each = told.get("refunds")
    sums = (
        [major_amount(one.get("refund_amount")) for one in each if isinstance(one, dict)]
        if isinstance(each, list)
        else []
    )
    total = sum((one for one in sums if one is not None), Decimal(0))
    total = max(total, major_amount(told.get("refund_amount")) or Decimal(0))
    return total or (gross if status == "refund" else Decimal(0))
