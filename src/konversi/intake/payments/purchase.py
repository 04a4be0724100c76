"""From a payment and its booking to the conversion that is reported. Pure.

Of the booking its stored event is all there is: hashed identities, which are sent once more as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.events import quick
from konversi.events.names import PURCHASE
from konversi.journeys.identity import merged
from konversi.matching.keys import BY_CUSTOMER_FIELD, FIELD_OF_META
from konversi.meta.channels import ACTION_SOURCES, DEFAULT_ACTION_SOURCE
from konversi.payments.units import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.events.conversion import Channel, Conversion, Customer, Service
    from konversi.events.quick import Words
    from konversi.matching.match import Hashed
    from konversi.payments.payment import Payment
    from konversi.payments.policy import Booking

_DAY = 86_400
_LONGEST_ID = 200  # characters of a service's
_CLICK_DAYS = 7  # in which Meta takes a click
_FIELDS = FIELD_OF_META | {"instagram_business_account_id": "ig_account_id"}
_SEVERAL = frozenset({"phone", "email", "external_id"})
_CHANNELS: Mapping[str, Channel] = {
    source: channel for channel, source in ACTION_SOURCES.items() if source != DEFAULT_ACTION_SOURCE
}


class Said(NamedTuple):
    """A Purchase, and the match keys of its customer where it is said by these only."""

    conversion: Conversion
    hashed: Hashed


def purchase(payment: Payment, booking: Booking | None, told: Conversion | None = None) -> Said:
    """What is reported of a payment whose Purchase is due. `told` is what the caller said, where a conversion did."""
    assert payment.purchase_value is not None
    words = quick.UNCHECKED if told is None else quick.MODELS
    known: dict[str, Any] = {
        "event": PURCHASE,
        "event_id": payment.purchase,
        "booking_id": payment.booking_id,
        "occurred_at": payment.purchase_at,
        "value": number(payment.purchase_value),
        "currency": payment.purchase_currency,
        "services": () if booking is None else _services(booking, words),
    }
    hashed: Hashed = None
    if told is None or not told.customer.model_fields_set:
        known["customer"], hashed = _customer(merged(payment.user_data, _of(booking)), words)
    where = {} if booking is None else _where(booking, payment, words)
    if told is None:
        return Said(words.conversion(source=payment.provider, custom={}, **known, **where), hashed)
    known |= {name: value for name, value in where.items() if getattr(told, name) is None}
    known |= {"booking_id": payment.booking_id or told.booking_id, "services": told.services or known["services"]}
    return Said(told.model_copy(update={**known, "payment_id": None}), hashed)


def _of(booking: Booking | None) -> Mapping[str, Any]:
    return booking.body.get("user_data", {}) if booking is not None else {}


def _customer(user_data: Mapping[str, Any], words: Words) -> tuple[Customer, dict[str, Any]]:
    """The match keys as a customer's fields, and those that became some: what is hashed was read before."""
    fields: dict[str, Any] = {}
    hashed: dict[str, Any] = {}
    for meta, value in user_data.items():
        field = _FIELDS.get(meta)
        if field is not None:
            is_one = field not in _SEVERAL and isinstance(value, list)
            fields[field] = value[0] if is_one else value
            hashed[BY_CUSTOMER_FIELD[field].meta] = value[:1] if is_one else value
    return words.customer(**fields), hashed


def _services(booking: Booking, words: Words) -> tuple[Service, ...]:
    """What was booked; for how much each is the payment's to say. What had no id goes by its name, however long."""
    contents = booking.body.get("custom_data", {}).get("contents", ())
    return tuple(
        words.service(
            name=one["title"],
            id=one["id"] if len(one["id"]) <= _LONGEST_ID else None,
            quantity=one["quantity"],
            category=one.get("category"),
        )
        for one in contents
    )


def _where(booking: Booking, payment: Payment, words: Words) -> dict[str, Any]:
    """Where the booking happened, and the click that led there as long as Meta takes it."""
    user_data = _of(booking)
    body = booking.body
    found: dict[str, Any] = {
        "dataset": booking.dataset,
        "channel": body.get("messaging_channel") or _CHANNELS.get(str(body.get("action_source"))),
    }
    click = {name: user_data[name] for name in ("fbc", "fbp") if name in user_data}
    clicked = booking.clicked_at if booking.clicked_at is not None else booking.at
    if "ctwa_clid" in user_data and (payment.purchase_at or 0) - clicked <= _CLICK_DAYS * _DAY:
        click["ctwa_clid"] = user_data["ctwa_clid"]
    if click:
        found["click"] = words.click(**click)
    client = {"page_url": body.get("event_source_url")}
    client |= {"ip": user_data.get("client_ip_address"), "user_agent": user_data.get("client_user_agent")}
    if any(client.values()):
        found["client"] = words.client(**client)
    return found
