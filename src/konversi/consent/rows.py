"""The statements of consent, in words that both dialects understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, exists, func, select, text

from konversi.consent.decision import Decision, State, forgotten
from konversi.consent.tables import consents, tombstones
from konversi.database.many_rows import lists
from konversi.outbox.tables import events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Driver

_AT_ONCE = 500  # values in one statement
_SLOWEST = 300.0  # seconds that may lie between looking somebody up and having the event, whatever stands still
_KEEP = (
    "INSERT INTO consents (key, purpose, state, at, source, recorded_at) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_FORGOTTEN = "SELECT key, at FROM tombstones WHERE key IN ({})"
_SAID = "SELECT key, state, at, source, purpose FROM consents WHERE key IN ({})"


def is_empty(connection: Connection) -> bool:
    """Whether nobody has decided anything, nor asked to be forgotten."""
    said = connection.execute(select(consents.c.id).limit(1)).first()
    return said is None and connection.execute(select(tombstones.c.key).limit(1)).first() is None


def keep(driver: Driver, keys: Iterable[bytes], decision: Decision, now: float) -> None:
    """Keep what was said under each of a person's keys, once."""
    for key in keys:
        said = decision.purpose, decision.state.value, decision.at, decision.source
        driver.execute(_KEEP, (key, *said, now))


def said(driver: Driver, keys: Sequence[bytes], purpose: str | None) -> dict[bytes, list[Decision]]:
    """All that was said under these keys, of one purpose or of all; and who asked to be forgotten."""
    found: dict[bytes, list[Decision]] = {}
    for places, some in lists(keys):
        query = _SAID.format(places)
        rows = driver.execute(
            query if purpose is None else f"{query} AND purpose = ?", (*some, *([purpose] if purpose else []))
        )
        for key, state, at, source, of in rows.fetchall():
            found.setdefault(bytes(key), []).append(Decision(State(state), at, source, of))
        gone = driver.execute(_FORGOTTEN.format(places), some)
        for key, at in gone.fetchall():
            found.setdefault(bytes(key), []).append(forgotten(at))
    return found


def may_object_to(connection: Connection) -> float | None:
    """Events accepted before then may have been accepted before somebody said no; nothing where nobody did."""
    last = connection.execute(
        select(func.max(consents.c.recorded_at)).where(text("state <> 'granted'"))  # as the index has it
    ).scalar()
    forgot = connection.execute(select(func.max(tombstones.c.at))).scalar()
    times = [float(at) for at in (last, forgot) if at is not None]
    return max(times) + _SLOWEST if times else None


def people_of(
    connection: Connection, ids: Sequence[int], accepted_before: float | None
) -> Iterator[tuple[int, dict[str, Any], int | None]]:
    """Of these events the match keys that Meta would get, and the conversation."""
    for start in range(0, len(ids), _AT_ONCE):
        wanted = select(events.c.id, events.c.body, events.c.journey).where(
            events.c.id.in_(ids[start : start + _AT_ONCE])
        )
        if accepted_before is not None:
            wanted = wanted.where(events.c.accepted_at < accepted_before)
        for id_, body, journey in connection.execute(wanted):
            yield id_, orjson.loads(body).get("user_data", {}), journey


def numbers(connection: Connection) -> list[tuple[str, str, int]]:
    """How many rows there are, by purpose and state."""
    counted = select(consents.c.purpose, consents.c.state, func.count()).group_by(consents.c.purpose, consents.c.state)
    return [
        (purpose, state, int(number))
        for purpose, state, number in connection.execute(counted.order_by("purpose", "state"))
    ]


def forget(connection: Connection, before: float, limit: int) -> int:
    """Forget up to so many that were said before then, and after which the same key said something else."""
    later = consents.alias("later")
    outlived = exists().where(
        later.c.key == consents.c.key, later.c.purpose == consents.c.purpose, later.c.at > consents.c.at
    )
    old = select(consents.c.id).where(consents.c.at < before, outlived).limit(limit)
    return connection.execute(delete(consents).where(consents.c.id.in_(old))).rowcount
