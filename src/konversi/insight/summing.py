"""The hourly sums of events: what was accepted and delivered.

Accepted events follow their ids, delivered ones the attempts that ended: a delivery is final, however late it comes,
and counts for the hour in which its event was accepted. The conversations of both are stirred.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from konversi.insight.sealed_ids import complete_upto
from konversi.insight.tables import HOUR, hourly_totals, parts, waits
from konversi.insight.waits import bucket_of
from konversi.insight.walking import Found, grouped, mark_of, next_stretch
from konversi.journeys.statements import stir
from konversi.meta.answers import Kind
from konversi.outbox.lanes import Lane
from konversi.outbox.members import pack, unpack
from konversi.outbox.tables import attempts, events, queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from konversi.insight.walking import Sums

_EVENTS_AT_ONCE = 5_000
_ATTEMPTS_AT_ONCE = 500
_CHUNK = 500  # ids in one IN list


class _Place(NamedTuple):
    """Which sum an event belongs to."""

    accepted_at: float
    dataset: str
    event_name: str
    lane: str
    journey: int | None

    @property
    def sum(self) -> tuple[int, str, str, str]:
        """The sum's key: hour, dataset, event and channel."""
        hour = int(self.accepted_at // HOUR) * HOUR
        return hour, self.dataset, self.event_name, Lane.parse(self.lane).action_source


def accepted(connection: Connection) -> Found | None:
    """The events above the mark."""
    stretch = next_stretch(connection, events, "events", _EVENTS_AT_ONCE)
    if stretch is None:
        return None
    before, after, more = stretch
    came: Counter[tuple[int, str, str, str]] = Counter()
    journeys: set[int | None] = set()
    for place, number in _places(connection, (events.c.id > before.upto) & (events.c.id <= after.upto)):
        came[place.sum] += number
        journeys.add(place.journey)
    return Found(before, after, [*_sums(came, Counter(), Counter())], partial(stir, journeys=journeys), more)


def delivered(connection: Connection) -> Found | None:
    """The attempts that ended above the mark or were open below it, or nothing where none did."""
    mark = mark_of(connection, "attempts")
    top = complete_upto(connection, attempts)
    if top is None:
        return None
    of = (attempts.c.id, attempts.c.ended_at, attempts.c.verdict, attempts.c.members, attempts.c.events)
    asked = select(*of).order_by(attempts.c.id)
    was_open = unpack(mark.open)
    rows = [*connection.execute(asked.where(attempts.c.id.in_(was_open)))] if was_open else []
    new = connection.execute(
        asked.where(attempts.c.id > mark.upto, attempts.c.id <= top).limit(_ATTEMPTS_AT_ONCE)
    ).all()
    taken = max(1, sum(so_far < _EVENTS_AT_ONCE for so_far in accumulate(row.events for row in new)))
    whole = len(new) < _ATTEMPTS_AT_ONCE and taken >= len(new)
    new = new[:taken]
    rows += new
    upto = max(top, mark.upto) if whole else new[-1].id
    after = mark._replace(upto=upto, open=pack(row.id for row in rows if row.ended_at is None))
    if after == mark:
        return None
    went: Counter[tuple[int, str, str, str]] = Counter()
    took: Counter[tuple[int, int]] = Counter()
    journeys: set[int | None] = set()
    for row in rows:
        if row.verdict == Kind.DELIVERED.value:
            for place, number in _members(connection, unpack(row.members)):
                went[place.sum] += number
                took[place.sum[0], bucket_of(row.ended_at - place.accepted_at)] += number
                journeys.add(place.journey)
    return Found(mark, after, [*_sums(Counter(), went, took)], partial(stir, journeys=journeys), not whole)


def _members(connection: Connection, ids: Sequence[int]) -> Iterable[tuple[_Place, int]]:
    if ids and ids[-1] - ids[0] == len(ids) - 1:
        yield from _places(connection, events.c.id.between(ids[0], ids[-1]))
        return
    for start in range(0, len(ids), _CHUNK):
        yield from _places(connection, events.c.id.in_(ids[start : start + _CHUNK]))


def _places(connection: Connection, condition: ColumnElement[bool]) -> list[tuple[_Place, int]]:
    """How many events belong where. The database counts them: events of one commit were accepted at the same moment.

    Each row that comes to Python takes its lock from whoever accepts events meanwhile.
    """
    place = (events.c.accepted_at, events.c.dataset, events.c.event_name, queue.c.lane, events.c.journey)
    asked = select(*place, func.count()).join_from(events, queue, events.c.id == queue.c.id).where(condition)
    return [(_Place(*row[:-1]), row[-1]) for row in connection.execute(asked.group_by(*place))]


def _sums(
    came: Counter[tuple[int, str, str, str]], went: Counter[tuple[int, str, str, str]], took: Counter[tuple[int, int]]
) -> Iterator[tuple[Table, Sums]]:
    """What is added to each table, of numbers by hour, dataset, event and channel, and of waits by hour and bucket."""
    both = sorted({*came, *went})
    numbers = {place: (came[place], went[place]) for place in both}
    yield hourly_totals, grouped(((hour,), more) for (hour, *_), more in numbers.items())
    for every, table in parts.items():
        yield table, grouped(((hour // every * every, *names), more) for (hour, *names), more in numbers.items())
    for every, table in waits.items():
        yield table, grouped(((hour // every * every, bucket), (n,)) for (hour, bucket), n in took.items())
