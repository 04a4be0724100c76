"""What the rules look at, read from the database in bounded time, whatever has ever been delivered."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, union_all

from konversi.alerts.rules import FIRST_WARNING, DatasetFacts
from konversi.datasets.tables import datasets, token_expiries
from konversi.insight.attention import causes
from konversi.outbox.lanes import Lane
from konversi.outbox.looking import lanes
from konversi.outbox.states import State
from konversi.outbox.tables import WAITING, events, queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import ColumnElement, Connection, Select

    from konversi.insight.process_metrics import LaneReport

_FIELD = {State.DEAD: "dead", State.HELD: "held", State.EXPIRED: "expired"}

_BOTH_ENDS = ((queue.c.due_at, queue.c.id), (queue.c.due_at.desc(), queue.c.id.desc()))
_AN_END = 250  # events
_OLD = 3 * 86_400.0  # seconds: of a token that is still used, Meta is asked each day


def read(
    connection: Connection, reports: Iterable[LaneReport], now: float, name_of: Callable[[str], str]
) -> list[DatasetFacts]:
    """How each dataset stands that there is anything to say of. `name_of` gives the name that its events have."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for lane, waited, spent, left in _waiting(connection, now):
        facts = found[Lane.parse(lane).dataset]
        facts["waiting_seconds"] = max(facts.get("waiting_seconds", 0.0), waited)
        facts["spent"] = max(facts.get("spent", 0.0), spent)
        facts["left_seconds"] = min(facts.get("left_seconds", left), left)
    for cause in causes(connection):
        facts = found[cause.dataset]
        facts[_FIELD[cause.state]] = facts.get(_FIELD[cause.state], 0) + cause.events
    for report in reports:
        if report.breaker != "closed":
            found[Lane.parse(report.lane).dataset]["paused" if report.paused else "open"] = report.cause
    faults = select(datasets.c.id, datasets.c.fault).where(datasets.c.fault.is_not(None))
    for dataset, fault in connection.execute(faults):
        found[name_of(dataset)]["fault"] = fault
    of = token_expiries.c
    soon = select(of.dataset, of.expires_at).where(of.expires_at < now + FIRST_WARNING, of.seen_at > now - _OLD)
    for dataset, expires_at in connection.execute(soon):
        found[name_of(dataset)]["token_left_seconds"] = expires_at - now
    return [DatasetFacts(dataset, **facts) for dataset, facts in found.items()]


def _waiting(connection: Connection, now: float) -> list[tuple[str, float, float, float]]:
    """Of each lane, by the event that came first and the one with the first deadline: waited, share spent, left."""
    found = []
    for lane, _ in lanes(connection):
        ends = union_all(*(_end(lane, *order) for order in _BOTH_ENDS)).subquery()
        ids = {
            connection.execute(select(ends.c.id).order_by(column, ends.c.id).limit(1)).scalar()
            for column in (ends.c.id, ends.c.deadline)
        }
        times = select(events.c.accepted_at, events.c.deadline).where(events.c.id.in_(ids))
        for accepted, until in connection.execute(times):
            waited = max(0.0, now - accepted)
            found.append((lane, waited, waited / max(1.0, until - accepted), until - now))
    return found


def _end(lane: str, *order: ColumnElement[Any]) -> Select[Any]:
    """One end of what waits: of a long backlog first what was never tried, and last what was put off the longest."""
    of = select(queue.c.id, queue.c.deadline).where(WAITING, queue.c.lane == lane)
    return select(of.order_by(*order).limit(_AN_END).subquery())
