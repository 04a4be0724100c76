"""Whoever paid, as a payment is kept with him: hashed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.events.conversion import Customer
from konversi.matching.match import match
from konversi.payments.deciding import Told
from konversi.payments.notice import NOBODY

if TYPE_CHECKING:
    from konversi.payments.notice import Contact, Notice


def told_of(notice: Notice, country: str | None, now: float) -> Told:
    """A notification that came at that time (Unix seconds); national phones are read in the country (ISO alpha-2)."""
    return Told(notice, _hashed(notice.contact, country, now))


def _hashed(contact: Contact, country: str | None, now: float) -> dict[str, object]:
    """What of whoever paid a match could be made with."""
    if contact == NOBODY:
        return {}
    given = {"email": contact.email, "phone": contact.phone, "name": contact.name}
    customer = Customer.model_validate({name: value for name, value in given.items() if value})
    return match(customer, country=country, seen_ms=int(now * 1_000)).user_data
