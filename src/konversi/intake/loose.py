"""What strangers' JSON holds, taken without trust: the wrong type, size or letters read as nothing. Never raises."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

_LONGEST_WORDS = 300  # characters
_LONGEST_KEYWORD = 60
_LONGEST_NUMBER = 20  # digits of a time in nanoseconds, with its sign
_MILLISECONDS = 100_000_000_000  # as seconds: the year 5138
_WHATSAPP_BEGAN = 1_230_768_000  # 2009
_AHEAD = 3_600  # seconds by which another's clock may be ahead
_PHONE = re.compile(r"\+?([1-9][0-9]{5,14})")  # E.164 with its country code
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
_CLICK_ID = re.compile(r"[!-~]{1,500}")


def mapping(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[Any]:
    """The array, or an empty one."""
    return value if isinstance(value, list) else []


def identifier(value: Any, longest: int = 60) -> str | None:
    """An id as text. Never cut: a part of an id is another id."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < 10**_LONGEST_NUMBER else None
    if not isinstance(value, str) or len(value) > longest + 10:
        return None
    text = value.strip()
    return text if text.isprintable() and 0 < len(text) <= longest else None


def words(value: Any, longest: int = _LONGEST_WORDS) -> str | None:
    """Free text without what can't be stored, and no longer than that."""
    if not isinstance(value, str):
        return None
    return _UNSTORABLE.sub(" ", value[: 2 * longest]).strip()[:longest].strip() or None


def keyword(value: Any) -> str | None:
    """A text so short that it may be a keyword. Never cut: the beginning of a text is another one."""
    return words(value) if isinstance(value, str) and len(value) <= _LONGEST_KEYWORD else None


def click_id(value: Any) -> str | None:
    """A `ctwa_clid` exactly as received, or nothing: one that was mended belongs to no click."""
    return value if isinstance(value, str) and _CLICK_ID.fullmatch(value) else None


def phone(value: Any) -> str | None:
    """An international phone number, with its `+`."""
    text = identifier(value)
    found = _PHONE.fullmatch(text) if text else None
    return f"+{found[1]}" if found else None


def seconds(value: Any, now: float) -> int:
    """Unix seconds of a time given in seconds, milliseconds, ISO 8601, or as the two halves of a 64-bit number.

    A time that is missing, before WhatsApp, or more than an hour in the future is now.
    """
    time = _halves(value) if isinstance(value, dict) else _number(value)
    if time is None and isinstance(value, str):
        time = _iso(value)
    if time is None:
        return int(now)
    if time >= _MILLISECONDS:
        time /= 1_000
    return int(time) if _WHATSAPP_BEGAN <= time <= now + _AHEAD else int(now)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        text = value[: _LONGEST_NUMBER + 1].strip()
        value = int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -(10**_LONGEST_NUMBER) < value < 10**_LONGEST_NUMBER and math.isfinite(value) else None


def _halves(value: dict[str, Any]) -> float | None:
    """JavaScript has no 64-bit numbers: protobuf libraries write `{"low": -5, "high": 1, "unsigned": true}`."""
    low, high = _number(value.get("low")), _number(value.get("high", 0))
    if low is None or high is None:
        return None
    return float((int(high) << 32) + (int(low) & 0xFFFF_FFFF))


def _iso(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text[:40].strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
