"""Payments in their table: rows and back, spoken to the driver directly, in words that both dialects understand."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from konversi.database.many_rows import filled, lists, run
from konversi.events.money import SCALE
from konversi.payments.notice import Reversal
from konversi.payments.payment import Payment
from konversi.payments.policy import Booking
from konversi.payments.stages import Stage
from konversi.payments.units import in_parts, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from konversi.database.port import Driver

_AT_ONCE = 500  # values in one IN list
COLUMNS = Payment.__struct_fields__  # all but `told_gone`, which is the sums' own
SELECT = f"SELECT {', '.join(COLUMNS)} FROM payments"  # noqa: S608 - ours
_INSERT = f"INSERT INTO payments ({', '.join(COLUMNS)}) VALUES "  # noqa: S608 - ours
_INSERT_ROW = f"({','.join('?' * len(COLUMNS))})"
_FOR_GOOD = ("id", "provider", "payment_id")
_INSTEAD = " ON CONFLICT (id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in COLUMNS if name not in _FOR_GOOD
)
_values = attrgetter(*COLUMNS)
_NUMBERS = ("amount", "purchase_value")
_PLACE = {name: place for place, name in enumerate(COLUMNS)}
_SAID = "e.booking_id, e.id, e.dataset, e.journey, e.event_time, t.at, e.body, e.given, e.event_name"
_BOOKINGS = "SELECT {} FROM events e LEFT JOIN touches t ON t.id = e.touch WHERE e.booking_id IN ({})"
# An event that says less of a booking than the others do.
_SAYS_LESS = {"Purchase": 2, "InitiateCheckout": 1, "AddToCart": 1, "OrderDelivered": 1}
_PURCHASES = "SELECT event_id, id, journey, touch FROM events WHERE event_name = 'Purchase' AND event_id IN ({})"
_MOST_SHOWN = 200  # of one conversation


class Search(NamedTuple):
    """Which payments to list, newest first. `before` is the cursor: only numbers below it."""

    provider: str | None = None
    booking_id: str | None = None
    flag: str | None = None
    before: int | None = None
    limit: int = 50


def read(row: Sequence[Any]) -> Payment:
    """A row's payment."""
    told = list(row)
    for name in _NUMBERS:
        number = told[_PLACE[name]]
        told[_PLACE[name]] = None if number is None else Decimal(number)
    told[_PLACE["gone"]] = Decimal(told[_PLACE["gone"]]) / SCALE
    told[_PLACE["stage"]] = Stage(told[_PLACE["stage"]])
    told[_PLACE["user_data"]] = orjson.loads(told[_PLACE["user_data"]])
    told[_PLACE["reversals"]] = {
        key: Reversal(key, kind, rank, Decimal(amount), at)
        for key, kind, rank, amount, at in orjson.loads(told[_PLACE["reversals"]])
    }
    return Payment(*told)


def _row(payment: Payment) -> list[Any]:
    """Nothing is written down where nothing is said: most payments came without their payer, and stay paid."""
    row: list[Any] = list(_values(payment))
    for name in _NUMBERS:
        number = row[_PLACE[name]]
        row[_PLACE[name]] = None if number is None else text(number)
    row[_PLACE["stage"]] = int(payment.stage)
    row[_PLACE["gone"]] = in_parts(payment.gone) if payment.gone else 0
    row[_PLACE["user_data"]] = orjson.dumps(dict(payment.user_data)).decode() if payment.user_data else "{}"
    row[_PLACE["reversals"]] = _written(payment.reversals.values()) if payment.reversals else "[]"
    return row


def _written(reversals: Iterable[Reversal]) -> str:
    return orjson.dumps([[one.key, one.kind, one.rank, text(one.amount), one.at] for one in reversals]).decode()


def insert(driver: Driver, payments: Iterable[Payment]) -> None:
    """Keep new payments under their numbers."""
    run(driver, _INSERT, _INSERT_ROW, "", list(chain.from_iterable(map(_row, payments))))


def kept(driver: Driver, numbers: Sequence[int | None]) -> set[int]:
    """Those of these payments that are there, and that nobody forgets until the transaction ends. Not on SQLite."""
    found = []
    for places, some in _few(numbers):
        asked = f"SELECT id FROM payments WHERE id IN ({places}) ORDER BY id FOR UPDATE"  # noqa: S608 - ours
        found += [number for (number,) in driver.execute(asked, some).fetchall()]
    return set(found)


def update(driver: Driver, payments: Iterable[Payment]) -> None:
    """Keep payments as they stand now. They have to be there: one that is not would be again."""
    run(driver, _INSERT, _INSERT_ROW, _INSTEAD, list(chain.from_iterable(map(_row, payments))))


def called(driver: Driver, ids: Sequence[str]) -> Iterator[Payment]:
    """The payments that a provider calls so, under either of their ids."""
    for places, some in _few(ids):
        for column in ("payment_id", "other_id"):
            yield from map(read, driver.execute(f"{SELECT} WHERE {column} IN ({places})", some).fetchall())


def of_bookings(driver: Driver, bookings: Sequence[str], besides: Sequence[Payment] = ()) -> Iterator[Payment]:
    """The payments for these bookings besides those that are at hand."""
    known = filled([one.id for one in besides])
    others = f" AND id NOT IN ({','.join('?' * len(known))})" if known else ""
    for places, some in _few(bookings):
        asked = f"{SELECT} WHERE booking_id IN ({places}){others}"
        yield from map(read, driver.execute(asked, (*some, *known)).fetchall())


def numbered(driver: Driver, numbers: Sequence[int]) -> list[Payment]:
    """The payments with these numbers."""
    return [
        read(row)
        for places, some in _few(numbers)
        for row in driver.execute(f"{SELECT} WHERE id IN ({places})", some).fetchall()
    ]


def bookings(driver: Driver, ids: Sequence[str], as_one: Callable[[str], str]) -> dict[str, Booking]:
    """What the stored events say of these bookings: of several events, the one that says most, and the first.

    `as_one` is the database's.
    """
    found: dict[str, tuple[tuple[int, int], Sequence[Any]]] = {}
    for places, some in _few(ids):
        ((said,),) = driver.execute(_BOOKINGS.format(as_one(_SAID), places), some).fetchall()
        for row in orjson.loads(said):
            order = (_SAYS_LESS.get(row[8], 0), row[1])
            if row[0] not in found or order < found[row[0]][0]:
                found[row[0]] = (order, row)
    return {booking_id: _booking(row) for booking_id, (_, row) in found.items()}


def _booking(row: Sequence[Any]) -> Booking:
    booking_id, event, dataset, journey, at, clicked_at, body, given, _ = row
    told = orjson.loads(body)
    custom = told.get("custom_data", {})
    if given:
        custom = custom | orjson.loads(given)
    price = custom.get("value")
    return Booking(
        booking_id=booking_id,
        event=event,
        dataset=dataset,
        journey=journey,
        price=None if price is None else Decimal(repr(price)),
        currency=custom.get("currency"),
        at=at,
        clicked_at=clicked_at,
        body=told,
    )


def purchases(driver: Driver, event_ids: Sequence[str]) -> dict[str, tuple[int, int | None, int | None]]:
    """Which of these Purchases were accepted: the event's number, its conversation and its ad click."""
    return {
        event_id: (event, journey, touch)
        for places, some in _few(event_ids)
        for event_id, event, journey, touch in driver.execute(_PURCHASES.format(places), some).fetchall()
    }


def search(driver: Driver, wanted: Search) -> list[Payment]:
    """Payments, newest first."""
    given = {"provider": wanted.provider, "booking_id": wanted.booking_id, "flag": wanted.flag}
    asked: dict[str, Any] = {f"{name} = ?": value for name, value in given.items() if value is not None}
    if wanted.before is not None:
        asked["id < ?"] = wanted.before
    where = f" WHERE {' AND '.join(asked)}" if asked else ""
    found = driver.execute(f"{SELECT}{where} ORDER BY id DESC LIMIT ?", (*asked.values(), wanted.limit))
    return [read(row) for row in found.fetchall()]


def of_journey(driver: Driver, journey: int | None, event_ids: Sequence[str]) -> list[Payment]:
    """The payments of a conversation, or that led to one of these Purchases; oldest first."""
    found: dict[int | None, Payment] = {}
    if journey is not None:
        asked = f"{SELECT} WHERE journey = ? ORDER BY id DESC LIMIT ?"
        found = {one.id: one for one in map(read, driver.execute(asked, (journey, _MOST_SHOWN)).fetchall())}
    for places, some in _few(event_ids):
        for row in driver.execute(f"{SELECT} WHERE purchase IN ({places})", some).fetchall():
            found[row[_PLACE["id"]]] = read(row)
    return sorted(found.values(), key=lambda one: (one.paid_at or one.seen_at, one.id))


def of_journeys(driver: Driver, journeys: Sequence[int], most: int) -> Iterator[Payment]:
    """The payments of these conversations, the newest so many of each few."""
    for places, some in _few(journeys):
        asked = f"{SELECT} WHERE journey IN ({places}) ORDER BY id DESC LIMIT ?"
        yield from map(read, driver.execute(asked, (*some, most)).fetchall())


def flagged(driver: Driver) -> dict[str, int]:
    """How many payments a person should look at, by why."""
    found = driver.execute("SELECT flag, count(*) FROM payments WHERE flag <> '' GROUP BY flag")
    return {flag: int(number) for flag, number in found.fetchall()}


def forget(driver: Driver, before: float, limit: int) -> int:
    """Forget up to so many payments that nothing was told of since then."""
    old = "SELECT id FROM payments WHERE changed_at < ? ORDER BY id LIMIT ?"
    return driver.execute(f"DELETE FROM payments WHERE id IN ({old})", (before, limit)).rowcount  # noqa: S608 - ours


def _few(values: Iterable[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """Each value once, in lists."""
    return lists(tuple(dict.fromkeys(values)), _AT_ONCE)
