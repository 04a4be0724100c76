"""From a conversion to the event that Meta gets. Each choice leaves a note in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.events.faults import Fault, Note
from konversi.events.money import amount, currency_code
from konversi.matching.minimum import too_little
from konversi.meta.channels import (
    ACTION_SOURCES,
    BUSINESS_MESSAGING,
    CLICK_KEYS,
    DEFAULT_ACTION_SOURCE,
    ELSEWHERE_NAMES,
    MESSAGING_KEYS,
    NOT_IN_MESSAGING,
    ONLY_IN_MESSAGING,
    WEBSITE,
    Tables,
)
from konversi.meta.own_data import category, own_data, title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.events.conversion import Channel, Conversion, Service

_TABLES = Tables()
_CLICKED = frozenset(CLICK_KEYS.values())  # each tells its channel, where the conversion doesn't
_LARGEST_VALUE = 1e15
_NOT_CUSTOM = ("value", "currency", "contents")  # Meta reads them as its own


NO_CLICK = Note("event", "no_ad_click", "No ad click is known for this chat: sent as chat, matched by identity.")


class Composed(NamedTuple):
    """The event for Meta and why it looks as it does."""

    event: dict[str, Any]
    action_source: str
    notes: list[Note]


def compose(
    conversion: Conversion,
    *,
    name: str,
    event_id: str,
    event_time: int,
    user_data: dict[str, Any],
    default_currency: str,
    tables: Tables = _TABLES,
    channel: Channel | None = None,
    no_click: Note = NO_CLICK,
    country: str | None = None,
) -> Composed | Fault:
    """Put a conversion the way Meta takes it on its channel.

    `name` is the conversion's canonical name and `user_data` its match keys, hashed. `channel` is where it happened, as
    far as others know, for a conversion that doesn't say; `no_click` says why no ad click is known in a chat. `country`
    is where phone numbers without a country code are read. A `Fault` is returned where Meta would refuse the event for
    what the conversion lacks.
    """
    notes: list[Note] = []
    heard, action_source, messaging = _way(conversion, channel, name, user_data, tables, notes, no_click)
    keys = user_data
    if messaging or not user_data.keys().isdisjoint(ONLY_IN_MESSAGING):
        keys = _keys_for(user_data, messaging, tables)
    insufficient = None if keys is user_data else too_little(keys)
    if insufficient:
        return insufficient
    custom = _custom_data(conversion, default_currency, country, notes)
    if isinstance(custom, Fault):
        return custom
    if heard == "Purchase" and "value" not in custom:
        return Fault("value", "value_required", "is required for a Purchase.", "Send the amount paid, in major units.")
    event: dict[str, Any] = {
        "event_name": heard,
        "event_time": event_time,
        "event_id": event_id,
        "action_source": action_source,
        "user_data": keys,
    }
    if messaging:
        event["messaging_channel"] = messaging
    elif action_source == WEBSITE:
        _website(event, conversion, notes)
    if custom:
        event["custom_data"] = custom
    return Composed(event, action_source, notes)


def _way(
    conversion: Conversion,
    known_channel: Channel | None,
    name: str,
    user_data: dict[str, Any],
    tables: Tables,
    notes: list[Note],
    no_click: Note,
) -> tuple[str, str, str | None]:
    """The event name Meta hears, the action source, and the messaging channel where an ad opened the chat."""
    channel, client = conversion.channel, conversion.client
    if channel is None and client is not None and client.page_url:
        return ELSEWHERE_NAMES.get(name, name), WEBSITE, None
    channel = channel or known_channel
    if channel is None and not user_data.keys().isdisjoint(_CLICKED):
        channel = next(channel for channel, key in CLICK_KEYS.items() if key in user_data)
    required = MESSAGING_KEYS.get(channel) if channel else None
    if channel is None or required is None:
        source = ACTION_SOURCES[channel] if channel else DEFAULT_ACTION_SOURCE
        return ELSEWHERE_NAMES.get(name, name), source, None
    if all(key in user_data for key in required):
        heard = tables.messaging_names.get(name)
        if heard:
            if heard != name:
                notes.append(Note("event", "renamed", f"Meta takes {heard} for {name} in chats that an ad opened."))
            return heard, BUSINESS_MESSAGING, channel
        notes.append(
            Note(
                "event",
                "not_a_messaging_event",
                f"Meta doesn't take {name} from chats that an ad opened: sent as chat.",
            )
        )
    elif CLICK_KEYS[channel] in user_data:
        lacking = next(key for key in required if key not in user_data)
        notes.append(
            Note(
                "event",
                "messaging_key_missing",
                f"Sent as chat, not tied to the ad's click: customer.{lacking} is missing.",
            )
        )
    else:
        notes.append(no_click)
    return ELSEWHERE_NAMES.get(name, name), DEFAULT_ACTION_SOURCE, None


def _keys_for(user_data: dict[str, Any], messaging: str | None, tables: Tables) -> dict[str, Any]:
    unwanted = NOT_IN_MESSAGING if messaging else ONLY_IN_MESSAGING
    if user_data.keys().isdisjoint(unwanted) and messaging != "instagram":
        return user_data
    keys = {key: value for key, value in user_data.items() if key not in unwanted}
    if messaging == "instagram":
        keys[tables.ig_account_key] = keys.pop("ig_account_id")
    return keys


def _website(event: dict[str, Any], conversion: Conversion, notes: list[Note]) -> None:
    client = conversion.client
    if client is not None and client.page_url:
        event["event_source_url"] = client.page_url
    for field, key in (("page_url", "event_source_url"), ("user_agent", "client_user_agent")):
        if key not in event and key not in event["user_data"]:
            notes.append(Note(f"client.{field}", "website_key_missing", "Meta asks for it in website events."))


def _custom_data(
    conversion: Conversion, default_currency: str, country: str | None, notes: list[Note]
) -> dict[str, Any] | Fault:
    custom, services, booking = conversion.custom, conversion.services, conversion.booking_id
    if custom and (reserved := _reserved(custom)):
        return reserved
    data = own_data(conversion, country, notes)
    currency = currency_code(conversion.currency or default_currency)
    if isinstance(currency, Fault):
        return currency
    value = conversion.value
    if value is None:
        value = _sum_of(services)
        if value is not None and value > _LARGEST_VALUE:
            return Fault("services", "too_large", "add up to more than Konversi takes.", "Check the prices' unit.")
    if value is not None:
        data["value"] = amount(value, currency)
        data["currency"] = currency
    if booking:
        data["order_id"] = data["booking_id"] = booking
    if services:
        data["contents"] = [_content(service, currency, country, notes) for service in services]
        data["content_type"] = "product"
    return data


def _reserved(custom: Mapping[str, Any]) -> Fault | None:
    for name in _NOT_CUSTOM:
        if name in custom:
            return Fault(
                f"custom.{name}", "reserved_name", "is Meta's own field.", "Send it beside `custom`, not in it."
            )
    return None


def _content(service: Service, currency: str, country: str | None, notes: list[Note]) -> dict[str, Any]:
    own_id, price, kind = service.id, service.price, service.category
    called = title(service.name, country, notes)
    content: dict[str, Any] = {"id": own_id or called, "title": called, "quantity": service.quantity}
    if price is not None:
        content["item_price"] = amount(price, currency)
    if kind is not None and (told := category(kind, country, notes)) is not None:
        content["category"] = told
    return content


def _sum_of(services: tuple[Service, ...]) -> float | None:
    """The services' own total, where each has a price."""
    prices = [service.price * service.quantity for service in services if service.price is not None]
    return sum(prices) if prices and len(prices) == len(services) else None
