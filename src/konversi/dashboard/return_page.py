"""What the ads cost beside what came of their chats: by campaign, ad set and ad."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from konversi.dashboard.page import Moved, Page
from konversi.insight.describe import moment
from konversi.insight.return_days import day_of, since
from konversi.insight.returns import LEVELS, STILL_CHANGES_DAYS

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.insight.spend_store import Pull

PERIODS = {"7d": 7, "28d": 28, "90d": 90}
_USUAL = "28d"
_STALE = 12 * 3_600.0  # seconds: three pulls were missed


async def show(asked: Asked) -> Page:
    """A period, at one level, perhaps within one campaign or ad set."""
    named, by = asked.query("period"), asked.query("by")
    period = named if named in PERIODS else _USUAL
    level = by if by in LEVELS else "campaign"
    within = {name: wanted for name in ("campaign", "adset") if (wanted := asked.query(name)) is not None}
    spending = asked.gateway.spending
    pulls = await spending.known()
    known = {one.account: one for one in pulls}
    return Page(
        "return.html",
        "Return",
        {
            "period": period,
            "by": level,
            "within": within,
            **await asked.gateway.insight.returns(since(PERIODS[period], asked.now), level, within),
            "configured": bool(spending.accounts),
            "pulls": [_pull(one, asked.now) for one in pulls]
            + [_never(account) for account in spending.accounts if account not in known],
            "test_events_left_out": asked.gateway.settings.test_event_code is not None,
            "settled_until": _settled(asked.now),
            "asked_to_pull": asked.query("pulled"),
        },
    )


async def pull(asked: Asked) -> Moved:
    """Pull what the ads cost, now."""
    done = await asked.gateway.spending.pull_now()
    return Moved(f"/return?{urlencode({'pulled': 'yes' if done else 'soon'})}")


def _settled(now: float) -> str:
    return (datetime.fromtimestamp(now, UTC).date() - timedelta(days=STILL_CHANGES_DAYS)).isoformat()


def _pull(one: Pull, now: float) -> dict[str, Any]:
    return {
        "account": one.account,
        "currency": one.currency or None,
        "pulled_at": moment(one.pulled_at) if one.pulled_at else None,
        "seconds_ago": now - one.pulled_at if one.pulled_at else None,
        "since": one.since or None,
        "until": day_of(one.pulled_at) if one.pulled_at else None,
        "stale": now - one.pulled_at > _STALE,
        "fault": one.fault or None,
    }


def _never(account: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("currency", "pulled_at", "seconds_ago", "since", "until", "fault"))
    return {"account": account, **nothing, "stale": True}
