"""Keeps imports. What was done of a file and the verdicts on it are written together, so that a kill loses neither."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import orjson
from sqlalchemy import delete, insert, select, update

from konversi.imports.mapping import from_json
from konversi.imports.tables import import_parts, import_results, imports
from konversi.outbox.tables import events

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sqlalchemy import Connection

    from konversi.database.port import Database
    from konversi.database.sealed import Seal
    from konversi.imports.mapping import Reading

Key: TypeAlias = tuple[str, str, str]  # dataset, event name, event_id
LEASE = 60.0  # seconds without progress after which another process goes on
_COUNTS = ("accepted", "repeated", "known", "refused")
_DAY = 86_400.0
_HAS_FILE = select(import_parts.c.part).where(import_parts.c["import"] == imports.c.id).exists()
_PARTS_AT_ONCE = 20  # of a megabyte: a transaction that holds nobody up


@dataclass(frozen=True, slots=True)
class Import:
    """One file, and how far it is.

    `state` is arriving, waiting, running, ended, failed (`reason`) or discarded. After a rehearsal nothing was sent.
    """

    id: int
    name: str
    size: int
    uploaded_at: float
    state: str
    rehearsal: bool
    reading: Reading | None
    rows: int
    bytes_read: int
    counts: Mapping[str, int]  # accepted, repeated, known, refused
    results: int
    ended_at: float | None
    reason: str
    has_file: bool = False


class Reported(NamedTuple):
    """An event that there is."""

    id: int
    event_id: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one batch of rows came to."""

    rows: int
    bytes_read: int
    counts: Mapping[str, int]
    result: bytes


class Imports:
    """The store of imports. Everything written is durable on return; `now` gives Unix seconds."""

    def __init__(self, database: Database, seal: Seal, now: Callable[[], float]) -> None:
        self._database = database
        self._seal = seal
        self._now = now
        self._lease = LEASE if database.shared else 0.0  # what one process owns waits for nobody

    async def begin(self, name: str) -> int:
        """A file begins to arrive; its number."""
        row: dict[str, Any] = {
            "name": name, "digest": b"", "size": 0, "uploaded_at": self._now(), "state": "arriving", "rehearsal": True,
            "reading": "", "held_until": self._now() + LEASE, "rows": 0, "bytes_read": 0, "results": 0, "reason": "",
            **dict.fromkeys(_COUNTS, 0),
        }  # fmt: skip
        begun = insert(imports).values(row).returning(imports.c.id)
        return await self._database.write(lambda connection: int(connection.execute(begun).scalar_one()))

    async def keep_part(self, file: int, part: int, plain: bytes) -> None:
        """A piece of the file, encrypted."""
        row = {"import": file, "part": part, "sealed": self._seal.close(plain, _about(file, part))}
        held = update(imports).where(imports.c.id == file).values(held_until=self._now() + LEASE)

        def job(connection: Connection) -> None:
            connection.execute(insert(import_parts).values(row))
            connection.execute(held)

        await self._database.write(job)

    async def part(self, file: int, part: int) -> bytes | None:
        """A piece of the file; `None` after the last. Raises `SealBroken`."""
        wanted = select(import_parts.c.sealed).where(import_parts.c["import"] == file, import_parts.c.part == part)
        sealed = await self._database.read(lambda connection: connection.execute(wanted).scalar())
        return None if sealed is None else self._seal.open(sealed, _about(file, part))

    async def same(self, digest: bytes, *, rehearsal: bool) -> Import | None:
        """The same file, if it is being worked on."""
        wanted = select(imports).where(
            imports.c.digest == digest,
            imports.c.rehearsal == rehearsal,
            imports.c.state.in_(("waiting", "running")),
        )
        return await self._one(wanted)

    async def ready(self, file: int, digest: bytes, size: int, reading: Reading, *, rehearsal: bool) -> None:
        """The whole file is there: it waits to be worked on."""
        kept = orjson.dumps(reading.as_json()).decode()
        values = {"digest": digest, "size": size, "reading": kept, "rehearsal": rehearsal, "state": "waiting"}
        await self._change(file, ("arriving",), {**values, "held_until": 0.0})

    async def start(self, file: int) -> bool:
        """After a rehearsal, the real thing; whether there was one, and the file is there still."""
        fresh: dict[str, Any] = {
            "state": "waiting", "rehearsal": False, "rows": 0, "bytes_read": 0, "results": 0, "held_until": 0.0,
            "ended_at": None, **dict.fromkeys(_COUNTS, 0),
        }  # fmt: skip
        there = select(import_parts.c.part).where(import_parts.c["import"] == file, import_parts.c.part == 0)

        def job(connection: Connection) -> bool:
            if connection.execute(there).first() is None:
                return False
            rehearsed = imports.c.id == file, imports.c.state == "ended", imports.c.rehearsal
            if not connection.execute(update(imports).where(*rehearsed).values(fresh)).rowcount:
                return False
            connection.execute(delete(import_results).where(import_results.c["import"] == file))
            return True

        return await self._database.write(job)

    async def claim(self) -> Import | None:
        """One that waits, or that nobody has gone on with for `LEASE` seconds; it is the caller's for that time."""
        now = self._now()
        due = select(imports).where(imports.c.state.in_(("waiting", "running")), imports.c.held_until <= now)
        due = due.order_by(imports.c.id).limit(1).with_for_update(skip_locked=True)

        def job(connection: Connection) -> Import | None:
            row = connection.execute(due).mappings().first()
            if row is None:
                return None
            held = {"state": "running", "held_until": now + self._lease}
            connection.execute(update(imports).where(imports.c.id == row["id"]).values(held))
            return _import({**row, **held})

        return await self._database.write(job)

    async def progress(self, file: int, before: int, step: Step) -> bool:
        """Write down what came of the rows from `before` on; whether they were the caller's still to work on."""
        row = {"import": file, "body": step.result}
        values: dict[str, Any] = {name: imports.c[name] + step.counts.get(name, 0) for name in _COUNTS}
        values |= {"rows": step.rows, "bytes_read": step.bytes_read, "results": imports.c.results + 1}
        values["held_until"] = self._now() + self._lease
        mine = imports.c.id == file, imports.c.state == "running", imports.c.rows == before

        def job(connection: Connection) -> bool:
            part = connection.execute(select(imports.c.results).where(*mine)).scalar()
            if part is None or not connection.execute(update(imports).where(*mine).values(values)).rowcount:
                return False
            connection.execute(insert(import_results).values({**row, "part": part}))
            return True

        return await self._database.write(job)

    async def end(self, file: int, reason: str = "") -> None:
        """All rows are done, or no more can be. A rehearsed file is kept for the real thing."""
        values = {"state": "failed" if reason else "ended", "reason": reason, "ended_at": self._now()}
        await self._change(file, ("arriving", "running"), values)
        found = await self.find(file)
        if found is not None and not (found.rehearsal and found.state == "ended"):
            await self._drop(import_parts, file)

    async def discard(self, file: int) -> bool:
        """Forget the file. What was sent stays sent."""
        values = {"state": "discarded", "ended_at": self._now()}
        done = await self._change(file, ("arriving", "waiting", "running", "ended"), values)
        await self._drop(import_parts, file)
        return done

    async def tidy(self, kept: float) -> None:
        """Let go of files that never arrived whole or were not started in a day, and of all that is `kept` seconds old.

        Of one that is worked on nothing is let go.
        """
        now, resting = self._now(), imports.c.state.in_(("arriving", "ended", "failed", "discarded"))
        stale = select(imports.c.id).where(imports.c.state == "arriving", imports.c.held_until < now)
        left = select(imports.c.id).where(resting, imports.c.uploaded_at < now - _DAY, _HAS_FILE)
        old = select(imports.c.id).where(resting, imports.c.uploaded_at < now - kept)
        for file in await self._ids(stale.union(left)):
            await self.discard(file)
        for file in await self._ids(old):
            await self._drop(import_parts, file)
            await self._drop(import_results, file)
            gone = delete(imports).where(imports.c.id == file)
            await self._database.write(lambda connection, gone=gone: connection.execute(gone).rowcount)  # type: ignore[misc]

    async def _ids(self, wanted: Any) -> list[int]:
        return await self._database.read(lambda connection: list(connection.execute(wanted).scalars()))

    async def find(self, file: int) -> Import | None:
        return await self._one(select(imports).where(imports.c.id == file))

    async def reported(self, bookings: Collection[str]) -> dict[tuple[str, str], Reported]:
        """Events that tell of these bookings already, by (event name, booking id)."""
        columns = events.c.event_name, events.c.booking_id, events.c.id, events.c.event_id
        wanted = select(*columns).where(events.c.booking_id.in_(bookings)).order_by(events.c.id)
        rows = await self._database.read(lambda connection: connection.execute(wanted).all())
        return {(row.event_name, row.booking_id): Reported(row.id, row.event_id) for row in rows}

    async def accepted(self, keys: Collection[Key]) -> dict[Key, int]:
        """Those of these events that there are, with their numbers."""
        columns = events.c.dataset, events.c.event_name, events.c.event_id, events.c.id
        wanted = select(*columns).where(events.c.event_id.in_({key[2] for key in keys}))
        rows = await self._database.read(lambda connection: connection.execute(wanted).all())
        return {(row.dataset, row.event_name, row.event_id): row.id for row in rows}

    async def newest(self, before: int | None, limit: int) -> list[Import]:
        """Newest first."""
        wanted = select(imports).where(imports.c.state != "arriving").order_by(imports.c.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(imports.c.id < before)
        return await self._database.read(
            lambda connection: [_import(dict(row)) for row in connection.execute(wanted).mappings()]
        )

    async def result(self, file: int, part: int) -> bytes | None:
        """One part of the verdicts; `None` after the last."""
        wanted = select(import_results.c.body).where(import_results.c["import"] == file, import_results.c.part == part)
        found: bytes | None = await self._database.read(lambda connection: connection.execute(wanted).scalar())
        return found

    async def _one(self, wanted: Any) -> Import | None:
        return await self._database.read(partial(_first, wanted=wanted))

    async def _change(self, file: int, states: tuple[str, ...], values: dict[str, Any]) -> bool:
        change = update(imports).where(imports.c.id == file, imports.c.state.in_(states)).values(values)
        return bool(await self._database.write(lambda connection: connection.execute(change).rowcount))

    async def _drop(self, table: Any, file: int) -> None:
        """Piece by piece, in nobody's way."""
        some = select(table.c.part).where(table.c["import"] == file).order_by(table.c.part).limit(_PARTS_AT_ONCE)
        gone = delete(table).where(table.c["import"] == file, table.c.part.in_(some))
        while await self._database.write(lambda connection: connection.execute(gone).rowcount):
            pass


def _first(connection: Connection, wanted: Any) -> Import | None:
    row = connection.execute(wanted).mappings().first()
    if row is None:
        return None
    file = select(import_parts.c.part).where(import_parts.c["import"] == row["id"]).limit(1)
    return _import(dict(row), has_file=connection.execute(file).first() is not None)


def _import(row: Mapping[str, Any], *, has_file: bool = False) -> Import:
    return Import(
        id=row["id"],
        name=row["name"],
        size=row["size"],
        uploaded_at=row["uploaded_at"],
        state=row["state"],
        rehearsal=row["rehearsal"],
        reading=from_json(orjson.loads(row["reading"])) if row["reading"] else None,
        rows=row["rows"],
        bytes_read=row["bytes_read"],
        counts={name: row[name] for name in _COUNTS},
        results=row["results"],
        ended_at=row["ended_at"],
        reason=row["reason"],
        has_file=has_file,
    )


def _about(file: int, part: int) -> str:
    return f"import {file} part {part}"
