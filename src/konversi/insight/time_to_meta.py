"""How long single events took to Meta: from when they were accepted until the answer to the send that delivered them.

`waits.py` has the sums of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, cast, func, select

from konversi.outbox.states import State
from konversi.outbox.tables import attempts, events, queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

# `12,15,` holds the attempts in their order. What stands before the last comma is what is left of `12,15` where its
# digits are taken off its end: both databases can say it so.
_ALL = func.rtrim(queue.c.attempts, ",")
_BEFORE = func.rtrim(_ALL, func.replace(_ALL, ",", ""))
_LAST = cast(func.nullif(func.substr(_ALL, func.length(_BEFORE) + 1), ""), BigInteger)
# A query of its own for each row: always one look by the attempt's id, never a join along all attempts.
_ENDED = select(attempts.c.ended_at).where(attempts.c.id == _LAST).correlate(queue).scalar_subquery()
_took = _ENDED - events.c.accepted_at


def slower(seconds: float) -> list[ColumnElement[bool]]:
    """Of events beside their queue rows: those that are delivered, and took longer than so many seconds."""
    return [queue.c.state == State.DELIVERED.value, _took > seconds]


def seconds_of(connection: Connection, ids: Sequence[int]) -> dict[int, float]:
    """By event, of those that are delivered. For a page of them."""
    asked = select(queue.c.id, _took).join_from(events, queue, events.c.id == queue.c.id)
    found = asked.where(queue.c.id.in_(ids), queue.c.state == State.DELIVERED.value)
    return {event: max(0.0, float(took)) for event, took in connection.execute(found) if took is not None}
