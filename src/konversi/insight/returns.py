"""What ads cost beside what came of them: by campaign, ad set or ad, and never two currencies in one number."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from konversi.insight import return_days
from konversi.insight.money_sums import REVERSALS
from konversi.insight.spend_tables import ad_results, ad_spend
from konversi.meta.ad_insights import amount

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Final

    from sqlalchemy import Connection

LEVELS: Final = ("campaign", "adset", "ad")
STILL_CHANGES_DAYS = 3  # Meta goes on attributing to the last days
_MOST_ADS = 20_000
_MOST_ROWS = 500
_META = ("meta_conversations", "meta_bookings", "meta_payments", "meta_booking_value", "meta_payment_value")
_SUMMED = ("spend", "impressions", "clicks", *_META)


class Cost(NamedTuple):
    """What one ad cost in one currency, and what Meta itself counts. Money is in units of 1/`SCALE`."""

    ad_id: str
    currency: str
    adset_id: str
    campaign_id: str
    ad_name: str
    adset_name: str
    campaign_name: str
    spend: int
    impressions: int
    clicks: int
    meta_conversations: int
    meta_bookings: int
    meta_payments: int
    meta_booking_value: int
    meta_payment_value: int


class Result(NamedTuple):
    """What came of one ad, of one kind, in one currency."""

    ad_id: str
    result: str
    currency: str
    number: int
    value: int


class Sums(NamedTuple):
    """What the tables say of a stretch of days."""

    costs: Sequence[Cost]
    results: Sequence[Result]


def report(since: float, by: str, within: Mapping[str, str], connection: Connection) -> dict[str, Any]:
    """What the ads cost since that moment and what came of them, of the days of which both are known."""
    days = return_days.read(since, connection)
    return {
        "since": days.first,
        "asked_since": days.asked,
        "conversations_since": days.conversations,
        "spend_since": days.spend,
        "left_out": return_days.left_out(days, connection),
        **shape(read(days.first, connection), by, within, has_chats=days.conversations is not None),
    }


def read(first: str, connection: Connection) -> Sums:
    """Since that day. Its cost depends on the days and the ads, not on the events."""
    of = ad_spend.c
    names = [func.max(of[name]).label(name) for name in ("ad_name", "adset_name", "campaign_name")]
    by = (of.ad_id, of.currency, of.adset_id, of.campaign_id)
    spent = select(*by, *names, *(func.sum(of[name]) for name in _SUMMED)).where(of.day >= first)
    costs = connection.execute(spent.group_by(*by).order_by(func.sum(of.spend).desc()).limit(_MOST_ADS))
    came = ad_results.c
    kind = (came.ad_id, came.result, came.currency)
    found = (
        select(*kind, func.sum(came.number), func.sum(came.value))
        .where(came.start >= return_days.begin_of(first))
        .group_by(*kind)
    )
    return Sums(
        [Cost(*row[:7], *(int(number) for number in row[7:])) for row in costs],
        [Result(*row[:3], int(row[3]), int(row[4])) for row in connection.execute(found.limit(_MOST_ADS * 5))],
    )


@dataclass
class _Line:
    """What is added up of some ads, in the account's currency."""

    id: str
    name: str
    spend: int = 0
    numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    values: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))  # by result and currency
    meta: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def cost(self, one: Cost) -> None:
        self.spend += one.spend
        for name in ("impressions", "clicks", *_META):
            self.meta[name] += getattr(one, name)

    def result(self, one: Result) -> None:
        self.numbers[one.result] += one.number
        if one.currency:
            self.values[one.result, one.currency] += one.value

    def shown(self, currency: str, *, has_chats: bool) -> dict[str, Any]:
        kinds = ("bookings", "payments", REVERSALS)
        booked, paid, back = (self.values.get((result, currency), 0) for result in kinds)
        kept = paid - back
        others = sorted(key for key in self.values if key[1] != currency)
        meta = self.meta
        return {
            "id": self.id,
            "name": self.name,
            "spend": amount(self.spend),
            "impressions": meta["impressions"],
            "clicks": meta["clicks"],
            "conversations": self.numbers["conversations"],
            "bookings": self.numbers["bookings"],
            "payments": self.numbers["payments"],
            "booked_value": amount(booked),
            "value": amount(kept),
            "paid_back": amount(back),
            "cost_per_conversation": _each(self.spend, self.numbers["conversations"]),
            "cost_per_booking": _each(self.spend, self.numbers["bookings"]),
            "cost_per_payment": _each(self.spend, self.numbers["payments"]),
            "roas": _times(kept, self.spend) if has_chats else None,
            "booked_roas": _times(booked, self.spend) if has_chats else None,
            "other_currencies": [
                {"result": result, "currency": other, "value": amount(self.values[result, other])}
                for result, other in others
            ],
            "meta": {
                "conversations": meta["meta_conversations"],
                "bookings": meta["meta_bookings"],
                "payments": meta["meta_payments"],
                "value": amount(meta["meta_payment_value"]),
                "roas": _times(meta["meta_payment_value"], self.spend),
            },
        }


def shape(sums: Sums, by: str, within: Mapping[str, str], *, has_chats: bool = True) -> dict[str, Any]:
    """As people and programs read it; no return is told where no chat can have come.

    `within` keeps the ads of one campaign or ad set: `{"campaign": ID}`.
    """
    by_ad: dict[str, list[Result]] = defaultdict(list)
    for came in sums.results:
        by_ad[came.ad_id].append(came)
    costs = [
        one for one in sums.costs if all(getattr(one, f"{level}_id") == wanted for level, wanted in within.items())
    ]
    lines: dict[str, dict[str, _Line]] = defaultdict(dict)
    totals: dict[str, _Line] = {}
    joined: set[str] = set()
    for one in costs:
        key, name = getattr(one, f"{by}_id"), getattr(one, f"{by}_name")
        line = lines[one.currency].setdefault(key, _Line(key, name or key))
        total = totals.setdefault(one.currency, _Line("", ""))
        results = [] if one.ad_id in joined else by_ad.get(one.ad_id, [])
        joined.add(one.ad_id)
        for part in (line, total):
            part.cost(one)
            for result in results:
                part.result(result)
    known = {one.ad_id for one in sums.costs}
    return {
        "accounts": [
            {
                "currency": currency,
                "total": totals[currency].shown(currency, has_chats=has_chats),
                "rows": [line.shown(currency, has_chats=has_chats) for line in _dearest(lines[currency].values())],
                "more": max(0, len(lines[currency]) - _MOST_ROWS),
            }
            for currency in sorted(totals)
        ],
        "without_spend": _without(sums.results, lambda ad: ad != "" and ad not in known),
        "without_ad": _without(sums.results, lambda ad: ad == ""),
        "without_journeys": sum(one.ad_id not in by_ad and one.spend > 0 for one in costs),
    }


def _dearest(lines: Iterable[_Line]) -> list[_Line]:
    return sorted(lines, key=lambda line: (-line.spend, line.id))[:_MOST_ROWS]


def _without(results: Iterable[Result], wanted: Any) -> dict[str, Any]:
    """What came of ads that nothing is known of, or of none."""
    line, ads = _Line("", ""), set()
    for one in results:
        if wanted(one.ad_id):
            line.result(one)
            ads.add(one.ad_id)
    values = [{"result": r, "currency": c, "value": amount(v)} for (r, c), v in sorted(line.values.items())]
    numbers = {name: line.numbers[name] for name in ("conversations", "bookings", "payments")}
    return {**numbers, "values": values, "ads": sorted(ads - {""})[:50]}


def _each(spend: int, number: int) -> int | float | None:
    return round(amount(spend // number), 2) if number and spend else None


def _times(value: int, spend: int) -> float | None:
    return round(value / spend, 2) if spend else None
