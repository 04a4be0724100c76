"""Messenger (object `page`) and Instagram. No click id exists here: the customer's scoped id is the link to the ad.

Source: Meta, Messenger Platform: webhook events messages, messaging_postbacks, messaging_referrals, standby; Instagram
Platform: webhook examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from konversi.intake.hearing import heard
from konversi.intake.loose import entries, identifier, keyword, mapping, seconds, words
from konversi.journeys.arrival import Arrival, ChatChannel, Heard, Identities, Referral

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHANNELS: Final[dict[Any, ChatChannel]] = {"page": "messenger", "instagram": "instagram"}
_OWN_FIELDS = ("messages", "messaging_postbacks", "messaging_referral", "messaging_referrals", "standby")
_LONGEST_ID = 300
_SOURCES = {"ADS": "ad"}  # said like WhatsApp says it


def hear(body: Any, now: float) -> Heard:
    """What one call told. Takes any JSON; a message without a usable time came `now` (Unix seconds)."""
    return heard(_told(body, now))


def _told(body: Any, now: float) -> Iterator[Arrival | int]:
    for call in map(mapping, entries(body) or [body]):
        name = call.get("object")
        channel = _CHANNELS.get(name) if isinstance(name, str) else None
        if channel is None:
            yield 1
            continue
        for entry in map(mapping, entries(call.get("entry"))):
            for event in _events(entry):
                yield _arrival(mapping(event), entry, channel, now) or 1


def _events(entry: dict[str, Any]) -> Iterator[Any]:
    """Events stand in `messaging`, in `standby` while another app answers, or singly in `changes`."""
    yield from entries(entry.get("messaging"))
    yield from entries(entry.get("standby"))
    for change in map(mapping, entries(entry.get("changes"))):
        yield change.get("value") if change.get("field") in _OWN_FIELDS else None


def _arrival(event: dict[str, Any], entry: dict[str, Any], channel: ChatChannel, now: float) -> Arrival | None:
    account = identifier(entry.get("id"))
    sender = identifier(mapping(event.get("sender")).get("id"), 100)
    found = _message(event)
    if sender is None or sender == account or found is None:
        return None
    message_id, kind, referral = found
    time = event.get("timestamp") or entry.get("time")
    at = seconds(time, now)
    return Arrival(
        # A referral without a message has no id: the customer and the exact time stand for it when it comes again.
        message=message_id or f"{kind}:{sender}:{identifier(time) or at}",
        channel=channel,
        account=account or identifier(mapping(event.get("recipient")).get("id")),
        line=None,
        at=at,
        who=Identities(user_id=sender),
        kind=kind,
        referral=_referral(referral) or _referral(mapping(event.get("referral"))),
        word=keyword(mapping(event.get("message")).get("text")) or keyword(mapping(event.get("postback")).get("title")),
    )


def _message(event: dict[str, Any]) -> tuple[str | None, str, dict[str, Any]] | None:
    """Id, kind and referral of what the customer did; None for what the business did, and for deliveries and reads."""
    message, postback = mapping(event.get("message")), mapping(event.get("postback"))
    if message:
        message_id = identifier(message.get("mid"), _LONGEST_ID)
        if message_id is None or message.get("is_echo") or message.get("is_deleted"):
            return None
        return message_id, _kind(message), mapping(message.get("referral"))
    if postback:
        return identifier(postback.get("mid"), _LONGEST_ID), "postback", mapping(postback.get("referral"))
    return (None, "referral", {}) if mapping(event.get("referral")) else None


def _kind(message: dict[str, Any]) -> str:
    if message.get("is_unsupported"):
        return "unsupported"
    attached = entries(message.get("attachments"))
    told = words(mapping(attached[0]).get("type"), 40) if attached else None
    return told or ("text" if "text" in message else "unknown")


def _referral(given: dict[str, Any]) -> Referral | None:
    source = words(given.get("source"), 40)
    found = Referral(
        ad_id=identifier(given.get("ad_id")),
        source_type=_SOURCES.get(source or "", source),
        source_url=words(given.get("referer_uri")),
        headline=words(mapping(given.get("ads_context_data")).get("ad_title")),
        ref=words(given.get("ref")),
    )
    return found if any(found) else None
