"""Conversations from ads: a list, and each on a timeline from click to payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.dashboard.page import Page
from konversi.errors import JourneyUnknown
from konversi.events.names import PURCHASE
from konversi.insight.timeline import journey, journey_in_full
from konversi.journeys.port import Search, journey_id, journey_of
from konversi.outbox.port import Search as EventSearch

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.journeys.port import Past

_PAGE_ROWS = 50
_MOST_EVENTS = 200  # on one timeline
_DAY = 86_400
CHANNELS = ("whatsapp", "messenger", "instagram")


async def show_all(asked: Asked) -> Page:
    """Conversations, newest first."""
    channel, ad_id = asked.query("channel"), asked.query("ad")
    before = journey_of(asked.query("cursor") or "")
    search = Search(channel if channel in CHANNELS else None, ad_id, before, _PAGE_ROWS + 1)
    found = await asked.gateway.journeys.search(search)
    shown = found[:_PAGE_ROWS]
    return Page(
        "journeys.html",
        "Journeys",
        {
            "filters": {"channel": channel, "ad": ad_id},
            "channels": CHANNELS,
            "journeys": [journey(one, ad) for one, ad in shown],
            "next": journey_id(shown[-1][0].id) if len(found) > _PAGE_ROWS else None,
        },
    )


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
            "window": click_window(past, window, asked.now),
            "window_days": gateway.settings.attribution_days,
        },
    )


def click_window(past: Past, window: float, now: float) -> dict[str, Any]:
    """Whether conversions are credited to an ad at the moment, and for how many seconds yet."""
    clicks = [touch["at"] for touch in past.touches if touch["click_id"] is not None]
    if not past.touches:
        return {"matched": False, "why": "no_click", "left": None}
    if not clicks:
        return {"matched": False, "why": "no_click_id", "left": None}
    left = max(clicks) + window - now
    return {"matched": left > 0, "why": None if left > 0 else "over", "left": max(0.0, left)}
