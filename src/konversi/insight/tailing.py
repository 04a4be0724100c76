"""What happened to events since the last look: which were accepted, and which attempts ended how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from konversi.insight.describe import event, moment
from konversi.insight.event_search import rows_of
from konversi.insight.sealed_ids import complete_upto
from konversi.outbox.members import unpack
from konversi.outbox.tables import attempts, events

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MOST_EVENTS, _MOST_ATTEMPTS = 200, 200  # of one look: more than anybody reads
_MOST_OPEN = 500


class Mark(NamedTuple):
    """Up to where everything was looked at."""

    event: int
    attempt: int
    open: tuple[int, ...]  # attempts up to there that had not ended


class Seen(NamedTuple):
    """What is new, in the order in which it happened, and how many more there were that are not told of."""

    mark: Mark
    changes: list[dict[str, Any]]
    missed: int = 0


def start(connection: Connection) -> Mark:
    """From now on."""
    newest = [int(connection.execute(select(func.max(table.c.id))).scalar() or 0) for table in (events, attempts)]
    open_ones = select(attempts.c.id).where(attempts.c.ended_at.is_(None)).order_by(attempts.c.id).limit(_MOST_OPEN)
    return Mark(newest[0], newest[1], tuple(connection.execute(open_ones).scalars()))


def look(mark: Mark, connection: Connection) -> Seen:
    """What is new since."""
    top = complete_upto(connection, events)
    last = complete_upto(connection, attempts)
    if top is None or last is None:
        return Seen(mark, [])  # somebody writes for long: at the next look
    first = max(mark.event, top - _MOST_EVENTS)
    of = (attempts.c.id, attempts.c.ended_at, attempts.c.verdict, attempts.c.members, attempts.c.reason)
    asked = select(*of).order_by(attempts.c.id)
    ended = [*connection.execute(asked.where(attempts.c.id.in_(mark.open)))] if mark.open else []
    since = max(mark.attempt, last - _MOST_ATTEMPTS)
    ended += connection.execute(asked.where(attempts.c.id > since, attempts.c.id <= last)).all()
    still_open = tuple(row.id for row in ended if row.ended_at is None)[-_MOST_OPEN:]
    fates = [(row, unpack(row.members)) for row in ended if row.ended_at is not None]
    told = [(row, number) for row, members in fates for number in members]
    wanted = {number for _, number in told[-_MOST_EVENTS:]}
    by_id = {row.id: row for row in rows_of(connection, sorted({*range(first + 1, top + 1), *wanted}))}
    changes = [_change("accepted", row.accepted_at, row) for number, row in by_id.items() if number > mark.event]
    changes += [
        _change(row.verdict or "ended", row.ended_at, by_id[number])
        for row, number in told[-_MOST_EVENTS:]
        if number in by_id
    ]
    missed = (first - mark.event) + (since - mark.attempt) + max(0, len(told) - _MOST_EVENTS)
    return Seen(Mark(top, last, still_open), sorted(changes, key=lambda one: one["at"]), missed)


def _change(what: str, at: float, row: Any) -> dict[str, Any]:
    return {"what": what, "at": moment(at), **event(row)}
