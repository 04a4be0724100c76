"""What happens now: the newest events, and a stream of what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.dashboard.events_page import known_datasets
from konversi.dashboard.page import Page
from konversi.insight.describe import event
from konversi.insight.event_search import Wanted
from konversi.intake.http.tail import stream
from konversi.meta.answers import Kind
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from starlette.responses import Response

    from konversi.dashboard.asked import Asked

_NEWEST = 30
_FILTERS = ("what", "dataset", "event")
_WHAT = ("accepted", *(kind.value for kind in Kind), "abandoned")


async def show(asked: Asked) -> Page | Response:
    """The page; to whom asks for a stream of events, the stream."""
    filters = {name: asked.query(name) for name in _FILTERS}
    if "text/event-stream" in asked.request.headers.get("accept", ""):
        return stream(asked.gateway, filters)
    dataset = filters["dataset"]
    if dataset == asked.gateway.settings.pixel_id:
        dataset = DEFAULT_DATASET
    found = await asked.gateway.insight.events(Wanted(dataset=dataset, event=filters["event"]), None, _NEWEST)
    return Page(
        "tail.html",
        "Live",
        {
            "filters": filters,
            "what": list(_WHAT),
            "datasets": [one["name"] for one in await known_datasets(asked)],
            "events": [event(row) for row in found.rows],
        },
    )
