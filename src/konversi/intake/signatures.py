"""Whether a webhook call is from whom it says. Comparing takes the same time whatever was given, and nothing raises.

A secret of Meta or Twilio may be two with a comma between, while one replaces the other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

_META = re.compile(r"sha256=([0-9a-f]{64})", re.IGNORECASE | re.ASCII)
_TWILIO = re.compile(r"[A-Za-z0-9+/]{27}=", re.ASCII)  # 20 bytes in base64
_PORT = re.compile(r":[0-9]*$")
_STANDARD_PORTS = {"https": "443", "http": "80"}


def like_metas(header: str | None) -> bool:
    """Whether `X-Hub-Signature-256` has the form of Meta's at all."""
    return _META.fullmatch((header or "").strip()) is not None


def like_twilios(header: str | None) -> bool:
    """Whether `X-Twilio-Signature` has the form of Twilio's at all."""
    return _TWILIO.fullmatch((header or "").strip()) is not None


def signed_by_meta(secret: str, body: bytes, header: str | None) -> bool:
    """Whether `X-Hub-Signature-256` is of this app secret and of these very bytes.

    Source: Meta, Graph API: webhooks, validating payloads.
    """
    found = _META.fullmatch((header or "").strip())
    if found is None:
        return False
    given = bytes.fromhex(found[1])  # as long as any signature is
    return any([hmac.compare_digest(_signature(one, body), given) for one in _keyed(secret)])  # noqa: C419 - as in `_one_of`


@lru_cache(maxsize=16)
def _keyed(secret: str) -> list[hmac.HMAC]:
    """Each secret as the beginning of its signatures: making that costs more than signing a message."""
    return [hmac.new(one, digestmod=hashlib.sha256) for one in _secrets(secret)]


def _signature(begun: hmac.HMAC, body: bytes) -> bytes:
    one = begun.copy()
    one.update(body)
    return one.digest()


def signed_by_twilio(
    token: str,
    url: str,
    params: Mapping[str, str] | Iterable[tuple[str, str]],
    header: str | None,
    body: bytes = b"",
) -> bool:
    """Whether `X-Twilio-Signature` is of this auth token, address and form; give pairs, since names may repeat.

    `url` is the public address that Twilio called, with its query. A JSON `body` has no `params`: its SHA-256 stands
    in the query, which is signed. Source: Twilio, Usage: webhooks security.
    """
    pairs = set(params.items() if isinstance(params, Mapping) else params)
    if body and not pairs and not same_secret(_body_hash(url), hashlib.sha256(body).hexdigest()):
        return False
    form = "".join(name + value for name, value in sorted(pairs))
    expected = (
        base64.b64encode(hmac.new(one, _bytes(address + form), hashlib.sha1).digest()).decode()
        for one in _secrets(token)
        for address in _addresses(url)
    )
    return _one_of((header or "").strip(), expected)


def same_secret(expected: str, given: str | None) -> bool:
    """Whether the caller knows the secret. An empty one is nobody's."""
    alike = hmac.compare_digest(_digest(expected), _digest(given or ""))
    return alike and bool(expected)


def _one_of(given: str, expected: Iterable[str]) -> bool:
    return any([same_secret(one, given) for one in expected])  # noqa: C419 - a list: none is left out, so time is equal


def _digest(text: str) -> bytes:
    """Of equal length, so that not even the length of a secret can be measured."""
    return hashlib.sha256(_bytes(text)).digest()


def _secrets(given: str) -> list[bytes]:
    return [_bytes(one.strip()) for one in given.split(",") if one.strip()]


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _body_hash(url: str) -> str:
    try:
        return parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0].lower()
    except ValueError:
        return ""


def _addresses(url: str) -> tuple[str, ...]:
    """The address without and with its port: Twilio signs either, and proxies add or drop it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    bare = _PORT.sub("", parts.netloc)
    port = _STANDARD_PORTS.get(parts.scheme, "")
    return url, *(parts._replace(netloc=host).geturl() for host in (bare, f"{bare}:{port}"))
