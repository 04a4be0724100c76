"""Amounts as providers write them, in major units. Decimal throughout; nothing is rounded."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from konversi.events.money import SCALE
from konversi.payments.notice import LARGEST

# Stripe's own tables, which are not ISO 4217's: IDR has two decimals there, and ISK and UGX are written with two
# although they have none. Source: https://docs.stripe.com/currencies (zero-decimal, three-decimal, special cases).
STRIPE_ZERO_DECIMAL = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
STRIPE_THREE_DECIMAL = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

_MOST_CHARACTERS = 40


def stripe_amount(minor: Any, currency: str) -> Decimal | None:
    """Stripe's amount, a whole number in its minor unit, in major units; `None` where it is no amount."""
    if isinstance(minor, bool) or not isinstance(minor, int):
        return None
    places = 0 if currency in STRIPE_ZERO_DECIMAL else 3 if currency in STRIPE_THREE_DECIMAL else 2
    return _in_bounds(Decimal(minor).scaleb(-places))


def major_amount(given: Any) -> Decimal | None:
    """An amount in major units, as a number or as text (`"150000.00"`); `None` where it is no amount."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    text = given.strip() if isinstance(given, str) else repr(given)
    if len(text) > _MOST_CHARACTERS or not text.isascii() or "_" in text:
        return None
    try:
        return _in_bounds(Decimal(text))
    except InvalidOperation:
        return None


def _in_bounds(amount: Decimal) -> Decimal | None:
    return amount if amount.is_finite() and 0 <= amount <= LARGEST else None


def in_parts(amount: Decimal) -> int:
    """In units of 1/`SCALE`, so that a database adds them exactly."""
    return int((amount * SCALE).to_integral_value())


def number(amount: Decimal) -> int | float:
    """For JSON: whole where it is whole."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def text(amount: Decimal) -> str:
    """Plain, without an exponent and without zeros that say nothing."""
    written = f"{amount:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
