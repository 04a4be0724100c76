"""Stored events and attempts as people and programs read them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from konversi.journeys.port import journey_id
from konversi.outbox.lanes import Lane
from konversi.outbox.port import Attempt, Counts, Stored, receipt
from konversi.outbox.states import NEEDS_ATTENTION, State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from konversi.insight.event_search import EventRow


def moment(seconds: float | None) -> str | None:
    """ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def event(stored: Stored | EventRow) -> dict[str, Any]:
    """An event in a list."""
    lane = Lane.parse(stored.lane)
    return {
        "receipt": receipt(stored.id),
        "state": stored.state.value,
        "dataset": stored.dataset,
        "event": stored.event_name,
        "event_id": stored.event_id,
        "booking_id": stored.booking_id,
        "journey": journey_id(stored.journey) if stored.journey is not None else None,
        "action_source": lane.action_source,
        "test_event_code": lane.test_code,
        "occurred_at": moment(stored.event_time),
        "accepted_at": moment(stored.accepted_at),
        "deadline": moment(stored.deadline),
        "next_try_at": moment(stored.due_at) if stored.state is State.WAITING else None,
        "tries": stored.tries,
        "in_doubt": stored.in_doubt,
        "reason": stored.reason or None,
    }


def event_in_full(stored: Stored, attempts: Iterable[Attempt]) -> dict[str, Any]:
    """An event with what was noted, what Meta gets (hashed), and each attempt."""
    return {
        **event(stored),
        "notes": [
            {"about": about, "code": code, "text": text} for about, code, text in orjson.loads(stored.notes or "[]")
        ],
        "sent_to_meta": orjson.loads(stored.body),
        "given": _given(stored.given),
        "attempts": [attempt(one) for one in attempts],
    }


def _given(text: str | None) -> dict[str, Any] | None:
    """Its worth before the business's value rules, where they changed it."""
    if text is None:
        return None
    was = orjson.loads(text)
    return {name: was[name] for name in ("value", "currency")}


def attempt(one: Attempt) -> dict[str, Any]:
    """One request to Meta."""
    return {
        "attempt": one.id,
        "started_at": moment(one.started_at),
        "ended_at": moment(one.ended_at),
        "events_in_batch": one.events,
        "verdict": one.verdict or "under_way",
        "reason": one.reason or None,
        "http_status": one.http_status,
        "code": one.code,
        "subcode": one.subcode,
        "fbtrace_id": one.fbtrace_id,
        "events_received": one.events_received,
        "answer": one.answer,
    }


def summary(counts: Counts, now: float) -> dict[str, Any]:
    """How things stand."""
    return {
        "states": {state.value: number for state, number in counts.states.items()},
        "needs_attention": sum(counts.states[state] for state in NEEDS_ATTENTION),
        "in_doubt_ever": counts.totals.get("in_doubt", 0),
        "accepted_ever": counts.totals.get("accept", 0),
        "oldest_waiting_seconds": None if counts.oldest_waiting is None else max(0.0, now - counts.oldest_waiting),
    }
