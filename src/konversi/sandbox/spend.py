"""What the ads of this Meta cost, by the day: made up from their ids, or as told.

Source: Meta, Marketing API: Insights. All numbers are text.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from konversi.sandbox.ads import ACCOUNT, AD_IDS, NODES

if TYPE_CHECKING:
    from collections.abc import Sequence

CURRENCY, ZONE = "IDR", "Asia/Jakarta"
_ID = Annotated[str, Field(pattern="^[0-9]{1,30}$")]
_NUMBER = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,4})?$")]
_LIKES = (1.4, 1.25, 1.1, 1.0, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.35, 0.2)  # how much of the budget each ad gets
_BUDGET = 95_000  # rupiah a day for an ad


class AdDay(BaseModel):
    """One ad on one day."""

    model_config = ConfigDict(extra="forbid")

    day: date
    ad_id: _ID
    ad_name: str = ""
    adset_id: _ID = "1"
    adset_name: str = ""
    campaign_id: _ID = "1"
    campaign_name: str = ""
    spend: _NUMBER = "0"
    impressions: _NUMBER = "0"
    clicks: _NUMBER = "0"
    actions: dict[str, _NUMBER] = Field(default_factory=dict)
    action_values: dict[str, _NUMBER] = Field(default_factory=dict)


class Told(BaseModel):
    """The body of `POST /_sandbox/spend`: all that an ad account's ads cost, instead of what is made up."""

    model_config = ConfigDict(extra="forbid")

    account: str = Field(ACCOUNT, pattern="^[0-9]{5,20}$")
    currency: str = Field(CURRENCY, pattern="^[A-Z]{3}$")
    zone: str = ZONE
    rows: list[AdDay] = Field(max_length=100_000)


@dataclass
class Spending:
    """The ad accounts there are, and their custom conversions."""

    told: dict[str, Told] = field(default_factory=dict)
    conversions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by account

    def has(self, account: str) -> bool:
        return account == ACCOUNT or account in self.told

    def facts(self, account: str) -> dict[str, str]:
        known = self.told.get(account)
        currency, zone = (known.currency, known.zone) if known else (CURRENCY, ZONE)
        return {
            "id": f"act_{account}",
            "account_id": account,
            "name": "Sandbox ad account",
            "currency": currency,
            "timezone_name": zone,
        }

    def rows(self, account: str, since: date, until: date) -> Sequence[AdDay]:
        """Newest day last; ads in the order of their ids."""
        if (known := self.told.get(account)) is not None:
            found = [row for row in known.rows if since <= row.day <= until]
            return sorted(found, key=lambda row: (row.day, row.ad_id))
        days = (since + timedelta(days=number) for number in range((until - since).days + 1))
        return [_made_up(day, number) for day in days for number in range(len(AD_IDS))]


def _made_up(day: date, number: int) -> AdDay:
    """The same for the same ad and day, whenever it is asked."""
    ad = AD_IDS[number]
    chance = int.from_bytes(hashlib.sha256(f"{ad} {day}".encode()).digest()[:4]) / 2**32
    weekend = 1.2 if day.weekday() > 4 else 1.0  # noqa: PLR2004 - Saturday and Sunday
    spend = int(_BUDGET * _LIKES[number] * weekend * (0.8 + 0.4 * chance))
    impressions = int(spend / (22 + 8 * chance))
    chats = int(spend * (1.6 - chance) / 9_000)
    leads, purchases = int(chats * 0.14), int(chats * 0.06)
    ad_set = NODES[ad]["adset_id"]
    campaign = NODES[ad]["campaign_id"]
    return AdDay(
        day=day,
        ad_id=ad,
        ad_name=NODES[ad]["name"],
        adset_id=ad_set,
        adset_name=NODES[ad_set]["name"],
        campaign_id=campaign,
        campaign_name=NODES[campaign]["name"],
        spend=str(spend),
        impressions=str(impressions),
        clicks=str(int(impressions * 0.021)),
        actions={
            "onsite_conversion.messaging_conversation_started_7d": str(chats),
            "onsite_conversion.messaging_first_reply": str(int(chats * 0.8)),
            "onsite_conversion.lead_grouped": str(leads),
            "lead": str(leads),
            "purchase": str(purchases),
            "omni_purchase": str(purchases),
        },
        action_values={"purchase": str(purchases * 350_000), "omni_purchase": str(purchases * 350_000)},
    )
