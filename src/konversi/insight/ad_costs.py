"""What each ad cost in a period, for those who divide it by something of their own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from konversi.insight import return_days
from konversi.insight.spend_tables import ad_spend
from konversi.meta.ad_insights import amount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection


class Costs(NamedTuple):
    """In one currency; units of 1/`SCALE`."""

    currency: str
    by_ad: Mapping[str, int]

    def each(self, number: int, ad: str | None = None) -> float | None:
        """What each of so many cost, of an ad or of all; nothing where that can't be told."""
        spend = self.by_ad.get(ad, 0) if ad is not None else sum(self.by_ad.values())
        return round(amount(spend // number), 2) if spend and number else None

    @property
    def spent(self) -> float:
        """In all."""
        return amount(sum(self.by_ad.values()))


def read(since: float, connection: Connection) -> Costs | None:
    """From the day of this moment on; nothing where spend or chats are not known so long, or in several currencies."""
    days = return_days.read(since, connection)
    if days.conversations is None or days.spend is None or days.spend > max(days.asked, days.conversations):
        return None
    of = ad_spend.c
    asked = select(of.ad_id, of.currency, func.sum(of.spend)).where(of.day >= days.first)
    by_ad: Counter[str] = Counter()
    currencies = set()
    for ad, currency, spend in connection.execute(asked.group_by(of.ad_id, of.currency)):
        by_ad[ad] += int(spend)
        currencies.add(currency)
    return Costs(currencies.pop(), by_ad) if len(currencies) == 1 else None
