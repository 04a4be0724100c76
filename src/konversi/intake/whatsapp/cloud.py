"""Meta's WhatsApp Cloud API, and the flat shape of the older on-premises API.

Source: Meta, WhatsApp Business Platform: webhook references messages, standby and automatic_events; business-scoped
user IDs. All parts are optional to us, since Meta leaves out what a customer or a placement doesn't allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.intake.hearing import heard
from konversi.intake.loose import click_id, entries, identifier, keyword, mapping, phone, seconds, words
from konversi.journeys.arrival import Arrival, Automatic, Heard, Identities, Referral

if TYPE_CHECKING:
    from collections.abc import Iterator

_FROM_CUSTOMERS = (None, "messages", "standby")  # standby: another sender of the number answers, we listen
_OURS = ("messages", "automatic_events", "contacts", "messaging_product", "metadata")
_LONGEST_MESSAGE_ID = 300
_LONGEST_USER_ID = 150  # two letters, a dot, up to 128 characters; parents have `ENT.` in between


def hear(body: Any, now: float) -> Heard:
    """What one call told. Takes any JSON; a message without a usable time came `now` (Unix seconds)."""
    return heard(_told(body, now))


def _told(body: Any, now: float) -> Iterator[Arrival | Automatic | int]:
    for call in entries(body) or [body]:
        known = mapping(call)
        if "entry" not in known:
            yield from _change(known, None, None, now)
            continue
        for entry in map(mapping, entries(known["entry"])):
            account = identifier(entry.get("id"))
            for change in map(mapping, entries(entry.get("changes"))):
                yield from _change(mapping(change.get("value")), change.get("field"), account, now)


def _change(value: dict[str, Any], field: Any, account: str | None, now: float) -> Iterator[Arrival | Automatic | int]:
    messages = entries(value.get("messages")) if field in _FROM_CUSTOMERS else []
    automatic = entries(value.get("automatic_events")) if field in (None, "automatic_events") else []
    contacts = _by_id(entries(value.get("contacts"))) if messages else {}
    metadata = mapping(value.get("metadata"))
    for message in map(mapping, messages):
        yield _arrival(message, contacts, account, metadata, now) or 1
    for event in map(mapping, automatic):
        yield _automatic(event, account, now) or 1
    yield sum(_size(part) for name, part in value.items() if name not in _OURS) or not (messages or automatic)


def _size(part: Any) -> int:
    return len(part) if isinstance(part, list) else 1


def _arrival(
    message: dict[str, Any],
    contacts: dict[str, dict[str, Any]],
    account: str | None,
    metadata: dict[str, Any],
    now: float,
) -> Arrival | None:
    """The customer's message; None where nobody of ours wrote it, or nothing tells who or which one it is."""
    message_id = identifier(message.get("id"), _LONGEST_MESSAGE_ID)
    who = _who(message, contacts)
    if message_id is None or who is None or message.get("type") == "system" or message.get("group_id"):
        return None
    if who.phone and who.phone == phone(metadata.get("display_phone_number")):
        return None  # the business's own: an echo
    return Arrival(
        message=message_id,
        channel="whatsapp",
        account=account,
        line=identifier(metadata.get("phone_number_id")) or phone(metadata.get("display_phone_number")),
        at=seconds(message.get("timestamp"), now),
        who=who,
        kind=words(message.get("type"), 40) or ("text" if "text" in message else "unknown"),
        referral=_referral(mapping(message.get("referral"))),
        word=_word(message),
    )


def _word(message: dict[str, Any]) -> str | None:
    """What was typed, or stood on the button that was pressed."""
    pressed = mapping(message.get("interactive"))
    told = (
        mapping(message.get("text")).get("body"),
        mapping(message.get("button")).get("text"),
        mapping(pressed.get("button_reply")).get("title"),
        mapping(pressed.get("list_reply")).get("title"),
    )
    return next((found for one in told if (found := keyword(one))), None)


def _by_id(contacts: list[Any]) -> dict[str, dict[str, Any]]:
    """Contacts by their phone (`wa_id`, with `+`) and by their user id; under the empty text, the only one there is."""
    found: dict[str, dict[str, Any]] = {}
    for contact in map(mapping, contacts):
        for key in (phone(contact.get("wa_id")), identifier(contact.get("user_id"), _LONGEST_USER_ID)):
            if key:
                found.setdefault(key, contact)
    if len(contacts) == 1:
        found[""] = mapping(contacts[0])
    return found


def _who(message: dict[str, Any], contacts: dict[str, dict[str, Any]]) -> Identities | None:
    """Phone and business-scoped user id, from the message or from the contact beside it."""
    sender = message.get("from")
    number = phone(sender)
    user_id = _user_id(message.get("from_user_id"), message.get("user_id"), None if number else sender)
    nameless = not number and not user_id
    contact = contacts.get(user_id or "-") or contacts.get(number or "-") or (contacts.get("") if nameless else None)
    if contact:
        number = number or phone(contact.get("wa_id"))
        user_id = user_id or _user_id(contact.get("user_id"))
    if not number and not user_id:
        return None
    return Identities(number, user_id, words(mapping((contact or {}).get("profile")).get("name")))


def _user_id(*given: Any) -> str | None:
    return next((found for one in given if (found := identifier(one, _LONGEST_USER_ID))), None)


def _referral(given: dict[str, Any]) -> Referral | None:
    found = Referral(
        click_id=click_id(given.get("ctwa_clid")),
        ad_id=identifier(given.get("source_id")),
        source_type=words(given.get("source_type"), 40),
        source_url=words(given.get("source_url")),
        headline=words(given.get("headline")),
    )
    return found if any(found) else None


def _automatic(event: dict[str, Any], account: str | None, now: float) -> Automatic | None:
    message_id = identifier(event.get("id"), _LONGEST_MESSAGE_ID)
    event_name = identifier(event.get("event_name"), 50)
    if message_id is None or event_name is None:
        return None
    at = seconds(event.get("timestamp"), now)
    return Automatic(message_id, account, event_name, at, click_id(event.get("ctwa_clid")))
