"""What every event needs: a name, a time, a source (Meta, Conversions API: server event parameters)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from konversi.sandbox.errors import NOT_A_TIME, TOO_OLD, Refusal
from konversi.sandbox.rules.scene import Event, Scene, invalid, is_word, missing

if TYPE_CHECKING:
    from collections.abc import Mapping

ACTION_SOURCES = frozenset({
    "email", "website", "app", "phone_call", "chat", "physical_store", "system_generated", "business_messaging",
    "other",
})  # fmt: skip

_DAY = 86_400
_LONGEST_AGE = 7 * _DAY
_LONGEST_AGE_BY_SOURCE: Mapping[str, int] = {"physical_store": 62 * _DAY}
_FUTURE_TOLERANCE = 60  # seconds; Meta states none, and peers were refused beyond a minute
_FIRST_MILLISECONDS = 10**11  # as seconds this would be the year 5138


def name(event: Event, _scene: Scene) -> Refusal | None:
    value = event.get("event_name")
    if value is None:
        return missing("event_name")
    return None if isinstance(value, str) and value.strip() else invalid("event_name")


def source(event: Event, _scene: Scene) -> Refusal | None:
    value = event.get("action_source")
    if value is None:
        return missing("action_source")
    return None if isinstance(value, str) and value in ACTION_SOURCES else invalid("action_source")


def time(event: Event, scene: Scene) -> Refusal | None:
    value = event.get("event_time")
    if value is None:
        return missing("event_time")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _FIRST_MILLISECONDS:
        return Refusal(NOT_A_TIME, ("event_time",))
    if value > scene.now + _FUTURE_TOLERANCE:
        return Refusal(NOT_A_TIME, ("event_time",))
    longest = _LONGEST_AGE_BY_SOURCE.get(event["action_source"], _LONGEST_AGE)
    return Refusal(TOO_OLD, ("event_time",)) if scene.now - value > longest else None


def identity(event: Event, _scene: Scene) -> Refusal | None:
    value = event.get("event_id")
    return None if value is None or is_word(value) else invalid("event_id")


def code_of_request(event: Event, _scene: Scene) -> Refusal | None:
    """It belongs to the request."""
    return invalid("test_event_code") if "test_event_code" in event else None


def page(event: Event, _scene: Scene) -> Refusal | None:
    """A website's event names its page."""
    address = event.get("event_source_url")
    if address is None:
        return missing("event_source_url") if event["action_source"] == "website" else None
    return None if isinstance(address, str) and _is_web(address) else invalid("event_source_url")


def opt_out(event: Event, _scene: Scene) -> Refusal | None:
    value = event.get("opt_out")
    return None if value is None or isinstance(value, bool) else invalid("opt_out")


def original(event: Event, _scene: Scene) -> Refusal | None:
    value = event.get("original_event_data")
    return None if value is None or isinstance(value, dict) else invalid("original_event_data")


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
