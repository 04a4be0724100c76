"""Sums of what came of each ad, by the day (of UTC) on which it happened: chats, bookings, payments, and their values.

Whatever is given back later belongs here too: a refund is added with a number of 0 and a value below 0, to the ad and
the currency of its payment, on the day of the refund. That is the one place where money leaves a sum.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import exists, select

from konversi.insight.spend_tables import ad_results
from konversi.insight.tables import DAY
from konversi.insight.walking import Found, grouped, next_stretch
from konversi.journeys.tables import touches
from konversi.meta.ad_insights import SCALE
from konversi.outbox.tables import events

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

_AT_ONCE = 2_000  # events, whose bodies are read, or clicks
_MOST = Decimal(10) ** 12  # major units: what is worth more is a mistake, and would drown all else

RESULTS: Mapping[str, str] = {
    "Lead": "bookings",
    "LeadSubmitted": "bookings",
    "Schedule": "bookings",
    "Purchase": "payments",
}
"""What an event name counts as, in Konversi's words or Meta's; others count as nothing."""


def results(connection: Connection) -> Found | None:
    """The bookings and payments above the mark."""
    stretch = next_stretch(connection, events, "money", _AT_ONCE)
    if stretch is None:
        return None
    before, after = stretch
    wanted = (
        select(events.c.event_time, events.c.event_name, events.c.body, touches.c.ad_id)
        .join_from(events, touches, events.c.touch == touches.c.id, isouter=True)
        .where(events.c.id > before.upto, events.c.id <= after.upto, events.c.event_name.in_(RESULTS))
    )
    sums = grouped(
        ((_day(at), ad or "", RESULTS[name], currency), (1, value))
        for at, name, body, ad in connection.execute(wanted)
        for currency, value in _worth(body)
    )
    return Found(before, after, [(ad_results, sums)])


def conversations(connection: Connection) -> Found | None:
    """The conversations that ads opened, above the mark: a second click on the same ad opens none."""
    stretch = next_stretch(connection, touches, "ad_chats", _AT_ONCE)
    if stretch is None:
        return None
    before, after = stretch
    earlier = touches.alias("earlier")
    again = exists(
        select(earlier.c.id).where(
            earlier.c.journey == touches.c.journey, earlier.c.ad_id == touches.c.ad_id, earlier.c.id < touches.c.id
        )
    )
    wanted = select(touches.c.at, touches.c.ad_id).where(
        touches.c.id > before.upto, touches.c.id <= after.upto, touches.c.ad_id.is_not(None), ~again
    )
    rows = (((_day(at), ad, "conversations", ""), (1, 0)) for at, ad in connection.execute(wanted))
    return Found(before, after, [(ad_results, grouped(rows))])


def _day(at: float) -> int:
    return int(at // DAY) * DAY


def _worth(body: str) -> Iterator[tuple[str, int]]:
    """The currency and the value in units of 1/`SCALE`; no currency where no value is known."""
    data: Any = orjson.loads(body).get("custom_data")
    given, currency = (data.get("value"), data.get("currency")) if isinstance(data, dict) else (None, None)
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if isinstance(currency, str) and len(currency) == 3 and value.is_finite() and 0 <= value < _MOST:  # noqa: PLR2004 - ISO 4217
        yield currency.upper(), int((value * SCALE).to_integral_value())
    else:
        yield "", 0
