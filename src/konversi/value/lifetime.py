"""What a customer will have paid in all, by what this customer paid so far: Meta's `predicted_ltv`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from konversi.events.faults import Note
from konversi.events.money import exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.value.rules import ValueRules

LARGEST = Decimal(10) ** 15  # major units: as much as a conversion may be worth


class Paid(NamedTuple):
    """What a customer paid before, in one currency, in major units."""

    currency: str
    payments: int
    total: Decimal


class Forecast(NamedTuple):
    """What Meta is told, and why."""

    value: int | float
    note: Note


def lifetime(
    rules: ValueRules, home: str, currency: str, own: Decimal | None, paid: Sequence[Paid]
) -> Forecast | Note | None:
    """The forecast in `currency`; a note where it can't be made, nothing where the rules ask for none.

    `own` is what this conversion is worth once paid. With n payments so far, of `total`, and the rule's `visits` and
    `weight`: total + max(visits - n, 1) x mean, where the mean is (weight x own + total) / (weight + n).
    """
    rule = rules.predicted_ltv
    if rule is None:
        return None
    payments, total = 0, Decimal(0)
    for one in paid:
        rate = Decimal(1) if one.currency == currency else rules.rates.get(one.currency) if currency == home else None
        if rate is None:
            return _unknown(f"no rate is known from {one.currency}, in which the customer paid before, to {currency}")
        payments, total = payments + one.payments, total + one.total * rate
    weight = Decimal(0) if own is None else rule.weight
    if payments < rule.minimum_payments or not weight + payments:
        return None
    mean = (weight * (own or 0) + total) / (weight + payments)
    coming = max(rule.visits - payments, Decimal(1))
    if total + coming * mean > LARGEST:
        return _unknown("it would be more than Konversi takes")
    value = exact(total + coming * mean, currency)
    text = (
        f"predicted_ltv is {currency} {value}: {currency} {exact(total, currency)} in {payments} payments before, and "
        f"{coming} more of {currency} {exact(mean, currency)}."
    )
    return Forecast(value, Note("value", "predicted_ltv", text))


def _unknown(why: str) -> Note:
    return Note("value", "predicted_ltv_unknown", f"No predicted_ltv is told: {why}.")
