"""The first page: one sentence, then the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.dashboard.chart import ceiling
from konversi.dashboard.lanes import standing
from konversi.dashboard.open_alerts import open_alerts
from konversi.dashboard.page import Page
from konversi.dashboard.steps import with_befores
from konversi.insight.describe import moment, summary
from konversi.insight.periods import PERIODS, period

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.dashboard.asked import Asked

_USUAL = "7d"
_BOOKINGS = frozenset({"Lead", "LeadSubmitted", "Schedule", "OrderCreated"})


async def show(asked: Asked) -> Page:
    """How conversions have been reaching Meta."""
    gateway = asked.gateway
    name = asked.query("period") or _USUAL
    stretch = period(name if name in PERIODS else _USUAL, asked.now, asked.zone)
    sums = await gateway.insight.overview(stretch)
    counts = await gateway.outbox.counts()
    held_up = [lane for lane in await standing(gateway) if lane["cause"] and lane["waiting"]]
    top = ceiling(max((max(step["accepted"], step["delivered_before"]) for step in sums["steps"]), default=0))
    return Page(
        "overview.html",
        "Overview",
        {
            "period": stretch.name,
            "since": moment(stretch.start),
            "bookings": _bookings(sums["events"]),
            **sums,
            "steps": with_befores(sums["steps"], stretch.before, stretch.end),
            "now": summary(counts, asked.now),
            "alerts": await open_alerts(gateway),
            "held_up": held_up,
            "top": top,
        },
    )


def _bookings(events: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What the sentence is about: the event that stands for bookings here, with how many of it reached Meta.

    Nothing where none did, or where bookings have several names: the number is to be a link to its rows.
    """
    booked = [one for one in events if one["name"] in _BOOKINGS and one["delivered"]]
    return {"event": booked[0]["name"], "delivered": booked[0]["delivered"]} if len(booked) == 1 else None
