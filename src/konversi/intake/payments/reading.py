"""Looking into a provider's notification, whatever a stranger may have put there. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from konversi.errors import KonversiError
from konversi.events.faults import Fault
from konversi.events.money import currency_code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

_LONGEST = 200  # characters of an id
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
WESTERN_INDONESIA = timezone(timedelta(hours=7))
_LAST_SECOND = 10**11  # seconds; what is larger are milliseconds


class PaymentUnreadable(KonversiError):
    """The notification is genuine, but what it says of a payment can't be read, so nothing was done.

    Compare it with docs/reference/payments.md in the provider's dashboard, where it can also be sent again.
    """

    code = "payment_unreadable"
    status = 422


def an_object(given: Any) -> dict[str, Any]:
    """What every provider's notification has to be. Raises `PaymentUnreadable`."""
    if not isinstance(given, dict):
        raise PaymentUnreadable("It is no object.")
    return given


def inner(given: Any, *names: str) -> dict[str, Any]:
    """The object under these names; an empty one where there is none."""
    for name in names:
        if not isinstance(given, dict):
            return {}
        given = given.get(name)
    return given if isinstance(given, dict) else {}


def word(given: Any) -> str | None:
    """A short text or a number as text; `None` where it is neither."""
    if isinstance(given, bool) or not isinstance(given, str | int):
        return None
    text = str(given).strip()
    if not text or len(text) > _LONGEST or _CONTROL.search(text) or not _is_unicode(text):
        return None
    return text


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def needed(given: Any, name: str) -> str:
    """An id that has to be there. Raises `PaymentUnreadable`."""
    found = word(given)
    if found is None:
        raise PaymentUnreadable(f"{name}: there is none.")
    return found


def currency_of(given: Any, otherwise: str | None = None) -> str:
    """The currency's code. Raises `PaymentUnreadable`."""
    code = currency_code(given if isinstance(given, str) else otherwise or "")
    if isinstance(code, Fault):
        raise PaymentUnreadable("currency: it is none of ISO 4217.")
    return code


def amount_of(amount: Decimal | None, name: str) -> Decimal:
    """An amount that has to be one. Raises `PaymentUnreadable`."""
    if amount is None:
        raise PaymentUnreadable(f"{name}: it is no amount of money.")
    return amount


def references(given: dict[str, Any], fields: str) -> list[str]:
    """What stands in the first of these dotted fields, and in those after it, that are there."""
    found: dict[str, None] = {}
    for path, last in _paths(fields):
        text = word(inner(given, *path).get(last))
        if text is not None:
            found.setdefault(text)
    return list(found)


@lru_cache(maxsize=16)
def _paths(fields: str) -> list[tuple[list[str], str]]:
    """Where each stands: within what, and under which name."""
    split = (field.strip().split(".") for field in fields.split(","))
    return [(path, last) for *path, last in split]


def moment(given: Sequence[Any], now: float, zone: timezone = UTC) -> int:
    """Unix seconds of the first of these times that can be read, and never in the future; now where none can."""
    for one in given:
        seconds = _seconds(one, zone)
        if seconds is not None and 0 < seconds < _LAST_SECOND:
            return min(int(seconds), int(now))
    return int(now)


def _seconds(given: Any, zone: timezone) -> float | None:
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    if not isinstance(given, str):
        return None
    try:
        read = datetime.fromisoformat(given.strip())
        return (read if read.tzinfo else read.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        return None
