"""What waits for a person, by its cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from konversi.outbox.states import NEEDS_ATTENTION, State
from konversi.outbox.tables import RARE, events, queue

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MOST = 20_000  # of the newest events: causes older than those have had their time
_MOST_CAUSES = 100


class Cause(NamedTuple):
    """Events of one dataset that ended for one reason."""

    state: State
    reason: str
    dataset: str
    events: int
    oldest: float  # Unix seconds of acceptance
    newest: int  # the id of one


def causes(connection: Connection) -> list[Cause]:
    """The causes, that of the most events first."""
    states = sorted(state.value for state in NEEDS_ATTENTION)
    newest = (
        select(queue.c.id, queue.c.state, queue.c.reason)
        .where(RARE, queue.c.state.in_(states))
        .order_by(queue.c.id.desc())
        .limit(_MOST)
    ).subquery()
    grouped = (
        select(
            newest.c.state,
            newest.c.reason,
            events.c.dataset,
            func.count().label("number"),
            func.min(events.c.accepted_at),
            func.max(events.c.id),
        )
        .join_from(newest, events, newest.c.id == events.c.id)
        .group_by(newest.c.state, newest.c.reason, events.c.dataset)
        .order_by(func.count().desc())
        .limit(_MOST_CAUSES)
    )
    return [Cause(State(row[0]), *row[1:]) for row in connection.execute(grouped)]
