"""What a request to Graph carries, whichever way it is encoded: query, JSON, form, or multipart form."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from konversi.sandbox.errors import BAD_BODY, EMPTY_DATA, MISSING, NOT_AN_ARRAY, TOO_MANY, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_EVENTS = 1_000  # Meta, Conversions API: using the API

Fields = dict[str, Any]


def fields(query: str, content_type: str, body: bytes) -> Fields | Refusal:
    """The top-level parameters; the body's win over the query's."""
    found = _gathered(parse_qsl(query, keep_blank_values=True))
    try:
        sent = _decoded(content_type, body) if body.strip() else {}
    except (orjson.JSONDecodeError, UnicodeDecodeError):
        return Refusal(BAD_BODY)
    return found | sent if isinstance(sent, dict) else Refusal(BAD_BODY)


def token(given: Fields, authorization: str) -> str | None:
    """From the header, else the parameters."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() in {"bearer", "oauth"} and value.strip():
        return value.strip()
    found = given.get("access_token")
    return found if isinstance(found, str) and found else None


def events(given: Fields) -> list[Any] | Refusal:
    """What `data` holds: an array of objects, or a JSON string of one, or an array of JSON strings, as SDKs send it."""
    data = given.get("data")
    if data is None or data == "":
        return Refusal(MISSING)
    try:
        found = orjson.loads(data) if isinstance(data, str) else data
        if isinstance(found, dict):
            found = [found]
        if not isinstance(found, list):
            return Refusal(NOT_AN_ARRAY)
        found = [orjson.loads(event) if isinstance(event, str) else event for event in found]
    except orjson.JSONDecodeError:
        return Refusal(NOT_AN_ARRAY)
    if not found:
        return Refusal(EMPTY_DATA)
    return found if len(found) <= MOST_EVENTS else Refusal(TOO_MANY)


def _decoded(content_type: str, body: bytes) -> Any:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return orjson.loads(body)
    if kind == "multipart/form-data":
        return _gathered(_parts(content_type, body))
    return _gathered(parse_qsl(body.decode(), keep_blank_values=True))


def _parts(content_type: str, body: bytes) -> Iterable[tuple[str, str]]:
    message = BytesParser(policy=HTTP).parsebytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            yield name, content.decode()


def _gathered(pairs: Iterable[tuple[str, str]]) -> Fields:
    """`data=A&data=B` and `data[0]=A&data[1]=B` are an array; anything else is said once."""
    found: Fields = {}
    several: list[str] = []
    for name, value in pairs:
        if name == "data" or name.startswith("data["):
            several.append(value)
        else:
            found[name] = value
    if several:
        found["data"] = several if len(several) > 1 or several[0].lstrip()[:1] == "{" else several[0]
    return found
