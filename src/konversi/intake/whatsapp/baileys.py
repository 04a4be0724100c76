"""WhatsApp bridges of the Baileys family: Evolution API (also its Go version) and WAHA with its engines.

They speak for a phone, not for a WhatsApp Business Account. Source: Evolution API and WAHA, their documentation of
webhooks; shapes that users reported in their issues.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.intake.hearing import heard
from konversi.intake.loose import entries, identifier, keyword, mapping, seconds, words
from konversi.intake.whatsapp.ad_replies import referral
from konversi.intake.whatsapp.jids import Jid, jid
from konversi.journeys.arrival import Arrival, Heard, Identities

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MESSAGE_EVENTS = ("messages.upsert", "message", "message.any", "")
_TEXTS = {"conversation": "text", "extendedText": "text", "chat": "text"}
_NO_KINDS = ("", "media", "notify", "append")
_BESIDE_THE_MESSAGE = ("messageContextInfo", "senderKeyDistributionMessage")
_OF_THE_PROTOCOL = ("protocol", "senderKeyDistribution", "e2e_notification", "notification_template", "ciphertext")
_MEMBERS_AT_MOST = 80


class _Parts(NamedTuple):
    """Where the engines keep what we need; empty where one hasn't that place."""

    outer: dict[str, Any]  # Evolution's `data`, WAHA's `payload`
    engine: dict[str, Any]  # WAHA's `_data`
    key: dict[str, Any]  # of Baileys: Evolution, NOWEB
    info: dict[str, Any]  # of whatsmeow: GOWS, Evolution Go
    web: dict[str, Any]  # of WhatsApp Web: WEBJS


def hear(body: Any, now: float) -> Heard:
    """What one call told. Takes any JSON; a message without a usable time came `now` (Unix seconds)."""
    return heard(_told(body, now))


def _told(body: Any, now: float) -> Iterator[Arrival | int]:
    for call in map(mapping, entries(body) or [body]):
        line = _own_number(call)
        messages = _messages(call)
        for message in map(mapping, messages):
            yield _arrival(_parts(message), line, now) or 1
        yield int(not messages)


def _own_number(call: dict[str, Any]) -> str | None:
    own = jid(call.get("sender")) or jid(mapping(call.get("me")).get("id"))
    return own.phone if own else None


def _messages(call: dict[str, Any]) -> list[Any]:
    """The messages in a call: Evolution's `data` (one, several, or with `messages`), WAHA's `payload`, Baileys' own."""
    event = (words(call.get("event"), 40) or "").lower().replace("_", ".").replace("-", ".")
    if event not in _MESSAGE_EVENTS:
        return []
    told = next((call[name] for name in ("data", "payload") if name in call), call)
    inner = mapping(told).get("messages", told)
    return inner if isinstance(inner, list) else [inner]


def _parts(message: dict[str, Any]) -> _Parts:
    engine = mapping(message.get("_data"))
    return _Parts(
        outer=message,
        engine=engine,
        key=mapping(message.get("key")) or mapping(engine.get("key")),
        info=mapping(message.get("Info")) or mapping(engine.get("Info")),
        web=mapping(engine.get("id")),
    )


def _arrival(parts: _Parts, line: str | None, now: float) -> Arrival | None:
    """The customer's message; None for the business's own, and for what nobody wrote to it in person."""
    outer, engine, key, info, web = parts
    message_id = _first_id(outer.get("id") if engine else None, key.get("id"), info.get("ID"), outer.get("id"))
    own = any((outer.get("fromMe"), key.get("fromMe"), info.get("IsFromMe"), web.get("fromMe")))
    chat = _jids(key.get("remoteJid"), info.get("Chat"), outer.get("from"), web.get("remote"))
    kind = _kind(parts)
    if message_id is None or own or not all(one.is_person for one in chat) or kind in _OF_THE_PROTOCOL:
        return None
    who = _who(chat, parts)
    return who and Arrival(
        message=message_id,
        channel="whatsapp",
        account=None,
        line=line,
        at=seconds(_time(parts), now),
        who=who,
        kind=kind,
        referral=referral(outer),
        word=_word(parts),
    )


def _word(parts: _Parts) -> str | None:
    outer, engine, *_ = parts
    inner = mapping(outer.get("message")) or mapping(outer.get("Message")) or mapping(engine.get("Message"))
    inner = inner or mapping(engine.get("message"))
    extended = mapping(inner.get("extendedTextMessage"))
    told = (outer.get("body"), inner.get("conversation"), extended.get("text"), engine.get("body"))
    return next((found for one in told if (found := keyword(one))), None)


def _first_id(*given: Any) -> str | None:
    return next((found for one in given if (found := identifier(one, 300))), None)


def _jids(*given: Any) -> list[Jid]:
    return [found for one in given if (found := jid(one))]


def _who(chat: list[Jid], parts: _Parts) -> Identities | None:
    """Either of the two addresses that a person has may stand in any place, and in some the other one beside it."""
    outer, engine, key, info, _ = parts
    beside = [key.get(name) for name in ("remoteJidAlt", "senderPn", "participantPn", "participantAlt", "senderLid")]
    known = chat + _jids(*beside, info.get("Sender"), info.get("SenderAlt"), outer.get("senderPn"))
    phone = next((one.phone for one in known if one.phone), None)
    hidden = next((one.hidden for one in known if one.hidden), None)
    names = (outer.get("pushName"), engine.get("pushName"), info.get("PushName"), engine.get("notifyName"))
    name = next((found for one in names if (found := words(one))), None)
    return Identities(phone, hidden, name) if phone or hidden else None


def _time(parts: _Parts) -> Any:
    outer, engine, _, info, _ = parts
    told = (outer.get("messageTimestamp"), outer.get("timestamp"), engine.get("messageTimestamp"), engine.get("t"))
    return next((one for one in (*told, info.get("Timestamp")) if one), None)


def _kind(parts: _Parts) -> str:
    outer, engine, _, info, _ = parts
    told = (outer.get("messageType"), engine.get("type"), info.get("MediaType"), info.get("Type"), outer.get("type"))
    for one in (*told, *_members(outer.get("message") or engine.get("message") or engine.get("Message"))):
        kind = (words(one, 40) or "").removesuffix("Message")
        if kind not in _NO_KINDS:
            return _TEXTS.get(kind, kind)
    return "text" if isinstance(outer.get("body"), str) else "unknown"


def _members(message: Any) -> Iterable[str]:
    return (name for name in islice(mapping(message), _MEMBERS_AT_MOST) if name not in _BESIDE_THE_MESSAGE)
