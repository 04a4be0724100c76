"""The first page: one sentence, then the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.dashboard.chart import ceiling
from konversi.dashboard.lanes import standing
from konversi.dashboard.open_alerts import open_alerts
from konversi.dashboard.page import Page
from konversi.dashboard.steps import with_befores
from konversi.insight.describe import moment, summary
from konversi.insight.periods import PERIODS, period

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked

_USUAL = "7d"
_BOOKINGS = frozenset({"Lead", "LeadSubmitted", "Purchase", "Schedule", "OrderCreated"})


async def show(asked: Asked) -> Page:
    """How conversions have been reaching Meta."""
    gateway = asked.gateway
    name = asked.query("period") or _USUAL
    stretch = period(name if name in PERIODS else _USUAL, asked.now, asked.zone)
    sums = await gateway.insight.overview(stretch)
    counts = await gateway.outbox.counts()
    held_up = [lane for lane in await standing(gateway) if lane["cause"] and lane["waiting"]]
    top = ceiling(max((max(step["accepted"], step["delivered_before"]) for step in sums["steps"]), default=0))
    names = {one["name"] for one in sums["events"] if one["delivered"]}
    return Page(
        "overview.html",
        "Overview",
        {
            "period": stretch.name,
            "since": moment(stretch.start),
            "bookings_only": bool(names) and names <= _BOOKINGS,
            **sums,
            "steps": with_befores(sums["steps"], stretch.before, stretch.end),
            "now": summary(counts, asked.now),
            "alerts": await open_alerts(gateway),
            "held_up": held_up,
            "top": top,
        },
    )
