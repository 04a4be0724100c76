"""An event in a table, for people and programs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.insight.describe import moment
from konversi.journeys.port import journey_id
from konversi.outbox.lanes import Lane
from konversi.outbox.port import receipt
from konversi.outbox.states import State

if TYPE_CHECKING:
    from konversi.insight.event_search import EventRow


def listed(row: EventRow) -> dict[str, Any]:
    """As `GET /v1/events` lists it."""
    lane = Lane.parse(row.lane)
    return {
        "receipt": receipt(row.id),
        "state": row.state.value,
        "dataset": row.dataset,
        "event": row.event_name,
        "event_id": row.event_id,
        "booking_id": row.booking_id,
        "journey": journey_id(row.journey) if row.journey is not None else None,
        "action_source": lane.action_source,
        "test_event_code": lane.test_code,
        "occurred_at": moment(row.event_time),
        "accepted_at": moment(row.accepted_at),
        "deadline": moment(row.deadline),
        "next_try_at": moment(row.due_at) if row.state is State.WAITING else None,
        "tries": row.tries,
        "in_doubt": row.in_doubt,
        "reason": row.reason or None,
    }
