"""`konversi whatsapp simulate`: a signed webhook call as Meta makes it, to any address, without Meta."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, words
from konversi.clock import now, unique
from konversi.errors import InvalidRequest, KonversiError
from konversi.intake.loose import phone as international
from konversi.intake.whatsapp import samples
from konversi.settings import on_this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.cli.options import Simulated

_SECONDS = 10.0
_CLICKED = frozenset({"ad-click", "username"})  # the kinds that tell a click id
SHOWN = 500  # characters of an answer


class WebhookUnreachable(KonversiError):
    """The webhook did not answer.

    Start what should answer there, and check the address.
    """

    code = "webhook_unreachable"


def simulate(url: str, message: Simulated, *, secret: str | None = None, as_json: bool = False) -> int:
    """Send one message and print what was answered; exit status 1 where it was refused.

    `secret` is the app secret that signs it; without one it goes unsigned, which a careful webhook answers with 401.
    Raises `InvalidRequest` and `WebhookUnreachable`.
    """
    if not secret:
        words("konversi: no secret (--secret or WHATSAPP_APP_SECRET), so this goes unsigned.")
    kind, message_id = message.kind, f"wamid.SIMULATED{unique()}"
    chosen = {
        "phone": _phone(message.phone), "user_id": message.user_id, "name": message.name, "text": message.text,
        "ad_id": message.ad_id, "click_id": message.click_id or f"Aff-SIMULATED{unique()}", "account": message.waba,
        "line": message.line,
    }  # fmt: skip
    given: dict[str, Any] = {option: value for option, value in chosen.items() if value is not None}
    body = samples.as_sent(samples.message(kind, message_id=message_id, at=int(now()), **given))
    headers = {"content-type": "application/json", "user-agent": "facebookexternalua"}
    if secret:
        headers["x-hub-signature-256"] = signature(secret, body)
    answer = post(url, body, headers)
    said = {
        "kind": kind,
        "message_id": message_id,
        "click_id": chosen["click_id"] if kind in _CLICKED else None,
        "signed": bool(secret),
        "status": answer.status_code,
        "answer": answer.text[:SHOWN],
    }
    if as_json:
        print_json(said)
    else:
        fields({**said, "signed": "yes" if secret else "no"})
    return 0 if answer.is_success else 1


def signature(secret: str, body: bytes) -> str:
    """`X-Hub-Signature-256` of a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _phone(given: str | None) -> str | None:
    if given is None:
        return None
    found = international("".join(character for character in given if character not in " -().\u00a0"))
    if found is None:
        raise InvalidRequest("--phone: WhatsApp tells phones with their country code, such as +6281234567890.")
    return found


def post(url: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
    """Make the call. Raises `InvalidRequest` and `WebhookUnreachable`."""
    place = _place(url)
    try:
        return httpx2.post(url, content=body, headers=headers, timeout=_SECONDS, trust_env=not on_this_machine(url))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise WebhookUnreachable(f"{place}: {type(error).__name__}.") from error


def _place(url: str) -> str:
    """The address without what may be secret in it: user, password and query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidRequest("The address must start with http:// or https://, and name a host.")
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
