"""Who has booked or bought, by what the outbox was told: copied by the database itself, some events at a time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import text

from konversi.insight.walking import Found, next_stretch
from konversi.journeys.customers import KEY_LETTERS, MOST_KEYS
from konversi.outbox.tables import events

if TYPE_CHECKING:
    from sqlalchemy import Connection

_AT_ONCE = 1_000  # events

# Of several events of one customer the first counts, also where it is told later than the others.
_REMEMBER = text("""
INSERT INTO customers (key, first_at, last_at, booking_id)
SELECT key, event_time, latest, booking_id FROM (
  SELECT key, event_time, booking_id, max(event_time) OVER (PARTITION BY key) AS latest,
    row_number() OVER (PARTITION BY key ORDER BY event_time, id) AS place
  FROM (
    SELECT id, substr(customer, :start, :letters) AS key, event_time, booking_id FROM events
    WHERE id > :before AND id <= :upto AND length(customer) >= :start
  ) AS told
) AS ordered WHERE place = 1 ORDER BY key
ON CONFLICT (key) DO UPDATE SET
  booking_id = CASE WHEN excluded.first_at < customers.first_at THEN excluded.booking_id ELSE customers.booking_id END,
  last_at = CASE WHEN excluded.last_at > customers.last_at THEN excluded.last_at ELSE customers.last_at END,
  first_at = CASE WHEN excluded.first_at < customers.first_at THEN excluded.first_at ELSE customers.first_at END
""")


def customers(connection: Connection) -> Found | None:
    """The customers of the events above the mark."""
    stretch = next_stretch(connection, events, "customers", _AT_ONCE)
    if stretch is None:
        return None
    before, after, more = stretch
    return Found(before, after, (), partial(_remember, before.upto, after.upto), more)


def _remember(before: int, upto: int, connection: Connection) -> None:
    of = {"before": before, "upto": upto, "letters": KEY_LETTERS}
    for place in range(MOST_KEYS):
        done = connection.execute(_REMEMBER, {**of, "start": place * KEY_LETTERS + 1})
        if place == 0 and done.rowcount == 0:
            return
