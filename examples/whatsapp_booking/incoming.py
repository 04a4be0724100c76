"""Meta's webhook call: whether it is Meta's, and which messages it tells of (Meta, WhatsApp Cloud API: webhooks)."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_FOR_US = frozenset({"reaction", "system", "unsupported"})


class Message(NamedTuple):
    """One message of a customer."""

    id: str  # wamid
    phone: str | None  # digits; None where the customer shows a username only
    user_id: str | None  # WhatsApp's business-scoped user id
    name: str | None
    text: str | None  # None: a picture, a voice message...

    @property
    def customer(self) -> str:
        """What the customer is called in the bot's own tables."""
        return self.phone or self.user_id or ""


def signed_by_meta(secret: str, body: bytes, header: str | None) -> bool:
    """Whether `X-Hub-Signature-256` is of these very bytes. Konversi hands a call on with Meta's own signature."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), (header or "").encode())


def messages_in(call: Any, line: str) -> Iterator[Message]:
    """The messages to the bot's own line; whatever has another shape is left alone."""
    for entry in _list(call, "entry"):
        for change in _list(entry, "changes"):
            value = _dict(change, "value")
            if _dict(value, "metadata").get("phone_number_id") == line:
                names = {key: _name(contact) for contact in _list(value, "contacts") for key in _keys(contact)}
                for message in _list(value, "messages"):
                    yield from _read(message, names)


def _read(message: Any, names: dict[str, str | None]) -> Iterator[Message]:
    if not isinstance(message, dict) or message.get("type") in _NOT_FOR_US:
        return
    found = Message(
        id=_text(message, "id") or "",
        phone=_text(message, "from"),
        user_id=_text(message, "from_user_id"),
        name=names.get(_text(message, "from") or "") or names.get(_text(message, "from_user_id") or ""),
        text=_written(message),
    )
    if found.id and found.customer:
        yield found


def _written(message: dict[str, Any]) -> str | None:
    """What was typed, or the title of the button that was tapped."""
    interactive = _dict(message, "interactive")
    return (
        _text(_dict(message, "text"), "body")
        or _text(_dict(message, "button"), "text")
        or _text(_dict(interactive, "button_reply"), "title")
        or _text(_dict(interactive, "list_reply"), "title")
    )


def _keys(contact: Any) -> list[str]:
    return [key for key in (_text(contact, "wa_id"), _text(contact, "user_id")) if key]


def _name(contact: Any) -> str | None:
    return _text(_dict(contact, "profile"), "name")


def _list(holder: Any, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def _dict(holder: Any, name: str) -> dict[str, Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def _text(holder: Any, name: str) -> str | None:
    """The text, without halves of emoji, which no database takes."""
    value = holder.get(name) if isinstance(holder, dict) else None
    return value.encode(errors="replace").decode() or None if isinstance(value, str) else None
