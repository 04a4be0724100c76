"""The table of events: what the address asks for, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.dashboard.page import Page
from konversi.insight.describe import event, moment
from konversi.intake.event_filters import FIELDS, RANGES, filter_of
from konversi.outbox.port import event_of, receipt
from konversi.outbox.states import State, Step, sources

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked

PAGE_ROWS = 50


async def show(asked: Asked) -> Page:
    """One page of events."""
    gateway = asked.gateway
    asked_for = filter_of(asked.query, gateway)
    before = event_of(asked.query("cursor") or "")
    found = await gateway.insight.events(asked_for.wanted, before, PAGE_ROWS)
    took = await gateway.insight.seconds_to_meta([row.id for row in found.rows])
    state = asked_for.wanted.state
    following = receipt(found.next) if found.next is not None else None
    return Page(
        "events.html",
        "Events",
        {
            "filters": {name: asked.query(name) for name in FIELDS},
            "misread": asked_for.misread,
            "events": [{**event(row), "seconds_to_meta": took.get(row.id)} for row in found.rows],
            "next": following,
            "looked_back_to": moment(found.upto),
            "done": asked.query("done"),
            "left": asked.query("left"),
            "choices": {
                "states": [one.value for one in State],
                "ranges": list(RANGES),
                "datasets": [one["name"] for one in await known_datasets(asked)],
            },
            "possible": [step.value for step in (Step.REPLAY, Step.DISCARD) if state is None or state in sources(step)],
        },
    )


async def known_datasets(asked: Asked) -> list[dict[str, str]]:
    """Each dataset by its name inside Konversi, with Meta's id."""
    default = asked.gateway.settings.pixel_id
    return [
        {"name": "default" if one["id"] == default else one["id"], "id": one["id"], "title": one["name"] or one["id"]}
        for one in asked.gateway.catalogue.listed()["datasets"]
    ]
