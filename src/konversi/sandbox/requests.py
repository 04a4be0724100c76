"""What a caller asked, however it was encoded: JSON, form or multipart; the token in header, address or body.

Source: Meta, Conversions API: using the API; Graph API: overview.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from konversi.sandbox.errors import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST_BATCH = 1000
OLDEST_VERSION = 21
_SHORTEST_TOKEN = 8
_VERSION = re.compile(r"v(\d{1,3})\.0", re.ASCII)


class Call(NamedTuple):
    """A request to the Graph API. `parameters` are those of the address and the body together."""

    version: str
    dataset: str
    token: str
    language: str
    parameters: dict[str, Any]


async def read(request: Request) -> Call:
    """Never fails: what can't be parsed is missing, as for Meta."""
    parameters = dict(request.query_params) | _body(request.headers.get("content-type", ""), await request.body())
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else parameters.get("access_token")
    return Call(
        version=request.path_params["version"],
        dataset=request.path_params["dataset"],
        token=token if isinstance(token, str) else "",
        language=str(parameters.get("locale") or request.headers.get("accept-language", ""))[:2].lower(),
        parameters=parameters,
    )


def refused(call: Call) -> Problem | None:
    """What is wrong with the version or the token."""
    version = _VERSION.fullmatch(call.version)
    if not version:
        return Problem("unknown_path")
    if int(version[1]) < OLDEST_VERSION:
        return Problem("old_version")
    if call.token.startswith("expired"):
        return Problem("token_expired", "access_token")
    if len(call.token) < _SHORTEST_TOKEN or call.token.startswith("invalid"):
        return Problem("token_invalid", "access_token")
    return None


def events(parameters: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The events of `data`: an array, or its JSON; of objects, or of their JSON. None where it is none of these."""
    data = _parsed(parameters.get("data"))
    if not isinstance(data, list) or not 0 < len(data) <= LARGEST_BATCH:
        return None
    found = [_parsed(each) for each in data]
    return found if all(isinstance(each, dict) for each in found) else None


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def _body(content_type: str, body: bytes) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _multipart(content_type, body)
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    parsed = _parsed(body.decode(errors="replace"))
    return parsed if isinstance(parsed, dict) else {}


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    message = message_from_bytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    found = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = content.decode(errors="replace")
    return found
