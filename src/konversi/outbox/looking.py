"""What a SQL store is asked: events, attempts, lanes, counts. Functions over a Core connection, for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from typing import cast as typed

from sqlalchemy import BigInteger, Double, cast, func, literal_column, null, select, union_all

from konversi.outbox.port import Attempt, Counts, Search, Stored
from konversi.outbox.states import FINAL, State, Step
from konversi.outbox.tables import RARE, WAITING, attempts, events, queue, totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Select

_CHUNK = 500  # ids in one IN list
_KINDS = ("sending", "step", "rare", "waiting")

_STORED = select(
    events.c.id, queue.c.lane, events.c.dataset, events.c.event_name, events.c.event_id, events.c.booking_id,
    events.c.event_time, events.c.accepted_at, events.c.deadline, queue.c.state, queue.c.due_at, queue.c.tries,
    queue.c.in_doubt, queue.c.reason, queue.c.attempts, events.c.notes, events.c.body, events.c.digest,
    events.c.journey, events.c.touch, events.c.given,
).join_from(events, queue, events.c.id == queue.c.id)  # fmt: skip


def find(connection: Connection, event: int) -> Stored | None:
    """One event as it stands."""
    row = connection.execute(_STORED.where(events.c.id == event)).one_or_none()
    return _stored(row._asdict()) if row else None


def search(connection: Connection, wanted: Search) -> list[Stored]:
    """Events, newest first."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(queue.c.state == wanted.state)
        if wanted.state in FINAL - {State.DELIVERED}:
            conditions.append(typed("ColumnElement[bool]", RARE))
    if wanted.dataset is not None:
        conditions.append(events.c.dataset == wanted.dataset)
    if wanted.event_id is not None:
        conditions.append(events.c.event_id == wanted.event_id)
    if wanted.booking_id is not None:
        conditions.append(events.c.booking_id == wanted.booking_id)
    if wanted.journey is not None:
        conditions.append(events.c.journey == wanted.journey)
    if wanted.before is not None:
        conditions.append(queue.c.id < wanted.before)
    rows = connection.execute(_STORED.where(*conditions).order_by(queue.c.id.desc()).limit(wanted.limit))
    return [_stored(row._asdict()) for row in rows]


def _stored(values: dict[str, Any]) -> Stored:
    values["state"] = State(values["state"])
    values["attempts"] = tuple(int(number) for number in values["attempts"].split(",") if number)
    values["body"] = values["body"].encode()
    return Stored(**values)


_ATTEMPT = select(*(attempts.c[name] for name in Attempt._fields))


def attempts_of(connection: Connection, ids: Sequence[int]) -> list[Attempt]:
    """Attempts by id, oldest first."""
    found: list[Attempt] = []
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        rows = connection.execute(
            _ATTEMPT.where(attempts.c.id.in_(ordered[start : start + _CHUNK])).order_by(attempts.c.id)
        )
        found.extend(Attempt(**row._asdict()) for row in rows)
    return found


def lanes(connection: Connection) -> list[tuple[str, float]]:
    """Each lane with waiting events and when its first is due: one index look-up a lane, however many events wait."""
    return [(lane, due_at) for lane, due_at in connection.execute(_lanes()) if due_at is not None]


def unfinished(connection: Connection) -> tuple[list[tuple[str, float]], int]:
    """`lanes`, and how many events are being sent: in one statement, so that none is missed on its way to and fro."""
    sending = select(null(), cast(func.coalesce(func.sum(attempts.c.events), 0), Double))
    rows = connection.execute(union_all(_lanes(), sending.where(attempts.c.ended_at.is_(None)))).all()
    waiting = [(lane, due_at) for lane, due_at in rows if lane is not None and due_at is not None]
    return waiting, sum(int(events) for lane, events in rows if lane is None)


def _lanes() -> Select[Any, Any]:
    named = select(func.min(queue.c.lane).label("lane")).where(WAITING).cte("named", recursive=True)
    following = select(func.min(queue.c.lane)).where(WAITING, queue.c.lane > named.c.lane).scalar_subquery()
    named = named.union_all(select(following).where(named.c.lane.is_not(None)))
    due = select(func.min(queue.c.due_at)).where(WAITING, queue.c.lane == named.c.lane).scalar_subquery()
    return select(named.c.lane, due).where(named.c.lane.is_not(None))


class Backlog(NamedTuple):
    """What waits or came to nothing: as many events as were accepted in hours or days."""

    by_lane: dict[str, int]  # that wait
    first: int | None  # the lowest id of those
    rare: dict[State, int]

    @property
    def number(self) -> int:
        """Of all of them."""
        return sum(self.by_lane.values()) + sum(self.rare.values())


_NONE = cast(null(), BigInteger)
# Each row says what it counts, under which name, how many, and the lowest id of those where that is asked.
_SENDING: Select[Any, Any, Any, Any] = select(
    literal_column("'sending'"), literal_column("''"), func.sum(attempts.c.events), _NONE
).where(attempts.c.ended_at.is_(None))
_STEPS = select(literal_column("'step'"), totals.c.step, func.sum(totals.c.events), _NONE).group_by(totals.c.step)
_IN_TROUBLE = select(literal_column("'rare'"), queue.c.state, func.count(), _NONE).where(RARE).group_by(queue.c.state)
_FIRST = func.min(queue.c.id + 0)  # + 0: in the index, not along the whole history
_BACKLOG = select(literal_column("'waiting'"), queue.c.lane, func.count(), _FIRST).where(WAITING).group_by(queue.c.lane)


def counts(connection: Connection, known: Backlog | None = None) -> tuple[Counts, Backlog]:
    """How many events stand where, and what waits or came to nothing: counted, unless it is `known`.

    In one statement, so that an event on its way from one state to the next is in one of them. Delivered ones are
    counted by their running total, not by visiting them.
    """
    found = connection.execute(union_all(_SENDING, _STEPS, *((_IN_TROUBLE, _BACKLOG) if known is None else ()))).all()
    number = {kind: {row[1]: int(row[2] or 0) for row in found if row[0] == kind} for kind in _KINDS}
    waiting = known or Backlog(
        number["waiting"],
        min((row[3] for row in found if row[0] == "waiting"), default=None),
        {State(state): events for state, events in number["rare"].items()},
    )
    running = number["step"]
    states = {
        **dict.fromkeys(State, 0),
        **waiting.rare,
        State.WAITING: sum(waiting.by_lane.values()),
        State.SENDING: number["sending"][""],
        State.DELIVERED: running.get(Step.DELIVER.value, 0),
    }
    oldest = connection.execute(select(events.c.accepted_at).where(events.c.id == waiting.first)).scalar()
    return Counts(states, running, oldest, waiting.by_lane), waiting
