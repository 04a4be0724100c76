"""When a conversion happened, and until when Meta takes it (Meta, Conversions API: server event parameters)."""

from __future__ import annotations

from datetime import datetime

from konversi.events.faults import Fault

DAY = 86_400
WINDOW = 7 * DAY
STORE_WINDOW = 62 * DAY
MARGIN = 15 * 60  # an event waits and travels: stop this many seconds before Meta would refuse
FUTURE_TOLERANCE = 60  # seconds of clock skew that are taken as "now"
_MILLISECONDS = 10**11  # seconds won't reach this before the year 5138


def window(*, in_store: bool) -> int:
    """Seconds after the conversion in which Meta takes the event."""
    return STORE_WINDOW if in_store else WINDOW


def deadline(event_time: int, *, in_store: bool) -> int:
    """The Unix second from which the event is not sent any more."""
    return event_time + window(in_store=in_store) - MARGIN


def event_time(occurred_at: float | str | None, now: float, *, in_store: bool) -> int | Fault:
    """Unix seconds at which the conversion happened; never moved to fit Meta's window, only refused."""
    if occurred_at is None:
        return int(now)
    seconds = moment_of(occurred_at, "occurred_at")
    if isinstance(seconds, Fault):
        return seconds
    if seconds > now + FUTURE_TOLERANCE:
        return Fault("occurred_at", "future", "lies in the future.", "Check the sender's clock and time zone.")
    if deadline(int(seconds), in_store=in_store) <= now:
        days = window(in_store=in_store) // DAY
        return Fault(
            "occurred_at",
            "too_old",
            f"lies more than {days} days back, and Meta takes nothing older.",
            "Only `channel: store` has 62 days; older conversions can't be reported.",
        )
    return min(int(seconds), int(now))


def moment_of(given: float | str, field: str) -> float | Fault:
    """Unix seconds of a time given as such, or in ISO 8601 with a zone."""
    seconds = _from_text(given, field) if isinstance(given, str) else float(given)
    if not isinstance(seconds, Fault) and seconds >= _MILLISECONDS:
        return Fault(field, "milliseconds", "looks like milliseconds.", "Send Unix seconds: divide by 1000.")
    return seconds


def _from_text(text: str, field: str) -> float | Fault:
    """A time without a zone is not guessed at (Indonesia alone has three)."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return Fault(field, "bad_time", "is not ISO 8601.", "Send 2026-11-23T10:00:00+07:00 or Unix seconds.")
    if moment.tzinfo is None:
        return Fault(field, "no_time_zone", "has no time zone.", "Add one: 2026-11-23T10:00:00+07:00.")
    try:
        return moment.timestamp()
    except (OverflowError, OSError):
        return Fault(field, "bad_time", "is out of range.", "Send 2026-11-23T10:00:00+07:00 or Unix seconds.")
