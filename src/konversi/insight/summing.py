"""Keeps the hourly sums: what was accepted and delivered since the last look is added, each event once.

Accepted events follow their ids, delivered ones the attempts that ended: a delivery is final, however late it comes,
and counts for the hour in which its event was accepted. What was found is written together with the mark it was found
from, and only if that mark still stands, so that any number of processes may do this at a time, and be killed at any
moment.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import accumulate
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert, select, text, update

from konversi.insight.sealed_ids import complete_upto
from konversi.insight.tables import HOUR, hourly_totals, parts, summed, waits
from konversi.insight.waits import bucket_of
from konversi.meta.answers import Kind
from konversi.outbox.lanes import Lane
from konversi.outbox.members import pack, unpack
from konversi.outbox.tables import attempts, events, queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from konversi.database.port import Database

_EVENTS_AT_ONCE = 5_000
_ATTEMPTS_AT_ONCE = 500
_CHUNK = 500  # ids in one IN list


class _Mark(NamedTuple):
    history: str
    upto: int
    open: str


class _Place(NamedTuple):
    """Which sum an event belongs to."""

    accepted_at: float
    dataset: str
    event_name: str
    lane: str

    @property
    def sum(self) -> tuple[int, str, str, str]:
        """The sum's key: hour, dataset, event and channel."""
        hour = int(self.accepted_at // HOUR) * HOUR
        return hour, self.dataset, self.event_name, Lane.parse(self.lane).action_source


class _Found(NamedTuple):
    """What a look at a history found, from one mark to another."""

    before: _Mark
    after: _Mark
    accepted: Counter[tuple[int, str, str, str]]  # by hour, dataset, event and channel
    delivered: Counter[tuple[int, str, str, str]]
    waits: Counter[tuple[int, int]]  # by hour and bucket


class Sums:
    """The hourly sums of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def follow(self, looks: int = 1) -> bool:
        """Add what is new, in so many looks at each history; whether there may be more."""
        more = False
        for look in (_accepted, _delivered):
            for _ in range(looks):
                found = await self._database.read(look)
                if found is None:
                    break
                await self._database.write(partial(_keep, found))
            else:
                more = True
        return more


def _mark(connection: Connection, history: str) -> _Mark:
    row = connection.execute(select(summed).where(summed.c.history == history)).one_or_none()
    return _Mark(*row) if row else _Mark(history, 0, "")


def _accepted(connection: Connection) -> _Found | None:
    """The events above the mark, or nothing where there are none."""
    mark = _mark(connection, "events")
    top = complete_upto(connection, events)
    if top is None or top <= mark.upto:
        return None
    last = select(events.c.id).where(events.c.id > mark.upto, events.c.id <= top).order_by(events.c.id)
    upto = connection.execute(last.offset(_EVENTS_AT_ONCE - 1).limit(1)).scalar() or top
    rows = _places(connection, (events.c.id > mark.upto) & (events.c.id <= upto))
    return _Found(mark, mark._replace(upto=upto), Counter(row.sum for row in rows), Counter(), Counter())


def _delivered(connection: Connection) -> _Found | None:
    """The attempts that ended above the mark or were open below it, or nothing where none did."""
    mark = _mark(connection, "attempts")
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
    found = _Found(mark, after, Counter(), Counter(), Counter())
    for row in rows:
        if row.verdict == Kind.DELIVERED.value:
            for place in _members(connection, unpack(row.members)):
                found.delivered[place.sum] += 1
                found.waits[place.sum[0], bucket_of(row.ended_at - place.accepted_at)] += 1
    return found


def _members(connection: Connection, ids: Sequence[int]) -> Iterable[_Place]:
    if ids and ids[-1] - ids[0] == len(ids) - 1:
        yield from _places(connection, events.c.id.between(ids[0], ids[-1]))
        return
    for start in range(0, len(ids), _CHUNK):
        yield from _places(connection, events.c.id.in_(ids[start : start + _CHUNK]))


def _places(connection: Connection, condition: ColumnElement[bool]) -> list[_Place]:
    asked = select(events.c.accepted_at, events.c.dataset, events.c.event_name, queue.c.lane)
    rows = connection.execute(asked.join_from(events, queue, events.c.id == queue.c.id).where(condition))
    return [_Place(*row) for row in rows]


def _keep(found: _Found, connection: Connection) -> bool:
    """Add what was found, unless somebody else did since."""
    mine = [summed.c[name] == value for name, value in found.before._asdict().items()]
    if connection.execute(update(summed).where(*mine).values(found.after._asdict())).rowcount == 0:
        history = summed.c.history == found.before.history
        if connection.execute(select(summed.c.history).where(history)).first() is not None:
            return False
        connection.execute(insert(summed).values(found.after._asdict()))
    for table, rows in _rows(found):
        _add(connection, table, rows)
    return True


def _rows(found: _Found) -> Iterator[tuple[Table, dict[tuple[Any, ...], tuple[int, ...]]]]:
    """What is added to each table: key to numbers."""
    both = sorted({*found.accepted, *found.delivered})
    numbers = {place: (found.accepted[place], found.delivered[place]) for place in both}
    yield hourly_totals, _grouped(((hour,), more) for (hour, *_), more in numbers.items())
    for every, table in parts.items():
        yield table, _grouped(((hour // every * every, *names), more) for (hour, *names), more in numbers.items())
    for every, table in waits.items():
        yield table, _grouped(((hour // every * every, bucket), (n,)) for (hour, bucket), n in found.waits.items())


def _grouped(rows: Iterable[tuple[tuple[Any, ...], tuple[int, ...]]]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    sums: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for place, numbers in rows:
        sums[place] = tuple(map(add, sums[place], numbers)) if place in sums else numbers
    return sums


def _add(connection: Connection, table: Table, rows: dict[tuple[Any, ...], tuple[int, ...]]) -> None:
    if not rows:
        return
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    added = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names if name not in keys)
    statement = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608 - ours
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}"
    )
    values = [dict(zip(names, (*place, *numbers), strict=True)) for place, numbers in sorted(rows.items())]
    connection.execute(text(statement), values)
