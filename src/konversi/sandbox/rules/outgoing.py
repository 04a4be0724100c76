"""What a WhatsApp message that a business sends must look like (Meta, WhatsApp Cloud API: messages; error codes)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from konversi.sandbox.errors import GraphError, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONAL_TYPE = "text"
TYPES = frozenset({
    "audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker", "template", "text",
    "video",
})  # fmt: skip

_LONGEST_TEXT = 4_096  # characters
_LARGEST = 65_536  # bytes of a whole message, so that the memory of them stays bounded
_PHONE = re.compile(r"\+?[0-9][0-9 ().-]{4,24}").fullmatch
_BUSINESS_SCOPED = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}").fullmatch


def _parameter(message: str) -> GraphError:
    return GraphError(400, 100, None, "OAuthException", message)


def _value(details: str) -> GraphError:
    return GraphError(400, 131009, None, "OAuthException", "(#131009) Parameter value is not valid", details=details)


_REQUIRED = _parameter("(#100) The parameter {where} is required.")
_NO_RECEIVER = _parameter("The parameter to is required.")
_NO_TEXT = _parameter("(#100) The parameter text['body'] is required.")
_LONG_TEXT = _parameter("(#100) Param text['body'] must be at most 4096 characters long.")
_NOT_WHATSAPP = _parameter("(#100) Param messaging_product must be one of {{WHATSAPP}}.")
_NO_SUCH_TYPE = _parameter(f"(#100) Param type must be one of {{{{{', '.join(sorted(TYPES)).upper()}}}}}.")
_NOT_AN_OBJECT = _parameter("(#100) Param {where} must be a JSON object.")
_BAD_PHONE = _value("The recipient's phone number is malformed.")
_BAD_USER_ID = _value("The recipient is not a business-scoped user ID.")
_BAD_MESSAGE_ID = _value("The message_id is not the ID of a message.")
_TOO_LARGE = _value("The message is too large.")


def objects_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, with the objects that a form holds as JSON."""
    return {name: _object(value) if name in TYPES else value for name, value in given.items()}


def first_fault(body: Mapping[str, Any], size: int) -> Refusal | None:
    """Why it is refused. `size` is the message's, in bytes."""
    product = body.get("messaging_product")
    if not product:
        return Refusal(_REQUIRED, top="messaging_product")
    if not isinstance(product, str) or product.lower() != "whatsapp":
        return Refusal(_NOT_WHATSAPP, top="messaging_product")
    if size > _LARGEST:
        return Refusal(_TOO_LARGE, top="body")
    if "status" in body:
        return _mark(body)
    return _receiver(body) or _content(body)


def _receiver(body: Mapping[str, Any]) -> Refusal | None:
    """`to` wins over `recipient`."""
    to, recipient = body.get("to"), body.get("recipient")
    if to:
        good = isinstance(to, str | int) and not isinstance(to, bool) and _PHONE(str(to))
        return None if good else Refusal(_BAD_PHONE, top="to")
    if not recipient:
        return Refusal(_NO_RECEIVER, top="to")
    good = isinstance(recipient, str) and _BUSINESS_SCOPED(recipient)
    return None if good else Refusal(_BAD_USER_ID, top="recipient")


def _content(body: Mapping[str, Any]) -> Refusal | None:
    kind = body.get("type") or OPTIONAL_TYPE
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        return Refusal(_NO_SUCH_TYPE, top="type")
    kind = kind.lower()
    content = body.get(kind)
    if not content:
        return Refusal(_REQUIRED, top=kind)
    if kind == "text":
        return _text(content)
    is_right = isinstance(content, list if kind == "contacts" else dict)
    return None if is_right else Refusal(_NOT_AN_OBJECT, top=kind)


def _text(text: Any) -> Refusal | None:
    if not isinstance(text, dict):
        return Refusal(_NOT_AN_OBJECT, top="text")
    words = text.get("body")
    if not isinstance(words, str) or not words.strip():
        return Refusal(_NO_TEXT, ("body",), "text")
    return Refusal(_LONG_TEXT, ("body",), "text") if len(words) > _LONGEST_TEXT else None


def _mark(body: Mapping[str, Any]) -> Refusal | None:
    """A message of the customer is marked as read."""
    if body["status"] != "read":
        return Refusal(_value("The status is not read."), top="status")
    message = body.get("message_id")
    if not message:
        return Refusal(_REQUIRED, top="message_id")
    return (
        None
        if isinstance(message, str) and message.startswith("wamid.")
        else Refusal(_BAD_MESSAGE_ID, top="message_id")
    )


def _object(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
