"""Sums of what came of each ad, by the day (of UTC) on which it happened: chats, bookings, payments, and their values.

Test events are in no sum, and neither is what came to nothing: it is taken out again, and put back where it is sent
after all. What went back of a payment is a sum of its own, of the day on which it was paid: so the ad that brought the
payment loses it.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, and_, cast, exists, func, not_, or_, select, text, update

from konversi.events.money import SCALE
from konversi.insight.spend_tables import ad_results
from konversi.insight.standing import COMES_TO_NOTHING
from konversi.insight.tables import DAY
from konversi.insight.walking import Found, grouped, mark_of, next_stretch
from konversi.journeys.tables import touches
from konversi.outbox.lanes import TEST_PATTERN, Lane
from konversi.outbox.members import pack, unpack
from konversi.outbox.tables import RARE, events, queue
from konversi.payments.history import as_given
from konversi.payments.tables import SOME_GONE, payments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    from sqlalchemy import ColumnElement, Connection

    _Came: TypeAlias = tuple[tuple[int, str, str, str], tuple[int, int]]  # a sum's key, and what is added

_AT_ONCE = 5_000  # events, or clicks
_CHUNK = 500  # ids in one IN list
_MOST = Decimal(10) ** 12  # major units: what is worth more is a mistake, and would drown all else

RESULTS: Mapping[str, str] = {
    "Lead": "bookings",
    "LeadSubmitted": "bookings",
    "Schedule": "bookings",
    "Purchase": "payments",
}
"""What an event name counts as, in Konversi's words or Meta's; others count as nothing."""


REVERSALS = "reversals"  # what went back of payments
# Events that were kept before their worth was written down have it in their JSON only.
_WORTH = func.coalesce(events.c.worth, cast(as_given("value"), String) + " " + cast(as_given("currency"), String))
_NOTHING = [state.value for state in COMES_TO_NOTHING]


def results(connection: Connection) -> Found | None:
    """The bookings and payments above the mark."""
    stretch = next_stretch(connection, events, "money", _AT_ONCE)
    if stretch is None:
        return None
    before, after, more = stretch
    new = _came(connection, (events.c.id > before.upto) & (events.c.id <= after.upto))
    return Found(before, after, [(ad_results, grouped(new))], more=more)


class TakenBack:
    """Of the events that `results` added: those that came to nothing since, and those that no longer do.

    There may be a million of them, and mostly they are those of the last look: so first they are only counted.
    """

    def __init__(self) -> None:
        self._settled: tuple[Any, ...] | None = None

    def __call__(self, connection: Connection) -> Found | None:
        before = mark_of(connection, "money_back")
        nothing = RARE, queue.c.state.in_(_NOTHING)
        summed_up = queue.c.id <= mark_of(connection, "money").upto
        counted = select(func.count(), func.sum(queue.c.id)).where(*nothing, summed_up)
        seen = (before, *connection.execute(counted).one())
        if seen == self._settled:
            return None
        with_name = select(queue.c.id).join_from(queue, events, queue.c.id == events.c.id)
        with_name = with_name.where(*nothing, summed_up, events.c.event_name.in_(RESULTS))
        now, taken = set(connection.execute(with_name).scalars()), set(unpack(before.open))
        out, back = sorted(now - taken)[:_AT_ONCE], sorted(taken - now)[:_AT_ONCE]
        if not out and not back:
            self._settled = seen
            return None
        after = before._replace(open=pack((taken | set(out)) - set(back)))
        less = ((place, (-number, -value)) for place, (number, value) in _of(connection, out))
        # What was forgotten since is not there any more, and so stays taken out.
        return Found(before, after, [(ad_results, grouped([*less, *_of(connection, back)]))])


def went_back(connection: Connection) -> Found | None:
    """What went back of payments whose Purchase counts, as far as it is in no sum yet; or is no longer gone."""
    before = mark_of(connection, "gone")
    of = payments.c
    counts = or_(queue.c.id.is_(None), not_(or_(queue.c.state.in_(_NOTHING), queue.c.lane.like(TEST_PATTERN))))
    wanted = (
        select(of.id, of.purchase_at, of.purchase_currency, touches.c.ad_id, of.gone, of.told_gone, counts)
        .join_from(payments, queue, queue.c.id == of.event, isouter=True)
        .join(events, events.c.id == of.event, isouter=True)
        .join(touches, touches.c.id == func.coalesce(of.touch, events.c.touch), isouter=True)
        .where(text(f"({SOME_GONE})"), of.event <= mark_of(connection, "money").upto)
        .where(or_(and_(counts, of.gone != of.told_gone), and_(not_(counts), of.told_gone != 0)))
        .limit(_AT_ONCE)
    )
    found = connection.execute(wanted).all()
    if not found:
        return None
    told: dict[int, tuple[int, int]] = {}
    sums: list[_Came] = []
    for id_, at, currency, ad, gone, before_this, is_counted in found:
        now = gone if is_counted else 0
        told[id_] = before_this, now
        change = (int(now > 0) - int(before_this > 0), now - before_this)
        sums.append(((_day(at), ad or "", REVERSALS, currency or ""), change))
    # Nobody follows this by ids, so the mark only says which look this was.
    after = before._replace(upto=before.upto + 1)
    return Found(before, after, [(ad_results, grouped(sums))], partial(_tell, told))


def _tell(told: Mapping[int, tuple[int, int]], connection: Connection) -> None:
    for id_, (before, now) in told.items():
        same = (payments.c.id == id_, payments.c.told_gone == before)
        connection.execute(update(payments).where(*same).values(told_gone=now))


def _of(connection: Connection, ids: Sequence[int]) -> Iterator[_Came]:
    for start in range(0, len(ids), _CHUNK):
        yield from _came(connection, events.c.id.in_(ids[start : start + _CHUNK]))


def _came(connection: Connection, condition: ColumnElement[bool]) -> Iterator[_Came]:
    """What these events add. The database counts those that are alike: rows in Python take its lock from the doors."""
    alike = (
        events.c.event_time,
        events.c.event_name,
        _WORTH.label("worth"),
        queue.c.lane,
        touches.c.ad_id,
    )
    wanted = (
        select(*alike, func.count())
        .join_from(events, queue, events.c.id == queue.c.id)
        .join(touches, events.c.touch == touches.c.id, isouter=True)
        .where(condition, events.c.event_name.in_(RESULTS))
        .group_by(*alike)
    )
    for at, name, given, lane, ad, number in connection.execute(wanted):
        if Lane.parse(lane).test_code is None:
            told, worth = _worth(*(given or "").partition(" ")[::2])
            yield (_day(at), ad or "", RESULTS[name], told), (number, number * worth)


def conversations(connection: Connection) -> Found | None:
    """The conversations that ads opened, above the mark: a second click on the same ad opens none."""
    stretch = next_stretch(connection, touches, "ad_chats", _AT_ONCE)
    if stretch is None:
        return None
    before, after, more = stretch
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
    return Found(before, after, [(ad_results, grouped(rows))], more=more)


def _day(at: float) -> int:
    return int(at // DAY) * DAY


def _worth(given: object, currency: object) -> tuple[str, int]:
    """The currency and the value in units of 1/`SCALE`; no currency where no value is known."""
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if isinstance(currency, str) and len(currency) == 3 and value.is_finite() and 0 <= value < _MOST:  # noqa: PLR2004 - ISO 4217
        return currency.upper(), int((value * SCALE).to_integral_value())
    return "", 0
