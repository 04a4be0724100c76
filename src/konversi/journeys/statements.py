"""What the journeys' store does apart from its hot path: functions over a Core connection, for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, insert, or_, select, update

from konversi.journeys.port import SPOKEN_OF, Journey, Past, Search
from konversi.journeys.tables import (
    automatic,
    journey_keys,
    journeys,
    messages,
    stirred,
    told,
    tool_uses,
    touches,
    turns,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

_JOURNEY = select(*(journeys.c[name] for name in Journey._fields))
_UNFINISHED = frozenset({"pending", "error", "retried", "unknown"})  # outcomes of a call that may yet be tried again
_MOST_SHOWN = 500  # entries of one kind on a timeline


def is_empty(connection: Connection) -> bool:
    """Whether no conversation is known at all."""
    return not connection.execute(select(exists(select(journeys.c.id)))).scalar_one()


def find(connection: Connection, journey: int) -> Journey | None:
    """One conversation."""
    row = connection.execute(_JOURNEY.where(journeys.c.id == journey)).one_or_none()
    return Journey(*row) if row else None


def search(connection: Connection, wanted: Search) -> list[Journey]:
    """Conversations, newest first."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.channel is not None:
        conditions.append(journeys.c.channel == wanted.channel)
    if wanted.ad_id is not None:
        conditions.append(journeys.c.id.in_(select(touches.c.journey).where(touches.c.ad_id == wanted.ad_id)))
    if wanted.before is not None:
        conditions.append(journeys.c.id < wanted.before)
    rows = connection.execute(_JOURNEY.where(*conditions).order_by(journeys.c.id.desc()).limit(wanted.limit))
    return [Journey(*row) for row in rows]


def clicks_of(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """The last ad of each conversation that one opened."""
    rows = connection.execute(
        select(touches.c.journey, touches.c.ad_id)
        .where(touches.c.journey.in_(ids), touches.c.ad_id.is_not(None))
        .order_by(touches.c.at, touches.c.id)
    )
    return {row[0]: row[1] for row in rows}


def past(connection: Connection, journey: int) -> Past:
    """What happened in a conversation, apart from its events."""
    return Past(*(_rows(connection, table, journey) for table in (touches, tool_uses, turns, automatic)))


def _rows(connection: Connection, table: Any, journey: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(table).where(table.c.journey == journey).order_by(table.c.id.desc()).limit(_MOST_SHOWN)
    )
    return [dict(row) for row in reversed(rows.mappings().all())]


def name(connection: Connection, journey: int, key: bytes) -> None:
    """Let a conversation be found by one key more."""
    known = select(journey_keys.c.key).where(journey_keys.c.key == key, journey_keys.c.journey == journey)
    if connection.execute(known).first() is None:
        connection.execute(insert(journey_keys).values(key=key, journey=journey))


def note_uses(connection: Connection, uses: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Keep tool calls, each once; one that did not end yet, or failed, takes the outcome of a later try.

    Returns which were new.
    """
    given = [use["key"] for use in uses if use["key"] is not None]
    rows = connection.execute(select(tool_uses.c.key, tool_uses.c.outcome).where(tool_uses.c.key.in_(given)))
    known = {row[0]: row[1] for row in rows} if given else {}
    new: dict[Any, Mapping[str, Any]] = {}
    are_new = [False] * len(uses)
    for number, use in enumerate(uses):
        key = use["key"]
        if key in new and new[key]["outcome"] not in _UNFINISHED:
            continue
        if key not in known:
            are_new[number] = key not in new
            new[number if key is None else key] = use
        elif known[key] in _UNFINISHED:
            before = connection.execute(select(tool_uses).where(tool_uses.c.key == key)).mappings().one()
            connection.execute(update(tool_uses).where(tool_uses.c.key == key).values(use))
            _tell(connection, [dict(before)], number=-1)
            _tell(connection, [use])
            known[key] = use["outcome"]
    if new:
        connection.execute(insert(tool_uses), list(new.values()))
        _tell(connection, list(new.values()))
    stir(connection, {use["journey"] for use in uses})
    return are_new


def _tell(connection: Connection, uses: Sequence[Mapping[str, Any]], number: int = 1) -> None:
    """Let the sums know of tool calls."""
    said = ("at", "tool", "outcome", "error_kind", "seconds")
    connection.execute(insert(told), [{**{name: use[name] for name in said}, "number": number} for use in uses])


def stir(connection: Connection, journeys: Iterable[int | None]) -> None:
    """Let the standing of these conversations be looked at again."""
    rows = [{"journey": journey} for journey in sorted({one for one in journeys if one is not None})]
    if rows:
        connection.execute(insert(stirred), rows)


def note_turn(connection: Connection, turn: Mapping[str, Any]) -> None:
    """Keep one answer of the agent, once where it has a key."""
    if turn["key"] is not None and connection.execute(select(turns.c.id).where(turns.c.key == turn["key"])).first():
        return
    outcome = "booked" if turn["booked"] else "unfounded" if _is_unfounded(connection, turn) else "answered"
    connection.execute(insert(turns).values(turn))
    connection.execute(insert(told).values(at=turn["at"], tool="", outcome=outcome, number=1))
    stir(connection, [turn["journey"]])


def _is_unfounded(connection: Connection, turn: Mapping[str, Any]) -> bool:
    """Whether it says that something was booked, and nothing was, neither in it nor lately."""
    lately = (turn["at"] - SPOKEN_OF, turn["at"])
    return turn["claimed"] and not booked_within(connection, turn["conversation"], turn["journey"], *lately)


def booked_within(
    connection: Connection, conversation: bytes | None, journey: int | None, after: float, until: float
) -> bool:
    """Whether a turn of this conversation or journey booked between these Unix seconds."""
    chats = [
        column == value
        for column, value in ((turns.c.conversation, conversation), (turns.c.journey, journey))
        if value is not None
    ]
    if not chats:
        return False
    booked = select(turns.c.id).where(turns.c.at.between(after, until), turns.c.booked, or_(*chats)).limit(1)
    return connection.execute(booked).first() is not None


def came_at(connection: Connection, message: bytes) -> float | None:
    """When a message came first (Unix seconds)."""
    at = connection.execute(select(messages.c.at).where(messages.c.key == message)).scalar()
    return None if at is None else float(at)


def forget_messages(connection: Connection, before: float, limit: int) -> int:
    """Forget which messages came before then, up to so many."""
    old = select(messages.c.key).where(messages.c.at < before).limit(limit)
    return connection.execute(delete(messages).where(messages.c.key.in_(old))).rowcount


def forget_agents_work(connection: Connection, before: float, limit: int) -> int:
    """Forget tool calls, turns and what Meta saw from before then, up to so many of each."""
    gone = 0
    for table in (tool_uses, turns, automatic):
        old = select(table.c.id).where(table.c.at < before).limit(limit)
        gone += connection.execute(delete(table).where(table.c.id.in_(old))).rowcount
    return gone


def long_silent(connection: Connection, before: float, limit: int) -> Sequence[int]:
    """Conversations without a message since then, the oldest first."""
    return (
        connection.execute(
            select(journeys.c.id).where(journeys.c.last_at < before).order_by(journeys.c.id).limit(limit)
        )
        .scalars()
        .all()
    )


def keep(connection: Connection, journey: int) -> bool:
    """Let nobody forget a conversation until this is over: whether it is there."""
    kept = select(journeys.c.id).where(journeys.c.id == journey).with_for_update(read=True, key_share=True)
    return connection.execute(kept).first() is not None


def hold_journeys(connection: Connection, ids: Sequence[int]) -> None:
    """Wait for whoever writes in these conversations now, and let nobody write in them until this is over."""
    connection.execute(select(journeys.c.id).where(journeys.c.id.in_(ids)).order_by(journeys.c.id).with_for_update())


def forget_journeys(connection: Connection, ids: Sequence[int], before: float) -> int:
    """Forget these conversations with all that belongs to them, unless somebody wrote meanwhile."""
    silent = select(journeys.c.id).where(journeys.c.id.in_(ids), journeys.c.last_at < before).order_by(journeys.c.id)
    gone = connection.execute(silent.with_for_update()).scalars().all()  # who writes there now is waited for
    for table in (journey_keys, touches, automatic, tool_uses, turns):
        connection.execute(delete(table).where(table.c.journey.in_(gone)))
    connection.execute(delete(journeys).where(journeys.c.id.in_(gone)))
    stir(connection, gone)
    return len(gone)
