"""Payments as people and programs read them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.insight.describe import moment
from konversi.journeys.port import journey_id
from konversi.outbox.port import receipt
from konversi.payments.payment import payment_id
from konversi.payments.policy import FLAGS
from konversi.payments.units import number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from konversi.payments.payment import Payment


def payment(one: Payment) -> dict[str, Any]:
    """A payment in a list. Of whoever paid it says nothing."""
    return {
        "payment": payment_id(one.id or 0),
        "provider": one.provider,
        "payment_id": one.payment_id,
        "state": one.stage.word,
        "amount": _number(one.amount),
        "reversed": number(one.reversed),
        "currency": one.currency,
        "booking_id": one.booking_id,
        "order_id": one.reference,
        "journey": journey_id(one.journey) if one.journey is not None else None,
        "paid_at": moment(one.paid_at),
        "event_id": one.purchase,
        "receipt": receipt(one.event) if one.event is not None else None,
        "flag": one.flag or None,
        "flag_means": FLAGS.get(one.flag),
        "why": one.why,
    }


def payment_in_full(one: Payment) -> dict[str, Any]:
    """A payment with what went back of it, and when it was told of."""
    return {
        **payment(one),
        "purchase_value": _number(one.purchase_value),
        "purchase_currency": one.purchase_currency,
        "first_told_at": moment(one.seen_at),
        "last_news_at": moment(one.changed_at),
        "reversals": [
            {"id": back.key, "kind": back.kind, "amount": number(back.amount), "at": moment(back.at)}
            for back in one.reversals.values()
        ],
    }


def entries(payments: Iterable[Payment]) -> Iterable[tuple[int, str, dict[str, Any]]]:
    """What a timeline shows of payments: time (Unix seconds), kind, and the rest."""
    for one in payments:
        told = {
            "payment": payment_id(one.id or 0),
            "provider": one.provider,
            "amount": _number(one.amount),
            "currency": one.currency,
        }
        rest = {"state": one.stage.word, "booking_id": one.booking_id, "flag": one.flag or None, "why": one.why or None}
        yield one.paid_at or int(one.seen_at), "payment", {**told, **rest}
        for back in one.reversals.values():
            if back.amount:
                yield back.at, back.kind, {**told, "amount": number(back.amount)}


def _number(amount: Decimal | None) -> int | float | None:
    return None if amount is None else number(amount)
