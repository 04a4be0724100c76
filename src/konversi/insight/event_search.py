"""Events that match what somebody asks for, a page at a time, in bounded time however long the history is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from sqlalchemy import func, or_, select

from konversi.journeys.port import journey_of
from konversi.outbox.members import unpack
from konversi.outbox.port import event_of
from konversi.outbox.states import FINAL, State, Step, sources
from konversi.outbox.tables import RARE, attempts, events, queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

RARE_STATES = FINAL - {State.DELIVERED}
_WINDOW = 100_000  # ids that one page looks at where no index leads to its events
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
    window = max(floor, before - _WINDOW) if _scans(wanted) else floor
    conditions = [*_conditions(connection, wanted), queue.c.id < before, queue.c.id >= window]
    found = connection.execute(_ROWS.where(*conditions).order_by(queue.c.id.desc()).limit(limit + 1)).all()
    rows = [EventRow(*row)._replace(state=State(row.state)) for row in found[:limit]]
    if len(found) > limit:
        return Found(rows, rows[-1].id)
    if window <= max(floor, 1):
        return Found(rows, None)
    return Found(rows, window, _time_of(connection, window))


def rows_of(connection: Connection, ids: Sequence[int]) -> list[EventRow]:
    """These events, oldest first."""
    found: list[EventRow] = []
    for start in range(0, len(ids), _CHUNK):
        some = connection.execute(_ROWS.where(events.c.id.in_(ids[start : start + _CHUNK])).order_by(events.c.id))
        found += [EventRow(*row)._replace(state=State(row.state)) for row in some]
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


def _scans(wanted: Wanted) -> bool:
    """Whether no index leads to these events."""
    named = wanted.dataset or wanted.event or wanted.channel or wanted.reason
    filtered = named or wanted.in_doubt or wanted.state is not None
    rare = wanted.state in RARE_STATES or wanted.state in (State.WAITING, State.SENDING)
    return bool(filtered) and not rare and wanted.word is None


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
    if wanted.channel is not None:
        conditions.append(queue.c.lane.endswith(f"|{wanted.channel}", autoescape=True))
    if wanted.since is not None:
        conditions.append(events.c.accepted_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(events.c.accepted_at < wanted.until)
    if wanted.in_doubt:
        conditions.append(queue.c.in_doubt > 0)
    if wanted.word is not None:
        conditions.append(events.c.id.in_(_led_to(connection, wanted.word)))
    return conditions


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
    low, high = connection.execute(select(func.min(events.c.id), func.max(events.c.id))).one()
    if low is None:
        return 0
    while low < high:
        middle = (low + high) // 2
        accepted = _time_of(connection, middle)
        if accepted is not None and accepted < at:
            low = middle + 1
        else:
            high = middle
    return int(low)
