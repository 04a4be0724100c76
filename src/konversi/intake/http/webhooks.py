"""The chat platforms' doors. Nothing of a call is read before its signature or secret is known to be right."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from konversi.errors import (
    BodyTooLarge,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    WebhookNotSetUp,
    WebhookNotVerified,
    WebhookUnsigned,
)
from konversi.intake import messenger
from konversi.intake.forward import Call
from konversi.intake.http.bodies import MANY_EVENTS
from konversi.intake.http.native import Answer
from konversi.intake.signatures import same_secret, signed_by_meta, signed_by_twilio
from konversi.intake.whatsapp import baileys, cloud, twilio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from konversi.chat_settings import ChatSettings
    from konversi.intake.listen import Listener
    from konversi.journeys.arrival import Heard

PATHS = "/webhooks/"
_MOST_FIELDS = 200
_LARGEST_FORM = 65_536  # bytes; a form is read before its signature can be checked, and Twilio's are a tenth of it
_ESCAPE = re.compile(
    rb"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
_LONE = 5  # characters of an escaped surrogate without its partner


class Asked(NamedTuple):
    """A call of a webhook."""

    method: str
    path: str
    query: str
    headers: Mapping[bytes, bytes]  # lower-case names
    body: bytes

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.encode())
        return value.decode("latin-1") if value is not None else None


class Platform(NamedTuple):
    """How one platform calls."""

    secret: str  # the setting that its calls are checked with
    genuine: Callable[[Asked, str, ChatSettings], bool]
    hear: Callable[[Asked, float], Heard]
    verify_token: str | None = None  # the setting of Meta's handshake
    forward_url: str | None = None  # the setting that says where its calls are handed on to
    reply: Answer | None = None  # what the platform has to be answered, whatever came
    most: int = MANY_EVENTS  # bytes of a call


def _signed_by_meta(asked: Asked, secret: str, _settings: ChatSettings) -> bool:
    return signed_by_meta(secret, asked.body, asked.header("x-hub-signature-256"))


def _signed_by_twilio(asked: Asked, token: str, settings: ChatSettings) -> bool:
    return signed_by_twilio(
        token, _public_address(asked, settings), _form(asked), asked.header("x-twilio-signature"), _json_only(asked)
    )


def _carries_secret(asked: Asked, secret: str, _settings: ChatSettings) -> bool:
    scheme, _, bearer = (asked.header("authorization") or "").partition(" ")
    given = (bearer.strip() if scheme.lower() == "bearer" else None, asked.header("x-webhook-secret"))
    return any([same_secret(secret, one) for one in given])  # noqa: C419 - a list: both are compared, whichever is right


def _public_address(asked: Asked, settings: ChatSettings) -> str:
    query = f"?{asked.query}" if asked.query else ""
    scheme = asked.header("x-forwarded-proto") or "http"
    return (settings.public_url or f"{scheme}://{asked.header('host') or ''}") + asked.path + query


def _form(asked: Asked) -> list[tuple[str, str]]:
    return [] if _is_json(asked) else _fields(asked.body.decode("utf-8", "replace"))


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise MalformedBody("It has more fields than any platform sends.") from None


def _json_only(asked: Asked) -> bytes:
    return asked.body if _is_json(asked) else b""


def _is_json(asked: Asked) -> bool:
    return (asked.header("content-type") or "").partition(";")[0].strip().lower() == "application/json"


def _hear_twilio(asked: Asked, now: float) -> Heard:
    fields = _json(asked.body) if _is_json(asked) else dict(_form(asked))
    texts = {name: text for name, text in fields.items() if isinstance(text, str)} if isinstance(fields, dict) else {}
    return twilio.hear(texts, now)


# Twilio would send anything else to the customer as a reply.
_NO_REPLY = Answer(200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")

PLATFORMS: dict[str, Platform] = {
    "whatsapp": Platform(
        "whatsapp_app_secret",
        _signed_by_meta,
        lambda asked, now: cloud.hear(_json(asked.body), now),
        verify_token="whatsapp_verify_token",  # noqa: S106 - a setting's name
        forward_url="whatsapp_forward_url",
    ),
    "messenger": Platform(
        "messenger_app_secret",
        _signed_by_meta,
        lambda asked, now: messenger.hear(_json(asked.body), now),
        verify_token="messenger_verify_token",  # noqa: S106 - a setting's name
    ),
    "twilio": Platform("twilio_auth_token", _signed_by_twilio, _hear_twilio, reply=_NO_REPLY, most=_LARGEST_FORM),
    "baileys": Platform("baileys_secret", _carries_secret, lambda asked, now: baileys.hear(_json(asked.body), now)),
}


async def answer(listener: Listener, settings: ChatSettings, asked: Asked) -> Answer:
    """Take a call. Raises a `KonversiError` where it can't be taken, and then nothing was done."""
    platform = PLATFORMS.get(asked.path.removeprefix(PATHS))
    if platform is None:
        raise NotFound
    if asked.method == "GET" and platform.verify_token is not None:
        return _handshake(asked, _set_up(settings, platform.verify_token))
    if asked.method != "POST":
        raise MethodNotAllowed
    if len(asked.body) > platform.most:
        raise BodyTooLarge
    if not platform.genuine(asked, _set_up(settings, platform.secret), settings):
        raise WebhookUnsigned
    heard = platform.hear(asked, listener.now())
    handed_on = platform.forward_url is not None and getattr(settings, platform.forward_url) is not None
    told = await listener.listen(heard, forward=Call.of(asked.headers, asked.body) if handed_on else None)
    if platform.reply is not None:
        return platform.reply
    return Answer(200, orjson.dumps({"received": told.new, "repeated": told.known, "ignored": told.others}))


def _set_up(settings: ChatSettings, name: str) -> str:
    secret: SecretStr | None = getattr(settings, name)
    if secret is None or not secret.get_secret_value():
        raise WebhookNotSetUp(f"It is {type(settings).model_fields[name].validation_alias}.")
    return secret.get_secret_value()


def _handshake(asked: Asked, verify_token: str) -> Answer:
    """Meta asks once, when the webhook is set up: the challenge goes back as it came."""
    query = dict(_fields(asked.query))
    if query.get("hub.mode") != "subscribe" or not same_secret(verify_token, query.get("hub.verify_token")):
        raise WebhookNotVerified
    return Answer(200, query.get("hub.challenge", "").encode("utf-8", "replace"), "text/plain; charset=utf-8")


def _json(body: bytes) -> Any:
    """What the body says. Half an emoji, which platforms do send, becomes a replacement character."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(_ESCAPE.sub(_whole, body).decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise MalformedBody from None


def _whole(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if len(escape[1]) == _LONE else escape[0]
