"""What came of bookings, by service and ad: each booking is counted once, when it is old enough to have been paid.

Test events and what was discarded count for nothing. What was paid is the payments' own sum where there are any, else
that of the booking's Purchases.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sqlalchemy import Double, and_, case, cast, delete, exists, func, literal, or_, select

from konversi.database.json_text import value_at
from konversi.events.money import SCALE
from konversi.events.names import PURCHASE
from konversi.insight.sealed_ids import complete_upto
from konversi.insight.value_tables import value_sums
from konversi.insight.walking import Found, grouped, mark_of
from konversi.journeys.tables import touches
from konversi.outbox.lanes import TEST_PATTERN
from konversi.outbox.states import State
from konversi.outbox.tables import events, queue
from konversi.payments.history import as_given
from konversi.payments.stages import Stage
from konversi.payments.tables import payments
from konversi.value.model import Sum
from konversi.value.rules import PAID
from konversi.value.sale import service_key

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

HISTORY = "value"
SLOT = 30 * 86_400  # seconds
_DAY = 86_400
_AT_ONCE = 1_000
_BOOKINGS = ("Lead", "LeadSubmitted", "Schedule")
_PAID = tuple(sorted(PAID))
_SETTLED = (int(Stage.CAPTURED), int(Stage.SETTLED))
_MOST = Decimal(10) ** 12  # major units: what is worth more is a mistake, and would drown all else
_MOST_GROUPS = 50_000


def bookings(now: float, after_days: int, connection: Connection) -> Found | None:
    """The bookings above the mark that were accepted so many days ago."""
    before = mark_of(connection, HISTORY)
    upto = _matured(connection, before.upto, now - after_days * _DAY)
    if upto is None:
        return None
    rows = connection.execute(_came_of(before.upto, upto))
    return Found(before, before._replace(upto=upto), [(value_sums, grouped(map(_added, rows)))])


def _matured(connection: Connection, upto: int, before: float) -> int | None:
    """The last of the next ids that are old enough."""
    top = complete_upto(connection, events)
    if top is None or top <= upto:
        return None
    asked = select(events.c.id, events.c.accepted_at).where(events.c.id > upto, events.c.id <= top)
    last = None
    for id_, accepted_at in connection.execute(asked.order_by(events.c.id).limit(_AT_ONCE)):
        if accepted_at > before:
            break
        last = int(id_)
    return last


def _came_of(after: int, upto: int) -> Select[Any]:
    """Bookings that are alike, and how many: rows in Python take its lock from the doors."""
    by_payments = _sums(payments.c.currency, cast(payments.c.amount, Double), _settled())
    by_booking = _sums(_CURRENCY, _VALUE, _purchase(_SAME_BOOKING))
    by_journey = _sums(_CURRENCY, _VALUE, _purchase(_SAME_JOURNEY))
    one = (
        select(
            (events.c.event_time // SLOT).label("slot"),
            value_at(events.c.body, "custom_data", "contents", 0, "id").label("service"),
            value_at(events.c.body, "custom_data", "contents", 1, "id").label("second"),
            func.coalesce(touches.c.ad_id, "").label("ad"),
            as_given("value").label("price"),
            as_given("currency").label("currency"),
            or_(exists(_settled()), exists(_later(_SAME_BOOKING)), exists(_later(_SAME_JOURNEY))).label("shown"),
            *(
                func.coalesce(*(sums[place] for sums in (by_payments, by_booking, by_journey))).label(name)
                for place, name in enumerate(("paid", "paid_in"))
            ),
        )
        .join_from(events, queue, events.c.id == queue.c.id)
        .join(touches, events.c.touch == touches.c.id, isouter=True)
        .where(events.c.id > after, events.c.id <= upto, events.c.event_name.in_(_BOOKINGS))
        .where(queue.c.state != State.DISCARDED.value, queue.c.lane.not_like(TEST_PATTERN))
        .subquery()
    )
    return select(*one.c, func.count().label("number")).group_by(*one.c)


_after, _place = events.alias("later"), queue.alias("later_state")
_VALUE, _CURRENCY = cast(as_given("value", _after), Double), as_given("currency", _after)
_SAME_BOOKING = _after.c.booking_id == events.c.booking_id
_SAME_JOURNEY = and_(
    _after.c.journey == events.c.journey,
    or_(_after.c.booking_id.is_(None), events.c.booking_id.is_(None)),
    _after.c.event_time >= events.c.event_time,
)


def _settled() -> Select[Any]:
    """The payments of a booking."""
    of_it = and_(payments.c.booking_id == events.c.booking_id, payments.c.stage.in_(_SETTLED))
    return select(literal(1)).select_from(payments).where(of_it).correlate(events)


def _later(same: ColumnElement[bool]) -> Select[Any]:
    """What was told of its payment, or that it was done."""
    asked = select(literal(1)).join_from(_after, _place, _after.c.id == _place.c.id)
    asked = asked.where(same, _after.c.event_name.in_(_PAID), _place.c.state != State.DISCARDED.value)
    return asked.correlate(events)


def _purchase(same: ColumnElement[bool]) -> Select[Any]:
    return _later(same).where(_after.c.event_name == PURCHASE)


def _sums(
    currency: ColumnElement[Any], amount: ColumnElement[Any], of: Select[Any]
) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """The sum and the currency of what a booking's rows say; nothing where they are in several currencies."""
    one = func.min(currency) == func.max(currency)
    total = of.with_only_columns(case((one, func.sum(amount)))).scalar_subquery()
    return total, of.with_only_columns(case((one, func.min(currency)))).scalar_subquery()


def _added(row: Any) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """What some bookings that are alike add to the sums."""
    price, paid = _amount(row.price), _amount(row.paid) if row.shown else None
    currency = (row.currency if price is not None else row.paid_in if paid is not None else "") or ""
    service = "" if row.second is not None or row.service is None else service_key(row.service)
    number = int(row.number)
    if paid is not None and row.paid_in != currency:
        paid = None
    priced = paid is not None and price is not None and price > 0
    shown = number if row.shown else 0
    return (int(row.slot) * SLOT, service, row.ad[:60], currency[:3]), (
        number,
        shown,
        number if paid is not None else 0,
        number * (paid or 0),
        number if priced else 0,
        number * (price or 0) if priced else 0,
        number * (paid or 0) if priced else 0,
    )


def _amount(given: object) -> int | None:
    """In units of 1/`SCALE`; nothing where it is no amount."""
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        return None
    return int((value * SCALE).to_integral_value()) if value.is_finite() and 0 <= value < _MOST else None


def read(connection: Connection, since: float) -> list[Sum]:
    """The sums of all bookings since then, those of most bookings first."""
    of = value_sums.c
    by = (of.service, of.ad, of.currency)
    summed = ("bookings", "shown", "payments", "paid", "priced", "price", "price_paid")
    asked = select(*by, *(func.sum(of[name]) for name in summed)).where(of.start > since - SLOT)
    asked = asked.group_by(*by).order_by(func.sum(of.bookings).desc(), *by).limit(_MOST_GROUPS)
    return [_sum(row) for row in connection.execute(asked)]


def _sum(row: Any) -> Sum:
    service, ad, currency, *numbers = row
    count, shown, number, paid, priced, price, price_paid = map(int, numbers)
    paid_, price_, price_paid_ = (Decimal(amount) / SCALE for amount in (paid, price, price_paid))
    return Sum(service, ad, currency, count, shown, number, paid_, priced, price_, price_paid_)


def forget(connection: Connection, before: float) -> int:
    """Forget what came of bookings before then."""
    return connection.execute(delete(value_sums).where(value_sums.c.start < before - SLOT)).rowcount
