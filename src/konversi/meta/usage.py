"""How near Meta's limits we are, from the headers it answers with (Meta, Graph API: rate limiting)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SLOW_DOWN_AT = 75.0  # percent
_LONGEST_WAIT = 3_600.0  # seconds: whatever a header asks for, look again within the hour
_HEADERS = (
    "x-app-usage",
    "x-ad-account-usage",
    "x-business-use-case-usage",
    "x-business-use-case",
    "x-fb-ads-insights-throttle",
)
_PERCENTAGES = ("call_count", "total_cputime", "total_time", "acc_id_util_pct", "app_id_util_pct")


class Usage(NamedTuple):
    """How busy Meta says we keep it."""

    percent: float = 0.0
    wait: float = 0.0  # seconds to wait, where Meta names a time


def usage(headers: Mapping[str, str], now: float) -> Usage:
    """Read all usage headers; unreadable ones say nothing."""
    percent, wait = 0.0, _retry_after(headers.get("retry-after"), now)
    for name in _HEADERS:
        for entry in _entries(headers.get(name)):
            percent = max([percent, *(_number(entry.get(key)) for key in _PERCENTAGES)])
            wait = max(wait, _number(entry.get("estimated_time_to_regain_access")) * 60)
    return Usage(percent, min(wait, _LONGEST_WAIT))


def _entries(text: str | None) -> Iterable[dict[str, Any]]:
    """`{...}` in the plain headers; `{"<id>": [{...}]}` in the business use case's."""
    try:
        value = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        return []
    if not isinstance(value, dict):
        return []
    nested = [entry for part in value.values() if isinstance(part, list) for entry in part if isinstance(entry, dict)]
    return nested or [value]


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0


def _retry_after(text: str | None, now: float) -> float:
    """Seconds or an HTTP date."""
    if not text:
        return 0.0
    if text.isascii() and text.strip().isdigit():
        return min(float(text.strip()[:12]), _LONGEST_WAIT)
    try:
        return min(max(parsedate_to_datetime(text).timestamp() - now, 0.0), _LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return 0.0
