"""Sums of the match keys that events carry, by the day, and of how late they came here.

Events are summed by the whole set of their keys, not key by key: how much a missing one is worth depends on which
others are there, and a day has few different sets. What a set is worth is worked out when it is looked at.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import select

from konversi.insight.tables import DAY, delays, keysets
from konversi.insight.waits import bucket_of
from konversi.insight.walking import Found, next_stretch
from konversi.matching.strength import telling_keys
from konversi.outbox.tables import events

if TYPE_CHECKING:
    from sqlalchemy import Connection

_AT_ONCE = 2_000  # events, whose bodies are read


def keys(connection: Connection) -> Found | None:
    """The events above the mark."""
    stretch = next_stretch(connection, events, "keys", _AT_ONCE)
    if stretch is None:
        return None
    before, after = stretch
    wanted = select(
        events.c.accepted_at, events.c.dataset, events.c.event_name, events.c.event_time, events.c.body
    ).where(events.c.id > before.upto, events.c.id <= after.upto)
    carried: Counter[tuple[int, str, str, str, str]] = Counter()
    late: Counter[tuple[int, str, str, int]] = Counter()
    for accepted_at, dataset, name, event_time, body in connection.execute(wanted):
        day = int(accepted_at // DAY) * DAY
        event = orjson.loads(body)
        known = ",".join(telling_keys(event.get("user_data", {})))
        carried[day, dataset, name, event.get("action_source", ""), known] += 1
        late[day, dataset, name, bucket_of(accepted_at - event_time)] += 1
    return Found(
        before,
        after,
        [
            (keysets, {place: (number,) for place, number in carried.items()}),
            (delays, {place: (number,) for place, number in late.items()}),
        ],
    )
