"""What the twelve ads of the made-up day cost, as the local Meta is told it."""

from __future__ import annotations

from datetime import datetime
from math import exp
from typing import Any
from zoneinfo import ZoneInfo

from konversi.sandbox.ads import ACCOUNT, AD_IDS, NODES
from konversi.sandbox.spend import CURRENCY, ZONE

_FADES = 0.28  # how much fewer chats each ad opens than the one before: see `demo_day.py`
_PER_CHAT = (7_200, 8_900, 6_400, 11_500, 9_300, 8_100, 12_800, 7_700, 10_400, 14_900, 9_900, 16_500)  # rupiah
_PER_IMPRESSION = 24


def told(begin: float, end: float, chats: int) -> dict[str, Any]:
    """The body of `POST /_sandbox/spend`: each ad on each of the days (the account's) that this stretch lies on."""
    zone = ZoneInfo(ZONE)
    first, last = (datetime.fromtimestamp(at, zone) for at in (begin, end))
    midnight = last.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    today = min(1.0, (end - midnight) / (end - begin))
    days = {first.date(): 1 - today, last.date(): today}
    rows = [
        _row(day.isoformat(), number, chats * share) for day, share in days.items() for number in range(len(AD_IDS))
    ]
    return {"account": ACCOUNT, "currency": CURRENCY, "zone": ZONE, "rows": rows}


def _row(day: str, number: int, chats: float) -> dict[str, Any]:
    ad = NODES[AD_IDS[number]]
    ad_set, campaign = ad["adset_id"], ad["campaign_id"]
    opened = round(chats * _share(number))
    spend = opened * _PER_CHAT[number]
    impressions = spend // _PER_IMPRESSION
    leads, purchases = round(opened * 0.11), round(opened * 0.05)
    return {
        "day": day,
        "ad_id": ad["id"],
        "ad_name": ad["name"],
        "adset_id": ad_set,
        "adset_name": NODES[ad_set]["name"],
        "campaign_id": campaign,
        "campaign_name": NODES[campaign]["name"],
        "spend": str(spend),
        "impressions": str(impressions),
        "clicks": str(round(opened * 1.3)),
        "actions": {
            "onsite_conversion.messaging_conversation_started_7d": str(round(opened * 0.97)),
            "onsite_conversion.lead_grouped": str(leads),
            "lead": str(leads),
            "omni_purchase": str(purchases),
            "purchase": str(purchases),
        },
        "action_values": {"omni_purchase": str(purchases * 420_000), "purchase": str(purchases * 420_000)},
    }


def _share(number: int) -> float:
    """Of all chats, what this ad opens; the last one opens the rest."""
    rest = exp(-_FADES * number)
    return rest if number == len(AD_IDS) - 1 else rest - exp(-_FADES * (number + 1))
