"""Amounts as tools give them: numbers, plain digits, and rupiah as Indonesians write them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NamedTuple

_MOST = 10**15
_PLAIN_DIGITS = re.compile(r"[0-9]{1,15}\Z")
_RUPIAH = re.compile(r"Rp\.?\s*([0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,15})(?:,00|,-)?\Z", re.IGNORECASE)


class Money(NamedTuple):
    """An amount in major units, and the currency where the text itself names it."""

    amount: int | float
    currency: str | None = None


def money(value: Any) -> Money | None:
    """The amount, or None where it is not certain: `150.000` is 150 to some and 150 thousand to others."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _written(value.strip())
    if isinstance(value, Decimal):
        if not value.is_finite() or not 0 <= value <= _MOST:
            return None
        value = int(value) if value == value.to_integral_value() else float(value)
    if not isinstance(value, int | float) or not 0 <= value <= _MOST:
        return None
    return Money(value)


def _written(text: str) -> Money | None:
    if _PLAIN_DIGITS.match(text):
        return Money(int(text))
    rupiah = _RUPIAH.match(text)
    return Money(int(rupiah[1].replace(".", "")), "IDR") if rupiah else None
