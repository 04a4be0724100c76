"""What was paid in a conversation before: each payment once, less what went back."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import case, select

from konversi.database.json_text import value_at
from konversi.events.names import PURCHASE
from konversi.outbox.states import State
from konversi.outbox.tables import events, queue
from konversi.payments import rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, FromClause, Select

    from konversi.database.port import Driver

_MOST = 1_000  # payments of the conversations that are asked about together


class Earlier(NamedTuple):
    """One payment."""

    purchase: str | None  # id of the event that it led to
    at: int  # Unix seconds
    currency: str
    amount: Decimal  # that was kept, in major units


def earlier(connection: Connection, driver: Driver, journeys: Sequence[int]) -> Mapping[int, list[Earlier]]:
    """The payments of these conversations, as far as they are remembered.

    They are those that a provider or a payment's own id told of, and Purchases that came without one.
    """
    found: defaultdict[int, list[Earlier]] = defaultdict(list)
    told = set()
    for one in rows.of_journeys(driver, journeys, _MOST):
        told.add(one.purchase)
        if one.journey is not None and one.currency is not None and one.kept:
            found[one.journey].append(Earlier(one.purchase, one.paid_at or int(one.seen_at), one.currency, one.kept))
    for journey, event_id, at, value, currency in connection.execute(_purchases(journeys)):
        amount = _decimal(value)
        if event_id not in told and amount is not None and currency is not None:
            found[journey].append(Earlier(event_id, at, currency, amount))
    return found


def _purchases(journeys: Sequence[int]) -> Select[Any]:
    asked = select(events.c.journey, events.c.event_id, events.c.event_time, as_given("value"), as_given("currency"))
    asked = asked.join_from(events, queue, events.c.id == queue.c.id)
    asked = asked.where(events.c.journey.in_(journeys), events.c.event_name == PURCHASE)
    return asked.where(queue.c.state != State.DISCARDED.value).order_by(events.c.id).limit(_MOST)


def as_given(name: str, of: FromClause = events) -> ColumnElement[str]:
    """An event's value or currency as the business told it, whatever its rules made of it for Meta."""
    told = value_at(of.c.body, "custom_data", name)
    return case((of.c.given.is_(None), told), else_=value_at(of.c.given, name))


def _decimal(text: object) -> Decimal | None:
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return None
    return value if value.is_finite() and value >= 0 else None
