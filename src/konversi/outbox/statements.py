"""What a SQL store changes apart from its hot path: functions over a Core connection, the same for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sqlalchemy import and_, delete, func, insert, select, text, tuple_, update

from konversi.errors import NotFound
from konversi.outbox.lanes import TEST_PATTERN
from konversi.outbox.members import unpack
from konversi.outbox.port import Course, Settlement
from konversi.outbox.states import FINAL, State, Step, after, sources
from konversi.outbox.tables import RARE, WAITING, attempts, events, lane_courses, queue, totals

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Connection

_CHUNK = 500  # ids in one IN list

SLOT = "mod(pg_backend_pid(), 64)"  # of a total: no two connections mostly write the same row
_SLOT = text(f"({SLOT})")


class Key(NamedTuple):
    """A place in the order of the waiting events."""

    lane: str
    due_at: float
    id: int


def add_total(connection: Connection, step: str, number: int) -> None:
    """Count `number` events more under `step`."""
    if number == 0:
        return
    mine = _SLOT if connection.dialect.name == "postgresql" else text("0")
    changed = connection.execute(
        update(totals).where(totals.c.step == step, totals.c.slot == mine).values(events=totals.c.events + number)
    ).rowcount
    if changed == 0:
        connection.execute(insert(totals).values(step=step, slot=mine, events=number))


def under_way(connection: Connection, lane: str, now: float) -> int:
    """How many attempts of a lane hold a lease."""
    open_ones = select(func.count()).where(
        attempts.c.ended_at.is_(None), attempts.c.lane == lane, attempts.c.lease_until > now
    )
    return int(connection.execute(open_ones).scalar_one())


def courses(connection: Connection) -> list[Course]:
    """How the lanes are doing."""
    return [Course(*row) for row in connection.execute(select(*(lane_courses.c[name] for name in Course._fields)))]


def keep_course(connection: Connection, course: Course) -> None:
    """Write down how a lane is doing, unless something newer is known."""
    values = course._asdict()
    mine = lane_courses.c.lane == course.lane
    if connection.execute(select(lane_courses.c.lane).where(mine)).first() is None:
        connection.execute(insert(lane_courses).values(values))
    else:
        older = lane_courses.c.changed_at <= course.changed_at
        connection.execute(update(lane_courses).where(mine, older).values(values))


def end_attempt(connection: Connection, attempt: int, settlement: Settlement) -> bool:
    """Write down how an attempt ended. False where it had ended before (rescued): then its events are others' now."""
    return bool(
        connection.execute(
            update(attempts)
            .where(attempts.c.id == attempt, attempts.c.ended_at.is_(None))
            .values(
                ended_at=settlement.ended_at,
                verdict=settlement.verdict,
                reason=settlement.reason,
                http_status=settlement.http_status,
                code=settlement.code,
                subcode=settlement.subcode,
                fbtrace_id=settlement.fbtrace_id,
                events_received=settlement.events_received,
                answer=settlement.answer,
            )
        ).rowcount
    )


def extend(connection: Connection, attempt: int, lease_until: float) -> None:
    """Keep the lease of an open attempt."""
    connection.execute(
        update(attempts).where(attempts.c.id == attempt, attempts.c.ended_at.is_(None)).values(lease_until=lease_until)
    )


def move(connection: Connection, ids: Sequence[int], settlement: Settlement) -> int:
    """Move sending events on, as their attempt ended."""
    values: dict[str, Any] = {"state": after(State.SENDING, settlement.step).value, "reason": settlement.reason}
    if settlement.step in (Step.RETRY, Step.SPLIT):
        values["due_at"] = settlement.due_at
    if settlement.step is Step.SPLIT:
        values["batch_limit"] = settlement.batch_limit
    if settlement.in_doubt:
        values["in_doubt"] = queue.c.in_doubt + 1
    if not settlement.counts_as_try:
        values["tries"] = queue.c.tries - 1
    moved = 0
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        moved += connection.execute(
            update(queue).where(queue.c.id.in_(some), queue.c.state == State.SENDING.value).values(values)
        ).rowcount
    add_total(connection, settlement.step.value, moved)
    if settlement.in_doubt:
        add_total(connection, "in_doubt", moved)
    return moved


def rescue(connection: Connection, now: float, step_of: Callable[[str], Step], *, all_leases: bool) -> list[int]:
    """End abandoned attempts; their events are in doubt and take the step of their lane."""
    condition: ColumnElement[bool] = attempts.c.ended_at.is_(None)
    if not all_leases:
        condition = and_(condition, attempts.c.lease_until < now)
    # Locked, so that a lease that is extended at this moment is seen as such, and two rescuers share the work.
    open_ones = select(attempts.c.id, attempts.c.lane, attempts.c.members).where(condition)
    abandoned = connection.execute(open_ones.with_for_update(skip_locked=True)).all()
    rescued: list[int] = []
    for attempt, lane, members in abandoned:
        settlement = Settlement(
            step_of(lane),
            "abandoned",
            ended_at=now,
            due_at=now,
            in_doubt=True,
            reason="The process that sent it ended before Meta's answer came, so nobody knows whether Meta has it.",
        )
        ids = unpack(members)
        if end_attempt(connection, attempt, settlement):
            move(connection, ids, settlement)
            rescued.extend(ids)
    return rescued


def late(connection: Connection, now: float, after_this: Key | None, number: int) -> tuple[list[int], Key | None]:
    """Of the next `number` waiting events those whose deadline passed, and where to go on; nowhere after the last."""
    of = queue.c.lane, queue.c.due_at, queue.c.id
    following = select(*of, queue.c.deadline).where(WAITING).order_by(*of)
    if after_this is not None:
        following = following.where(tuple_(*of) > tuple_(*after_this))
    some = following.limit(number).subquery()
    ids = connection.execute(select(some.c.id).where(some.c.deadline <= now)).scalars().all()
    last = connection.execute(following.with_only_columns(*of).offset(number - 1).limit(1)).one_or_none()
    return list(ids), None if last is None else Key(*last)


def end_expired(connection: Connection, ids: Sequence[int]) -> int:
    """End these waiting events as expired."""
    return _transfer(connection, ids, Step.EXPIRE, "It grew older than Meta takes before it could be sent.")


def withhold(connection: Connection, event: int, reason: str) -> int:
    """Don't send this waiting event: the customer does not consent."""
    return _transfer(connection, [event], Step.WITHHOLD, reason)


def hold_tests(connection: Connection) -> int:
    """Hold waiting test events."""
    tests = connection.execute(select(queue.c.id).where(WAITING, queue.c.lane.like(TEST_PATTERN)))
    return _transfer(
        connection,
        tests.scalars().all(),
        Step.HOLD,
        "It was accepted in development as a test event, and Konversi now runs in production: "
        "replay it to send it as a real one, or discard it.",
    )


def _transfer(connection: Connection, ids: Sequence[int], step: Step, reason: str) -> int:
    target = after(State.WAITING, step).value
    moved = 0
    for start in range(0, len(ids), _CHUNK):
        moved += connection.execute(
            update(queue)
            .where(queue.c.id.in_(ids[start : start + _CHUNK]), queue.c.state == State.WAITING.value)
            .values(state=target, reason=reason)
        ).rowcount
    add_total(connection, step.value, moved)
    return moved


def change(connection: Connection, event: int, step: Step, *, now: float, reason: str, lane: str | None) -> State:
    """Replay or discard one event."""
    found = connection.execute(
        select(queue.c.state, queue.c.deadline).where(queue.c.id == event).with_for_update()
    ).one_or_none()
    if found is None:
        raise NotFound
    state = after(State(found.state), step)
    values: dict[str, Any] = {"state": state.value, "reason": reason}
    if step is Step.REPLAY:
        values |= {"due_at": now, "tries": 0}
        if lane is not None:
            values["lane"] = lane
    connection.execute(
        update(queue)
        .where(queue.c.id == event, queue.c.state.in_([source.value for source in sources(step)]))
        .values(values)
    )
    add_total(connection, step.value, 1)
    return state


def prune(connection: Connection, accepted_before: float, limit: int, failed_before: float) -> int:
    """Forget finished events accepted before then (ids follow time, so the oldest come first), and old attempts."""
    ids: list[int] = []
    for state in (State.DELIVERED, *sorted(FINAL - {State.DELIVERED, State.HELD})):
        before = accepted_before if state is State.DELIVERED else failed_before
        ids += _oldest(connection, state, before, limit - len(ids))
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        connection.execute(delete(queue).where(queue.c.id.in_(some)))
        connection.execute(delete(events).where(events.c.id.in_(some)))
    ended = (
        select(attempts.c.id, attempts.c.ended_at)
        .where(attempts.c.ended_at.is_not(None))
        .order_by(attempts.c.id)
        .limit(limit)
    ).subquery()
    before = min(accepted_before, failed_before)  # those of failed events say why
    gone = connection.execute(select(ended.c.id).where(ended.c.ended_at < before)).scalars().all()
    for start in range(0, len(gone), _CHUNK):
        connection.execute(delete(attempts).where(attempts.c.id.in_(gone[start : start + _CHUNK])))
    return len(ids)


def _oldest(connection: Connection, state: State, before: float, limit: int) -> Sequence[int]:
    """The oldest events in a state, of those accepted before then."""
    if limit <= 0:
        return ()
    rare = [] if state is State.DELIVERED else [cast("ColumnElement[bool]", RARE)]
    oldest = (
        select(events.c.id, events.c.accepted_at)
        .join_from(events, queue, events.c.id == queue.c.id)
        .where(queue.c.state == state.value, *rare)
        .order_by(queue.c.id)
        .limit(limit)
    ).subquery()
    return connection.execute(select(oldest.c.id).where(oldest.c.accepted_at < before)).scalars().all()
