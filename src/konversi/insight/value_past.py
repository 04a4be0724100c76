"""Accepted events as value rules look at them: what was given, and what Meta was told. Newest first, in parts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import select

from konversi.database.json_text import value_at
from konversi.journeys.tables import touches
from konversi.outbox.port import receipt
from konversi.outbox.tables import events
from konversi.payments.history import earlier
from konversi.value.in_effect import before_rules
from konversi.value.lifetime import Paid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Driver
    from konversi.value.dry_run import DryRun

AT_ONCE = 500


class Past(NamedTuple):
    """One event. `given` are its custom data before the rules that were in effect then, `sent` as Meta got them."""

    id: int
    name: str
    heard: str
    event_id: str
    accepted_at: float
    given: dict[str, Any]
    sent: dict[str, Any]
    ad: str | None
    paid: Sequence[Paid]  # by its customer in the same conversation before


def newest(connection: Connection, driver: Driver, before: int | None, *, with_history: bool) -> list[Past]:
    """Up to `AT_ONCE` events below an id, or the newest ones."""
    heard, custom = value_at(events.c.body, "event_name"), value_at(events.c.body, "custom_data")
    columns = (events.c.id, events.c.event_name, heard, events.c.event_id, events.c.event_time, events.c.accepted_at)
    asked = select(*columns, custom, events.c.given, events.c.journey, touches.c.ad_id)
    asked = asked.join_from(events, touches, events.c.touch == touches.c.id, isouter=True)
    if before is not None:
        asked = asked.where(events.c.id < before)
    rows = connection.execute(asked.order_by(events.c.id.desc()).limit(AT_ONCE)).all()
    journeys = sorted({row.journey for row in rows if row.journey is not None}) if with_history else []
    paid = earlier(connection, driver, journeys) if journeys else {}
    return list(_read(rows, paid))


def _read(rows: Sequence[Any], paid: Any) -> Iterator[Past]:
    for id_, name, heard, event_id, at, accepted_at, custom, given, journey, ad in rows:
        sent = orjson.loads(custom) if custom else {}
        history: dict[str, Paid] = {}
        for one in paid.get(journey, ()):
            if one.at < at and one.purchase != event_id:
                so_far = history.get(one.currency, Paid(one.currency, 0, Decimal(0)))
                history[one.currency] = Paid(one.currency, so_far.payments + 1, so_far.total + one.amount)
        before = before_rules(sent, given)
        yield Past(id_, name, heard, event_id, accepted_at, before, sent, ad, list(history.values()))


def show(run: DryRun, some: Sequence[Past], since: float) -> int | None:
    """Show a part to the run: where to go on, and nowhere once all since then were seen."""
    seen = [one for one in some if one.accepted_at >= since]
    for one in seen:
        label = {"receipt": receipt(one.id)}
        run.take(label, (one.name, one.heard), given=one.given, sent=one.sent, ad=one.ad, paid=one.paid)
    return None if len(some) < AT_ONCE or len(seen) < len(some) else some[-1].id
