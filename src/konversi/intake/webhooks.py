"""How each chat platform calls, and taking such a call. Nothing of it is read before it is known to be genuine."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import parse_qsl

import orjson

from konversi.errors import BodyTooLarge, NotFound, TooManyFields, WebhookNotSetUp, WebhookUnsigned
from konversi.intake import messenger
from konversi.intake.call import Call
from konversi.intake.hot_paths import WEBHOOK_PATHS
from konversi.intake.platform_json import read_json
from konversi.intake.signatures import like_metas, like_twilios, same_secret, signed_by_meta, signed_by_twilio
from konversi.intake.whatsapp import baileys, cloud, twilio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr
    from pydantic_settings import BaseSettings

    from konversi.intake.listen import Listener
    from konversi.journeys.arrival import Heard
    from konversi.settings.chats import ChatSettings


_MOST_FIELDS = 200
_LARGEST = 4 * 1_048_576  # bytes; Meta sends 3 MB at most
_LARGEST_FORM = 65_536  # bytes; a form is read before its signature can be checked, and Twilio's are a tenth of it


class Asked(NamedTuple):
    """A call of a webhook."""

    method: str
    path: str
    query: str
    headers: Mapping[bytes, bytes]  # lower-case names
    body: bytes = b""

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.encode())
        return value.decode("latin-1") if value is not None else None


class Reply(NamedTuple):
    """What the platform is answered."""

    body: bytes
    content_type: str = "application/json"


class Caller(Protocol):
    """What is known of a caller before its body is read."""

    @property
    def secret(self) -> str:
        """The setting that its calls are checked with."""
        ...

    @property
    def plausible(self) -> Callable[[Asked, str], bool]:
        """Whether the headers alone may be the caller's."""
        ...


class Platform(NamedTuple):
    """How one platform calls."""

    secret: str  # the setting that its calls are checked with
    plausible: Callable[[Asked, str], bool]  # by its headers alone, before there is a body
    genuine: Callable[[Asked, str, ChatSettings], bool]
    hear: Callable[[Asked, float], Heard]
    verify_token: str | None = None  # the setting of Meta's handshake
    forward_url: str | None = None  # the setting that says where its calls are handed on to
    reply: Reply | None = None  # what the platform has to be answered, whatever came
    most: int = _LARGEST  # bytes of a call
    proven_by_headers: bool = False  # they carry the secret itself, so that who passed is no stranger
    hint: str = ""  # what else a wrong signature can mean


def _looks_signed_by_meta(asked: Asked, _secret: str) -> bool:
    return like_metas(asked.header("x-hub-signature-256"))


def _signed_by_meta(asked: Asked, secret: str, _settings: ChatSettings) -> bool:
    return signed_by_meta(secret, asked.body, asked.header("x-hub-signature-256"))


def _looks_signed_by_twilio(asked: Asked, _token: str) -> bool:
    return like_twilios(asked.header("x-twilio-signature"))


def _signed_by_twilio(asked: Asked, token: str, settings: ChatSettings) -> bool:
    return signed_by_twilio(
        token, _public_address(asked, settings), _form(asked), asked.header("x-twilio-signature"), _json_only(asked)
    )


def _carries_secret(asked: Asked, secret: str, _settings: ChatSettings | None = None) -> bool:
    scheme, _, bearer = (asked.header("authorization") or "").partition(" ")
    given = (bearer.strip() if scheme.lower() == "bearer" else None, asked.header("x-webhook-secret"))
    return any([same_secret(secret, one) for one in given])  # noqa: C419 - a list: both are compared, whichever is right


def _public_address(asked: Asked, settings: ChatSettings) -> str:
    query = f"?{asked.query}" if asked.query else ""
    scheme = asked.header("x-forwarded-proto") or "http"
    return (settings.public_url or f"{scheme}://{asked.header('host') or ''}") + asked.path + query


def _form(asked: Asked) -> list[tuple[str, str]]:
    return [] if _is_json(asked) else form_fields(asked.body.decode("utf-8", "replace"))


def form_fields(text: str) -> list[tuple[str, str]]:
    """The fields of a form or a query. Raises `TooManyFields`."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise TooManyFields from None


def _json_only(asked: Asked) -> bytes:
    return asked.body if _is_json(asked) else b""


def _is_json(asked: Asked) -> bool:
    return (asked.header("content-type") or "").partition(";")[0].strip().lower() == "application/json"


def _hear_twilio(asked: Asked, now: float) -> Heard:
    fields = read_json(asked.body) if _is_json(asked) else dict(_form(asked))
    texts = {name: text for name, text in fields.items() if isinstance(text, str)} if isinstance(fields, dict) else {}
    return twilio.hear(texts, now)


# Twilio would send anything else to the customer as a reply.
_NO_REPLY = Reply(b'<?xml version="1.0" encoding="UTF-8"?><Response/>', "text/xml")

PLATFORMS: dict[str, Platform] = {
    "whatsapp": Platform(
        "whatsapp_app_secret",
        _looks_signed_by_meta,
        _signed_by_meta,
        lambda asked, now: cloud.hear(read_json(asked.body), now),
        verify_token="whatsapp_verify_token",  # noqa: S106 - a setting's name
        forward_url="whatsapp_forward_url",
    ),
    "messenger": Platform(
        "messenger_app_secret",
        _looks_signed_by_meta,
        _signed_by_meta,
        lambda asked, now: messenger.hear(read_json(asked.body), now),
        verify_token="messenger_verify_token",  # noqa: S106 - a setting's name
    ),
    "twilio": Platform(
        "twilio_auth_token",
        _looks_signed_by_twilio,
        _signed_by_twilio,
        _hear_twilio,
        reply=_NO_REPLY,
        most=_LARGEST_FORM,
        hint="Twilio signs the address that it calls: KONVERSI_PUBLIC_URL must say it, up to /webhooks.",
    ),
    "baileys": Platform(
        "baileys_secret",
        _carries_secret,
        _carries_secret,
        lambda asked, now: baileys.hear(read_json(asked.body), now),
        proven_by_headers=True,
    ),
}


def platform_of(path: str) -> tuple[str, Platform]:
    """Which platform calls there, with its name. Raises `NotFound`."""
    name = path.removeprefix(WEBHOOK_PATHS)
    if name not in PLATFORMS:
        raise NotFound
    return name, PLATFORMS[name]


def check_headers(caller: Caller, asked: Asked, settings: BaseSettings) -> None:
    """Refuse what needs no look at the body. Raises `WebhookNotSetUp` or `WebhookUnsigned`."""
    secret = set_up(settings, caller.secret)
    if not caller.plausible(asked, secret):
        raise WebhookUnsigned("Its signature or secret is missing, or has not the platform's form.")


async def take(listener: Listener, settings: ChatSettings, platform: Platform, asked: Asked) -> Reply:
    """Take a call. Raises a `KonversiError` where it can't be taken, and then nothing was done."""
    if len(asked.body) > platform.most:
        raise BodyTooLarge
    if not platform.genuine(asked, set_up(settings, platform.secret), settings):
        raise WebhookUnsigned(platform.hint)
    heard = platform.hear(asked, listener.now())
    handed_on = platform.forward_url is not None and getattr(settings, platform.forward_url) is not None
    told = await listener.listen(heard, forward=Call.of(asked.headers, asked.body) if handed_on else None)
    if platform.reply is not None:
        return platform.reply
    return Reply(orjson.dumps({"received": told.new, "repeated": told.known, "ignored": told.others}))


def set_up(settings: BaseSettings, name: str) -> str:
    """The setting's secret. Raises `WebhookNotSetUp` where there is none."""
    secret: SecretStr | None = getattr(settings, name)
    if secret is None or not secret.get_secret_value():
        raise WebhookNotSetUp(f"It is {type(settings).model_fields[name].validation_alias}.")
    return secret.get_secret_value()
