"""Which processes share the database, and what each has heard of webhooks: every one tells it once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import Column, Double, Integer, String, Table, Text, delete, insert, select, update

from konversi.database.metadata import key, metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from konversi.database.port import Database

ALIVE = 150.0  # seconds after its last sign
_KEPT = 86_400.0  # seconds

processes = Table(
    "processes",
    metadata,
    Column("id", key(26), primary_key=True),
    Column("host", String(100), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("does", String(20), nullable=False),  # everything, or a part
    Column("version", String(40), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("webhooks", Text, nullable=False),  # JSON, by platform
)


class Process(NamedTuple):
    """One of them."""

    id: str
    host: str
    pid: int
    does: str
    version: str
    started_at: float  # Unix seconds


class Processes:
    """Signs in, and lists who did. `now` gives Unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def sign(self, one: Process, webhooks: Mapping[str, Any]) -> None:
        """It is alive, and has heard this of webhooks."""
        now = self._now()
        values = {**one._asdict(), "seen_at": now, "webhooks": orjson.dumps(webhooks).decode()}

        def signed(connection: Connection) -> None:
            if not connection.execute(update(processes).where(processes.c.id == one.id).values(values)).rowcount:
                connection.execute(insert(processes).values(values))
            connection.execute(delete(processes).where(processes.c.seen_at < now - _KEPT))

        await self._database.write(signed)

    async def listed(self) -> list[dict[str, Any]]:
        """Those of the last day, the one seen last first, with what they have heard."""
        asked = select(processes).order_by(processes.c.seen_at.desc(), processes.c.id).limit(200)
        rows = await self._database.read(lambda connection: connection.execute(asked).mappings().all())
        alive_since = self._now() - ALIVE
        return [
            {**row, "webhooks": orjson.loads(row["webhooks"]), "alive": row["seen_at"] >= alive_since} for row in rows
        ]
