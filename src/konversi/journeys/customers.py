"""Who has booked or bought before: remembered as keyed hashes, to tell customers who come back from new ones.

What is remembered follows the events (`insight/customers.py`), so that no conversion waits for it to be written.
Source: Meta, Conversions API: server event parameters, `customer_segmentation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from konversi.database.many_rows import lists
from konversi.journeys.identity import keyed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from konversi.database.port import Driver

NEW: Final = "new_customer_to_business"
EXISTING: Final = "existing_customer_to_business"
# What makes somebody a customer. An attempt, or a look at something, does not.
MAKES_CUSTOMERS = frozenset(
    {
        "Lead", "LeadSubmitted", "Schedule", "Purchase", "Subscribe", "OrderCreated", "OrderShipped", "OrderDelivered",
    }
)  # fmt: skip
KEY_LETTERS = 32
MOST_KEYS = 4
_IDENTIFYING = (("ph", 2), ("em", 2), ("external_id", 1), ("page_scoped_user_id", 1), ("ig_sid", 1))
_DAY = 86_400


class First(NamedTuple):
    """A customer's first booking or purchase."""

    at: int  # Unix seconds
    booking_id: str | None


def customer_keys(user_data: Mapping[str, Any], secret: bytes) -> list[str]:
    """Under which a customer with these match keys is remembered, those that say most first."""
    found = [f"{name}:{one}" for name, most in _IDENTIFYING for one in _values(user_data, name)[:most]]
    return [keyed("customer", one, secret).hex() for one in found[:MOST_KEYS]]


def _values(user_data: Mapping[str, Any], name: str) -> Sequence[str]:
    value = user_data.get(name) or ()
    values = (value,) if isinstance(value, str) else value
    if name != "external_id":
        return values
    phones = user_data.get("ph", ())  # which stand in for an id that was not given
    return [one for one in values if one not in phones]


def segment(keys: Iterable[str], remembered: Mapping[str, First], occurred: int, booking_id: str | None) -> str:
    """Whether the customer is new or has come back.

    What belongs to the first booking is the new customer's still: its payment, or anything within a day of it that is
    not of another booking.
    """
    first = min((remembered[key] for key in keys if key in remembered), key=lambda one: one.at, default=None)
    if first is None or occurred < first.at:
        return NEW
    if booking_id is not None and first.booking_id is not None:
        return NEW if booking_id == first.booking_id else EXISTING
    return NEW if occurred - first.at < _DAY else EXISTING


def remembered(driver: Driver, keys: Sequence[str]) -> dict[str, First]:
    """The first booking or purchase under each key."""
    found: dict[str, First] = {}
    for places, some in lists(keys):
        asked = f"SELECT key, first_at, booking_id FROM customers WHERE key IN ({places})"  # noqa: S608 - ours
        for key, at, booking_id in driver.execute(asked, some).fetchall():
            found[key] = First(at, booking_id)
    return found


def forget(driver: Driver, before: float, limit: int) -> int:
    """Forget up to so many who have not come since then (Unix seconds)."""
    old = "SELECT key FROM customers WHERE last_at < ? ORDER BY last_at LIMIT ?"
    return driver.execute(f"DELETE FROM customers WHERE key IN ({old})", (before, limit)).rowcount  # noqa: S608 - ours
