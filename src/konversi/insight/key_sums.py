"""Sums of the match keys that events carry, by the day, and of how late they came here.

Events are summed by the whole set of their keys, not key by key: how much a missing one is worth depends on which
others are there, and a day has few different sets. What a set is worth is worked out when it is looked at.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, select

from konversi.database.json_text import names_in, value_at
from konversi.insight.tables import DAY, delays, keysets
from konversi.insight.waits import bucket_of
from konversi.insight.walking import Found, next_stretch
from konversi.matching.strength import shape_of, told_by
from konversi.outbox.lanes import Lane
from konversi.outbox.tables import events, queue

if TYPE_CHECKING:
    from sqlalchemy import Connection

_AT_ONCE = 5_000  # events

# Of events that were kept before their keys were written down beside the body.
_OF_BEFORE = events.c.match_keys.is_(None)
_NAMES = case((_OF_BEFORE, names_in(events.c.body, "user_data")))
_PHONE_IS_THE_ID = case(
    (
        _OF_BEFORE,
        and_(
            value_at(events.c.body, "user_data", "external_id", 0) == value_at(events.c.body, "user_data", "ph", 0),
            value_at(events.c.body, "user_data", "external_id", 1).is_(None),
        ),
    )
)


def keys(connection: Connection) -> Found | None:
    """The events above the mark."""
    stretch = next_stretch(connection, events, "keys", _AT_ONCE)
    if stretch is None:
        return None
    before, after, more = stretch
    # Each row that comes to Python takes its lock from whoever accepts events meanwhile: those that came in one commit
    # have the same moment, and mostly the same keys.
    place = (
        events.c.accepted_at, events.c.event_time, events.c.dataset, events.c.event_name, queue.c.lane,
        events.c.match_keys, _NAMES.label("names"), _PHONE_IS_THE_ID.label("phone_is_the_id"),
    )  # fmt: skip
    above = (events.c.id > before.upto) & (events.c.id <= after.upto)
    asked = select(*place, func.count()).join_from(events, queue, events.c.id == queue.c.id).where(above)
    carried: Counter[tuple[int, str, str, str, str]] = Counter()
    late: Counter[tuple[int, str, str, int]] = Counter()
    for row in connection.execute(asked.group_by(*place)):
        accepted_at, event_time, dataset, name, lane, told, names, same, number = row
        day = int(accepted_at // DAY) * DAY
        if told is None:
            told = told_by(shape_of((names or "").split(","), phone_is_the_id=bool(same)))
        carried[day, dataset, name, Lane.parse(lane).action_source, told] += number
        late[day, dataset, name, bucket_of(accepted_at - event_time)] += number
    return Found(
        before,
        after,
        [
            (keysets, {place: (number,) for place, number in carried.items()}),
            (delays, {place: (number,) for place, number in late.items()}),
        ],
        more=more,
    )
