"""One event: what happened to it, what Meta gets, what of the customer was usable, and what Meta said."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import orjson

from konversi.dashboard.page import Page
from konversi.errors import NotFound
from konversi.events.faults import Note
from konversi.events.names import PURCHASE
from konversi.insight.describe import event_in_full, moment
from konversi.insight.payments import payment
from konversi.insight.quality import strength_of
from konversi.matching.report import lines
from konversi.outbox.lanes import Lane
from konversi.outbox.port import event_of
from konversi.outbox.states import State, Step, sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.dashboard.asked import Asked
    from konversi.outbox.port import Attempt, Stored
    from konversi.settings import Settings

_FATES = ("refused", "missing")


async def show(asked: Asked) -> Page:
    """The event of a receipt."""
    event = event_of(asked.request.path_params["receipt"])
    outbox = asked.gateway.outbox
    stored = await outbox.find(event) if event is not None else None
    if stored is None:
        raise NotFound
    attempts = await outbox.attempts(stored.attempts)
    described = event_in_full(stored, attempts)
    lines = keys(described["sent_to_meta"].get("user_data", {}), described["notes"])
    return Page(
        "event.html",
        "Event",
        {
            "event": described,
            "quality": strength_of(described["sent_to_meta"]),
            "keys": lines,
            "remarks": remarks(described["notes"], lines),
            "sent": orjson.dumps(described["sent_to_meta"], option=orjson.OPT_INDENT_2).decode(),
            "timeline": timeline(stored, attempts),
            "payments": await _paid(asked, stored),
            "obstacle": asked.gateway.obstacle(stored.lane) if stored.state is State.WAITING else None,
            "curl": curl(asked.gateway.settings, stored),
            "possible": [step.value for step in (Step.REPLAY, Step.DISCARD) if stored.state in sources(step)],
            "done": asked.query("done"),
            "left": asked.query("left"),
        },
    )


async def _paid(asked: Asked, stored: Stored) -> list[dict[str, Any]]:
    """The payments that led to it."""
    if stored.event_name != PURCHASE:
        return []
    return [payment(one) for one in await asked.gateway.till.payments.of_journey(None, [stored.event_id])]


def keys(sent: dict[str, Any], notes: Sequence[dict[str, str]]) -> list[dict[str, str | None]]:
    """A line for each match key: used, refused because of something, or missing."""
    said = lines(sent, [Note(note["about"], note["code"], note["text"]) for note in notes])
    by_key = {line.key: line for line in said if line.state == "used"}  # one that several fields fill is one key
    told = [line for line in said if line.state != "used" and line.key not in by_key]
    return [line._asdict() for line in (*by_key.values(), *sorted(told, key=lambda line: _FATES.index(line.state)))]


def remarks(notes: Sequence[dict[str, str]], lines: Sequence[dict[str, str | None]]) -> list[dict[str, str]]:
    """What was noted and is in no match key's line: of its click, its value, the customer's consent."""
    return [note for note in notes if not any(note["text"] in (line["why"] or "") for line in lines)]


def timeline(stored: Stored, attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """What happened, oldest first."""
    steps: list[dict[str, Any]] = [
        {"at": moment(stored.event_time), "kind": "happened", "text": None},
        {"at": moment(stored.accepted_at), "kind": "accepted", "text": None},
    ]
    for one in attempts:
        said = " · ".join(
            str(part) for part in (one.http_status and f"HTTP {one.http_status}", one.fbtrace_id, one.reason) if part
        )
        steps.append({"at": moment(one.started_at), "kind": "sent", "text": f"{one.events}"})
        steps.append({"at": moment(one.ended_at), "kind": one.verdict or "under_way", "text": said or None})
    if stored.state is State.WAITING:
        steps.append({"at": moment(stored.due_at), "kind": "next_try", "text": None})
        steps.append({"at": moment(stored.deadline), "kind": "deadline", "text": None})
    return steps


def curl(settings: Settings, stored: Stored) -> str:
    """The request to Meta for a shell; the token stays in the shell's surroundings."""
    lane = Lane.parse(stored.lane)
    dataset = settings.pixel_id or "DATASET_ID" if lane.dataset == "default" else lane.dataset
    body = b'{"data":[' + stored.body + b"]"
    body += b',"test_event_code":"' + lane.test_code.encode() + b'"}' if lane.test_code else b"}"
    return (
        f'curl "{settings.graph_url}/{settings.api_version}/{dataset}/events" '
        '-H "Authorization: Bearer $META_CONVERSION_API_TOKEN" -H "Content-Type: application/json" '
        f"-d {shlex.quote(body.decode())}"
    )
