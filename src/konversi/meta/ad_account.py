"""Asks Meta what an ad account's ads cost, a week at a time and page by page.

Weeks keep every question small, so that no report has to be ordered and waited for. The next page is asked for by its
cursor and never by the address that Meta names: that one carries the token.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from konversi.meta.ad_insights import FIELDS, WINDOWS, AdDay, Unreadable, read_rows
from konversi.meta.answers import Kind, Verdict
from konversi.meta.usage import SLOW_DOWN_AT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from konversi.meta.graph import Credentials, GraphClient, Sent

_ROWS_A_PAGE = "200"
_MOST_PAGES = 500  # of one week: a hundred thousand rows
_DAYS_AT_ONCE = 7
_TRIES = 3
_PAUSES = (1.0, 4.0)  # seconds before another try
_SLOWLY = 2.0  # seconds between pages, once Meta says that it gets busy
_AGAIN = frozenset({Kind.FAILED, Kind.UNCLEAR, Kind.IN_DOUBT, Kind.NOT_SENT})  # a question can be asked twice


class Account(NamedTuple):
    """An ad account."""

    currency: str
    zone: str  # IANA name: its days begin there


class Spent(NamedTuple):
    """What came of asking. Without `rows`, the verdict says why."""

    rows: list[AdDay] | None
    verdict: Verdict


async def account_of(graph: GraphClient, to: Credentials) -> tuple[Account | None, Verdict]:
    """The account that `to` names as `act_...`."""
    sent, answer = await _ask(graph, f"/{to.pixel_id}", to, fields="currency,timezone_name")
    currency, zone = answer.get("currency"), answer.get("timezone_name")
    if sent.verdict.kind is not Kind.DELIVERED:
        return None, sent.verdict
    if not isinstance(currency, str) or len(currency) != 3 or not isinstance(zone, str):  # noqa: PLR2004 - ISO 4217
        return None, _unclear(sent.verdict, "its currency or time zone is missing")
    return Account(currency, zone), sent.verdict


async def spent(
    graph: GraphClient, to: Credentials, since: date, until: date, types: Mapping[str, Sequence[str]]
) -> Spent:
    """What each ad cost on each of these days. Never raises for what the network does; all rows, or none."""
    found: list[Any] = []
    verdict = Verdict(Kind.DELIVERED, "")
    for first, last in _weeks(since, until):
        after: str | None = None
        for _ in range(_MOST_PAGES):
            sent, answer = await _page(graph, to, first, last, after)
            verdict = sent.verdict
            if verdict.kind is not Kind.DELIVERED:
                return Spent(None, verdict)
            data = answer.get("data")
            if not isinstance(data, list):
                return Spent(None, _unclear(verdict, "data is missing"))
            found += data
            after = _next(answer)
            if after is None:
                break
            if sent.usage.percent >= SLOW_DOWN_AT:
                await asyncio.sleep(_SLOWLY)
        else:
            return Spent(None, _unclear(verdict, "there are more pages than any account has"))
    try:
        return Spent(read_rows(found, types), verdict)
    except Unreadable as error:
        return Spent(None, _unclear(verdict, f"{error} can't be read"))


def _weeks(since: date, until: date) -> Iterator[tuple[date, date]]:
    while since <= until:
        last = min(until, since + timedelta(days=_DAYS_AT_ONCE - 1))
        yield since, last
        since = last + timedelta(days=1)


async def _page(
    graph: GraphClient, to: Credentials, first: date, last: date, after: str | None
) -> tuple[Sent, dict[str, Any]]:
    given = {
        "level": "ad",
        "time_range": orjson.dumps({"since": first.isoformat(), "until": last.isoformat()}).decode(),
        "time_increment": "1",
        "fields": FIELDS,
        "action_attribution_windows": WINDOWS,
        "limit": _ROWS_A_PAGE,
    }
    return await _ask(graph, f"/{to.pixel_id}/insights", to, **given, **({"after": after} if after else {}))


async def _ask(graph: GraphClient, path: str, to: Credentials, **given: str) -> tuple[Sent, dict[str, Any]]:
    for pause in _PAUSES[: _TRIES - 1]:
        sent, answer = await graph.ask("GET", path, to, **given)
        if sent.verdict.kind not in _AGAIN:
            return sent, answer
        await asyncio.sleep(pause)
    return await graph.ask("GET", path, to, **given)


def _next(answer: Mapping[str, Any]) -> str | None:
    """The cursor of the page that follows, where one does."""
    paging = answer.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return after if isinstance(after, str) and after else None


def _unclear(verdict: Verdict, what: str) -> Verdict:
    reason = f"Meta's answer can't be understood: {what}. Nothing was changed; try again, or set META_INSIGHTS_VERSION."
    return verdict._replace(kind=Kind.UNCLEAR, reason=reason)
