"""JSON as chat platforms send it: strict, but for half an emoji."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import orjson

from konversi.errors import MalformedBody

_ESCAPE = re.compile(
    rb"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
_LONE = 5  # characters of an escaped surrogate without its partner


def read_json(body: bytes) -> Any:
    """What the body says. Half an emoji, which platforms do send, becomes a replacement character.

    Raises `MalformedBody`.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(_ESCAPE.sub(_whole, body).decode("utf-8", "replace"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise MalformedBody from None


def _whole(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if len(escape[1]) == _LONE else escape[0]


def _no_number(_word: str) -> NoReturn:
    """For NaN and Infinity, which Python's reader takes."""
    raise ValueError
