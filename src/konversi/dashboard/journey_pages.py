"""Conversations from ads: a list, and each on a timeline from click to payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.dashboard.journey_filters import CASES, CHANNELS, CLICKS, FIELDS, STAGES, filter_of
from konversi.dashboard.page import Page
from konversi.errors import JourneyUnknown
from konversi.events.names import PURCHASE
from konversi.insight.describe import moment
from konversi.insight.standing import Stage
from konversi.insight.timeline import journey, journey_in_full
from konversi.journeys.port import journey_id, journey_of
from konversi.outbox.port import Search as EventSearch

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.insight.journey_search import Row
    from konversi.journeys.port import Past

_PAGE_ROWS = 50
_MOST_EVENTS = 200  # on one timeline
_DAY = 86_400


async def show_all(asked: Asked) -> Page:
    """Conversations, those with the newest first click first."""
    window = asked.gateway.settings.attribution_days * _DAY
    filtered = filter_of(asked, window)
    found = await asked.gateway.insight.journeys(
        filtered.wanted, journey_of(asked.query("cursor") or ""), limit=_PAGE_ROWS
    )
    return Page(
        "journeys.html",
        "Journeys",
        {
            "filters": {name: asked.query(name) for name in FIELDS},
            "misread": filtered.misread,
            "choices": {"channels": CHANNELS, "stages": list(STAGES), "clicks": CLICKS, "cases": CASES},
            "journeys": [_listed(row, window, asked.now) for row in found.rows],
            "next": journey_id(found.next) if found.next is not None else None,
            "looked_back_to": moment(found.upto),
        },
    )


def _listed(row: Row, window: float, now: float) -> dict[str, Any]:
    """A conversation in the list."""
    stands = row.standing
    left = None if stands.clicked_at is None else stands.clicked_at + window - now
    return {
        **journey(row.journey, stands.ad or None),
        "first_click_at": moment(stands.at) if stands.clicks else None,
        "stage": Stage(stands.stage).name.lower(),
        "click": stands.click if left is None or left > 0 else "over",
        "seconds_left": None if left is None else max(0.0, left),
        "unfounded": stands.unfounded,
        "found_only": stands.found_only,
    }


async def show_one(asked: Asked) -> Page:
    """One conversation."""
    number = journey_of(asked.request.path_params["journey"])
    gateway = asked.gateway
    found = None if number is None else await gateway.journeys.find(number)
    if found is None:
        raise JourneyUnknown
    past = await gateway.journeys.past(found.id)
    events = await gateway.outbox.search(EventSearch(journey=found.id, limit=_MOST_EVENTS))
    payments = await gateway.till.payments.of_journey(
        found.id, [stored.event_id for stored in events if stored.event_name == PURCHASE]
    )
    window = gateway.settings.attribution_days * _DAY
    return Page(
        "journey.html",
        "Journey",
        {
            "journey": journey_in_full(found, past, events, payments),
            "window": click_window(past, found.channel, window, asked.now),
            "window_days": gateway.settings.attribution_days,
        },
    )


def click_window(past: Past, channel: str, window: float, now: float) -> dict[str, Any]:
    """Whether conversions are credited to an ad at the moment, and for how many seconds yet."""
    clicks = [touch["at"] for touch in past.touches if touch["click_id" if channel == "whatsapp" else "ad_id"]]
    if not clicks:
        return {"matched": False, "why": "no_click_id" if past.touches else "no_click", "left": None}
    left = max(clicks) + window - now
    return {"matched": left > 0, "why": None if left > 0 else "over", "left": max(0.0, left)}
