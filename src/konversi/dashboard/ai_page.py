"""What the agent makes of the ads: from the click to the payment, its tools, and what it said without doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.dashboard.chart import ceiling
from konversi.dashboard.page import Page
from konversi.dashboard.steps import with_ends
from konversi.insight.describe import moment
from konversi.insight.periods import PERIODS, period

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.insight.ad_costs import Costs

_USUAL = "7d"


async def show(asked: Asked) -> Page:
    """The conversations whose first ad click lies in the period."""
    name = asked.query("period") or _USUAL
    stretch = period(name if name in PERIODS else _USUAL, asked.now, asked.zone)
    found = await asked.gateway.insight.funnel(stretch)
    steps = found["steps"]
    # Spend is known by the day only.
    costs = await asked.gateway.insight.costs(stretch.start) if stretch.name != "24h" else None
    booked = sum(step["succeeded"] for step in steps)
    highest = max((max(step["chats"], step["succeeded_before"]) for step in steps), default=0)
    return Page(
        "ai.html",
        "AI metrics",
        {
            "period": stretch.name,
            "since": moment(stretch.start),
            **found,
            "steps": with_ends(steps),
            "ads": [{**ad, "cost_per_booking": _each(costs, ad)} for ad in found["ads"]],
            "cost": costs and {"currency": costs.currency, "spent": costs.spent, "per_booking": costs.each(booked)},
            "top": ceiling(highest),
        },
    )


def _each(costs: Costs | None, ad: dict[str, Any]) -> float | None:
    return costs.each(ad["succeeded"], ad["ad"]) if costs and ad["ad"] else None
