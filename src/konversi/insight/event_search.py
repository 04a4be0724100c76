"""Events that match what somebody asks for, a page at a time, in bounded time however long the history is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sqlalchemy import func, or_, select

from konversi.insight.time_to_meta import slower
from konversi.journeys.port import journey_of
from konversi.outbox.members import unpack
from konversi.outbox.port import event_of
from konversi.outbox.states import FINAL, State, Step, sources
from konversi.outbox.tables import RARE, WAITING, attempts, events, queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

RARE_STATES = FINAL - {State.DELIVERED}
_LED_TO = RARE_STATES | {State.WAITING, State.SENDING}
_NEAR, _WINDOW, _ALL = 20_000, 100_000, 1 << 62
_MOST_OPEN = 1_000  # attempts
_SLACK = 60.0  # seconds by which the order of ids can differ from that of time
_CHUNK = 500  # ids in one IN list
_MOST_FOUND = 2_000  # events that one search word leads to


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events. `word` is an event id, a booking id, a receipt, a journey or Meta's fbtrace id, in full."""

    state: State | None = None
    dataset: str | None = None
    event: str | None = None
    channel: str | None = None
    reason: str | None = None
    word: str | None = None
    since: float | None = None  # Unix seconds of acceptance
    until: float | None = None
    in_doubt: bool = False  # of which a send ended without an answer
    slower: float | None = None  # seconds: those that are delivered, and took longer to Meta


class EventRow(NamedTuple):
    """An event in a table."""

    id: int
    dataset: str
    event_name: str
    event_id: str
    booking_id: str | None
    event_time: int
    accepted_at: float
    deadline: int
    journey: int | None
    lane: str
    state: State
    due_at: float
    tries: int
    in_doubt: int
    reason: str


class Found(NamedTuple):
    """A page of events, newest first. `next` is the cursor of what follows; `upto` how far this page looked back."""

    rows: Sequence[EventRow]
    next: int | None
    upto: float | None = None  # Unix seconds, where it looked no further


_COLUMNS = tuple((events if name in events.c else queue).c[name] for name in EventRow._fields)
_ROWS = select(*_COLUMNS).join_from(events, queue, events.c.id == queue.c.id)


def search(connection: Connection, wanted: Wanted, before: int | None, limit: int) -> Found:
    """The page of at most `limit` events with ids below `before`."""
    if before is None:
        before = int(connection.execute(select(func.max(events.c.id))).scalar() or 0) + 1
    floor = _first_id(connection, wanted.since - _SLACK) if wanted.since is not None else 0
    if wanted.word is not None:
        return _newest(connection, wanted, before, (floor, floor), limit)
    asks_more = _asks_more(wanted)
    if wanted.state is State.WAITING and not asks_more:  # mostly the newest: their index has another order
        near = _newest(connection, wanted, before, (max(floor, before - _NEAR), floor), limit)
        if len(near.rows) == limit:
            return near
    if wanted.state in _LED_TO and not (wanted.state is State.WAITING and asks_more):
        return _led(connection, wanted, before, floor, limit)
    return _newest(connection, wanted, before, (max(floor, before - _window(wanted)), floor), limit)


def _newest(connection: Connection, wanted: Wanted, before: int, down_to: tuple[int, int], limit: int) -> Found:
    """Along the ids, down to the first of the two; at the second there are no more."""
    window, floor = down_to
    conditions = [*_conditions(connection, wanted), queue.c.id < before, queue.c.id >= window]
    found = connection.execute(_ROWS.where(*conditions).order_by(queue.c.id.desc()).limit(limit + 1)).all()
    if len(found) > limit:
        return Found(_rows(found[:limit]), found[limit - 1].id)
    if window <= max(floor, 1):
        return Found(_rows(found), None)
    return Found(_rows(found), window, _time_of(connection, window))


def _led(connection: Connection, wanted: Wanted, before: int, floor: int, limit: int) -> Found:
    """Along the index of a state: of its newest events, those that are asked for."""
    number = _NEAR if _asks_more(wanted) else limit + 1
    place = queue.c.id + 0 if wanted.state is State.WAITING else queue.c.id  # + 0: not along the ids
    of = select(queue.c.id).where(*_in_state(connection, wanted.state), place < before, place >= floor)
    led = of.order_by(place.desc()).limit(number)
    asked = [queue.c.id.in_(select(led.subquery().c.id)), *_conditions(connection, wanted)]
    found = connection.execute(_ROWS.where(*asked).order_by(queue.c.id.desc()).limit(limit + 1)).all()
    if len(found) > limit:
        return Found(_rows(found[:limit]), found[limit - 1].id)
    last = connection.execute(led.offset(number - 1).limit(1)).scalar()
    return Found(_rows(found), last, None if last is None else _time_of(connection, last))


def _rows(found: Iterable[Any]) -> list[EventRow]:
    return [EventRow(*row)._replace(state=State(row.state)) for row in found]


def _in_state(connection: Connection, state: State | None) -> list[ColumnElement[bool]]:
    """As the state's index has it."""
    if state is State.WAITING:
        return [cast("ColumnElement[bool]", WAITING)]
    if state is State.SENDING:
        under_way = connection.execute(
            select(attempts.c.members).where(attempts.c.ended_at.is_(None)).limit(_MOST_OPEN)
        )
        ids = sorted({event for members in under_way.scalars() for event in unpack(members)}, reverse=True)
        return [queue.c.id.in_(ids[:_MOST_FOUND]), queue.c.state == State.SENDING.value]
    assert state is not None
    return [queue.c.state == state.value, cast("ColumnElement[bool]", RARE)]


def _asks_more(wanted: Wanted) -> bool:
    """Than for a state and a time."""
    named = wanted.dataset or wanted.event or wanted.channel or wanted.reason or wanted.until
    return bool(named) or wanted.in_doubt or wanted.slower is not None


def _window(wanted: Wanted) -> int:
    """How many ids a page looks at where no index leads to its events."""
    if not _asks_more(wanted) and wanted.state is None:
        return _ALL
    far = wanted.event is not None or wanted.slower is not None  # in the wide table, or in the attempts
    return _NEAR if far else _WINDOW


def rows_of(connection: Connection, ids: Sequence[int]) -> list[EventRow]:
    """These events, oldest first."""
    found: list[EventRow] = []
    for start in range(0, len(ids), _CHUNK):
        some = connection.execute(_ROWS.where(events.c.id.in_(ids[start : start + _CHUNK])).order_by(events.c.id))
        found += _rows(some)
    return found


def deciding(connection: Connection, wanted: Wanted, step: Step, most: int, after: int = 0) -> tuple[int, list[int]]:
    """How many of these events with ids above `after` can take the step, and the first so many of their ids."""
    states = [state for state in sources(step) if wanted.state in (None, state)]
    conditions = [*_conditions(connection, wanted), queue.c.state.in_([state.value for state in states])]
    if after:
        conditions.append(queue.c.id > after)
    if all(state in RARE_STATES for state in states):
        conditions.append(cast("ColumnElement[bool]", RARE))
    if wanted.since is not None:
        conditions.append(queue.c.id >= _first_id(connection, wanted.since - _SLACK))
    matching = select(queue.c.id).join_from(events, queue, events.c.id == queue.c.id).where(*conditions)
    number = int(connection.execute(select(func.count()).select_from(matching.subquery())).scalar_one())
    return number, list(connection.execute(matching.order_by(queue.c.id).limit(most)).scalars())


def _conditions(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(queue.c.state == wanted.state.value)
        if wanted.state in RARE_STATES:
            conditions.append(cast("ColumnElement[bool]", RARE))
    for column, value in (
        (events.c.dataset, wanted.dataset), (events.c.event_name, wanted.event), (queue.c.reason, wanted.reason),
    ):  # fmt: skip
        if value is not None:
            conditions.append(column == value)
    if wanted.dataset is not None:  # in the narrow table too
        conditions.append(queue.c.lane.startswith(f"{wanted.dataset}|", autoescape=True))
    if wanted.channel is not None:
        conditions.append(queue.c.lane.endswith(f"|{wanted.channel}", autoescape=True))
    conditions += _in_time(wanted)
    if wanted.in_doubt:
        conditions.append(queue.c.in_doubt > 0)
    if wanted.slower is not None:
        conditions += slower(wanted.slower)
    if wanted.word is not None:
        conditions.append(events.c.id.in_(_led_to(connection, wanted.word)))
    return conditions


def _in_time(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.since is not None:
        yield events.c.accepted_at >= wanted.since
    if wanted.until is not None:
        yield events.c.accepted_at < wanted.until


def _led_to(connection: Connection, word: str) -> list[int]:
    """The events that a word means."""
    if (event := event_of(word)) is not None:
        return [event]
    named = or_(events.c.event_id == word, events.c.booking_id == word)
    if (journey := journey_of(word)) is not None:
        named = events.c.journey == journey
    ids = set(connection.execute(select(events.c.id).where(named).limit(_MOST_FOUND)).scalars())
    traced = select(attempts.c.members).where(attempts.c.fbtrace_id == word).limit(2)
    for members in connection.execute(traced).scalars():
        ids.update(unpack(members))
    return sorted(ids)[:_MOST_FOUND]


def _time_of(connection: Connection, event: int) -> float | None:
    found = select(events.c.accepted_at).where(events.c.id >= event).order_by(events.c.id).limit(1)
    return connection.execute(found).scalar()


def _first_id(connection: Connection, at: float) -> int:
    """The first id accepted since then, by halving: ids follow time, so no index on the time is needed."""
    low = connection.execute(select(func.min(events.c.id))).scalar()  # one at a time: together they'd scan
    high = connection.execute(select(func.max(events.c.id))).scalar()
    if low is None or high is None:
        return 0
    while low < high:
        middle = (low + high) // 2
        accepted = _time_of(connection, middle)
        if accepted is not None and accepted < at:
            low = middle + 1
        else:
            high = middle
    return int(low)
