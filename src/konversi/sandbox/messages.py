"""The WhatsApp messages that a business sent, and how the Cloud API answers one (Meta, Cloud API: messages)."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections import deque
from itertools import islice
from typing import Any, NamedTuple

_REMEMBERED = 1_000
_WAMID_START = b"\x1c\x18\x0d"  # HBgN
_WAMID_BYTES = 40


class Message(NamedTuple):
    """A message that was taken."""

    id: str  # wamid
    sent_at: float  # Unix seconds
    phone_number_id: str  # the business's
    to: str | None  # the customer's phone, as given
    recipient: str | None  # the customer's business-scoped user id, where no phone was given
    type: str
    text: str | None  # of a text message
    body: dict[str, Any]  # all of it, without the token


def no_messages() -> deque[Message]:
    """Keeps the newest thousand."""
    return deque(maxlen=_REMEMBERED)


def newest_first(messages: deque[Message], *, to: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Those to one customer, or to all."""
    found = (message for message in reversed(messages) if to in {None, message.to, message.recipient})
    return [message._asdict() for message in islice(found, limit)]


def new_wamid() -> str:
    return "wamid." + b64encode(_WAMID_START + secrets.token_bytes(_WAMID_BYTES)).decode()


def acknowledged(message: Message) -> dict[str, Any]:
    """The body of the answer."""
    if message.to is not None:
        digits = "".join(filter(str.isdigit, message.to))
        contact = {"input": message.to, "wa_id": digits}
    else:
        contact = {"input": message.recipient or "", "user_id": message.recipient or ""}
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [{"id": message.id}]}
