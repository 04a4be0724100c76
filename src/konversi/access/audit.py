"""The record of changes: one row for what one call did, kept for KONVERSI_AUDIT_DAYS."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, insert, select

from konversi.access.tables import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from konversi.access.acting import Acting, Actor, Deed
    from konversi.database.port import Database

_MOST_NAMED = 50  # of the things that one call changed


class Audit:
    """Keeps and shows it. `now` gives Unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def keep(self, one: Acting) -> None:
        """Keep what was done, durably. Raises `StorageUnavailable`."""
        deeds, one.deeds = one.deeds, []
        if deeds:
            rows = list(_rows(one.actor, deeds, self._now()))
            await self._database.write(lambda connection: connection.execute(insert(audit), rows).rowcount)

    async def shown(self, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        """The newest, or those before an id."""
        return await self._database.read(partial(shown, limit=limit, before=before))

    async def forget(self, before: float, limit: int) -> bool:
        """Forget those from before then (Unix seconds); whether there may be more."""
        some = select(audit.c.id).where(audit.c.at < before).limit(limit)
        gone = delete(audit).where(audit.c.id.in_(some))
        return await self._database.write(lambda connection: connection.execute(gone).rowcount) == limit


def _rows(actor: Actor, deeds: Sequence[Deed], at: float) -> Iterator[dict[str, Any]]:
    """One row for each kind of change: a thousand events that are replayed together are one decision."""
    for action, same in groupby(sorted(deeds, key=attrgetter("action")), attrgetter("action")):
        done = list(same)
        details: dict[str, Any] = dict(done[0].details)
        if len(done) > 1:
            details |= {"number": len(done), "first": [deed.subject for deed in done[:_MOST_NAMED]]}
        yield {
            "at": at,
            "actor": actor.name[:60],
            "kind": actor.kind,
            "address": actor.address[:60],
            "action": action.value,
            "subject": done[0].subject[:200] if len(done) == 1 else "",
            "details": orjson.dumps(details).decode(),
        }


def shown(connection: Connection, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """Rows, newest first."""
    names = ("id", "at", "actor", "kind", "address", "action", "subject", "details")
    asked = select(*(audit.c[name] for name in names)).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        asked = asked.where(audit.c.id < before)
    rows = (dict(zip(names, row, strict=True)) for row in connection.execute(asked))
    return [{**row, "details": orjson.loads(row["details"])} for row in rows]
