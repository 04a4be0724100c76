"""The record of who asked to be forgotten: how far each erasure is, and what came of it. Never who it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, insert, select, update

from konversi.consent.tables import erasures, tombstones
from konversi.insight.describe import moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

RUNNING, SETTLING, DONE = "running", "settling", "done"
_LONGEST_NUMBER = 18  # digits
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Erasure:
    """One person's. `state` is running, settling (all that was found is gone; there is a second look) or done."""

    id: int
    asked_at: float
    asked_by: str
    state: str
    ended_at: float | None
    removed: Mapping[str, int]
    meta_has: Sequence[Mapping[str, Any]]  # events that Meta has or may have, for asking Meta to delete them
    waits_for: Sequence[str]
    found_elsewhere: Mapping[str, int]  # columns in which the person still stands, and in how many rows
    sealed: bytes | None = field(default=None, repr=False)


def erasure_id(number: int) -> str:
    """An erasure's id as people see it."""
    return f"er_{number:06d}"


def erasure_of(text: str) -> int | None:
    """The erasure that an id stands for, or `None` where the text is no such id."""
    digits = text[3:]
    if not text.startswith("er_") or not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST_NUMBER:
        return None
    return int(digits)


def described(one: Erasure) -> dict[str, Any]:
    """An erasure, for people and programs."""
    return {
        "erasure": erasure_id(one.id),
        "state": one.state,
        "asked_at": moment(one.asked_at),
        "asked_by": one.asked_by,
        "ended_at": moment(one.ended_at),
        "removed": dict(one.removed),
        "meta_has": [
            {**fact, "sent_at": moment(fact["sent_at"]), "event_time": moment(fact["event_time"])}
            for fact in one.meta_has
        ],
        "waits_for": list(one.waits_for),
        "found_elsewhere": dict(one.found_elsewhere),
    }


def begin(connection: Connection, now: float, by: str, sealed: bytes, removed: Mapping[str, int]) -> int:
    """Write down a new one; its number."""
    row = {
        "asked_at": now,
        "asked_by": by[:60],
        "state": RUNNING,
        "held_until": 0.0,
        "sealed": sealed,
        "removed": _text(removed),
        "meta_has": "[]",
        "waits_for": "[]",
        "found_elsewhere": "{}",
    }
    return int(connection.execute(insert(erasures).values(row).returning(erasures.c.id)).scalar_one())


def refuse(connection: Connection, keys: Sequence[bytes], erasure: int, now: float) -> None:
    """From now on refuse everything about who is known by these keys.

    One that is refused already stays of the erasure before.
    """
    known = tombstones.c.key.in_(keys)
    before = {bytes(key) for key in connection.execute(select(tombstones.c.key).where(known)).scalars()}
    connection.execute(update(tombstones).where(known).values(at=now))
    if new := [{"key": key, "at": now, "erasure": erasure} for key in dict.fromkeys(keys) if key not in before]:
        connection.execute(insert(tombstones), new)


def lift(connection: Connection, keys: Sequence[bytes]) -> int:
    """Refuse them no more, nor what was refused in the same erasures; how many of the keys were refused."""
    found = connection.execute(select(tombstones.c.erasure).where(tombstones.c.key.in_(keys))).scalars().all()
    connection.execute(delete(tombstones).where(tombstones.c.erasure.in_(set(found))))
    return len(found)


def due(connection: Connection, now: float) -> list[int]:
    """Those that are not done and that nobody works on, the oldest first."""
    wanted = select(erasures.c.id).where(erasures.c.state != DONE, erasures.c.held_until <= now).order_by(erasures.c.id)
    return list(connection.execute(wanted).scalars())


def take(connection: Connection, number: int, now: float, until: float) -> bool:
    """Work on it, and nobody else until then; whether it was free."""
    free = erasures.c.id == number, erasures.c.state != DONE, erasures.c.held_until <= now
    return bool(connection.execute(update(erasures).where(*free).values(held_until=until)).rowcount)


def keep(
    connection: Connection,
    number: int,
    sealed: bytes | None,
    held_until: float,
    removed: Mapping[str, int],
    meta_has: Sequence[Mapping[str, Any]],
    *,
    state: str | None = None,
    waits_for: Sequence[str] | None = None,
    found_elsewhere: Mapping[str, int] | None = None,
    ended_at: float | None = None,
) -> None:
    """Write down how far it is: what was removed is added to what was before."""
    before = find(connection, number)
    if before is None:
        return
    counts = dict(before.removed)
    for name, more in removed.items():
        counts[name] = counts.get(name, 0) + more
    values: dict[str, Any] = {
        "sealed": sealed,
        "held_until": held_until,
        "removed": _text(counts),
        "meta_has": _text([*before.meta_has, *meta_has]),
        **({"state": state} if state else {}),
        **({"waits_for": _text(waits_for)} if waits_for is not None else {}),
        **({"found_elsewhere": _text(found_elsewhere)} if found_elsewhere is not None else {}),
    }
    if ended_at is not None:
        values["ended_at"] = ended_at
    connection.execute(update(erasures).where(erasures.c.id == number).values(values))


def forget(connection: Connection, before: float, limit: int) -> int:
    """Forget up to so many that ended before then."""
    old = select(erasures.c.id).where(erasures.c.state == DONE, erasures.c.ended_at < before).limit(limit)
    return connection.execute(delete(erasures).where(erasures.c.id.in_(old))).rowcount


def find(connection: Connection, number: int) -> Erasure | None:
    """One of them."""
    row = connection.execute(select(erasures).where(erasures.c.id == number)).mappings().first()
    return None if row is None else _erasure(row)


def newest(connection: Connection) -> list[Erasure]:
    """The last ones, the newest first."""
    rows = connection.execute(select(erasures).order_by(erasures.c.id.desc()).limit(_SHOWN)).mappings()
    return [_erasure(row) for row in rows]


def _erasure(row: Any) -> Erasure:
    return Erasure(
        id=row["id"],
        asked_at=row["asked_at"],
        asked_by=row["asked_by"],
        state=row["state"],
        ended_at=row["ended_at"],
        removed=orjson.loads(row["removed"]),
        meta_has=orjson.loads(row["meta_has"]),
        waits_for=orjson.loads(row["waits_for"]),
        found_elsewhere=orjson.loads(row["found_elsewhere"]),
        sealed=row["sealed"],
    )


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
