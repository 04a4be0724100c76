"""Amounts: major units, a known currency, and no more decimals than that currency has."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from babel import Locale
from babel.numbers import get_currency_precision

from konversi.events.faults import Fault

SCALE = 10_000  # sums are kept in ten-thousandths of the major unit, as whole numbers: databases add those exactly
_NOT_MONEY = frozenset({"XXX", "XTS"})


@lru_cache(maxsize=512)
def currency_code(given: str) -> str | Fault:
    """The ISO 4217 code in capitals, as Meta takes it."""
    code = given.strip().upper()
    if len(code) == 3 and code.isascii() and code.isalpha() and code not in _NOT_MONEY and code in _known():  # noqa: PLR2004
        return code
    return Fault("currency", "unknown_currency", "is not an ISO 4217 currency.", "Send three letters such as IDR.")


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(Locale("en").currencies)


@lru_cache(maxsize=512)
def _step(currency: str) -> Decimal:
    return Decimal(1).scaleb(-get_currency_precision(currency))


def amount(value: float, currency: str) -> int | float:
    """The value as a plain JSON number in major units: whole where it is whole, never with an exponent."""
    if isinstance(value, int) or value.is_integer():
        return int(value)
    rounded = Decimal(repr(value)).quantize(_step(currency), ROUND_HALF_EVEN)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)


def exact(value: Decimal, currency: str) -> int | float:
    """As `amount`, for a decimal."""
    rounded = value.quantize(_step(currency), ROUND_HALF_EVEN)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)
