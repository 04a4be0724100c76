"""Webhook calls that wait to be handed on: sealed, and gone once the bot has them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from konversi.journeys.port import Forward
from konversi.journeys.tables import forwards

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Connection, Select

    from konversi.database.port import Database

MOST_WAITING = 100_000
_LEASE = 30.0  # seconds: longer than a call to the bot may take
_AT_ONCE = 1_000  # rows of one transaction, which keeps a booking waiting for some milliseconds
_WAITING = select(forwards.c.id, forwards.c.received_at, forwards.c.tries, forwards.c.sealed)


class Forwards:
    """What of them the forwarder asks and says. Everything written is durable on return; `now` gives Unix seconds.

    Where many processes share the database, whoever is given a call has it for a while, and the others don't get it.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._lease = _LEASE if database.shared else 0.0

    async def due(self, limit: int, without: Collection[int] = ()) -> list[Forward]:
        """Those to be handed on now, without these."""
        given = _WAITING.where(forwards.c.due_at <= self._now(), forwards.c.id.not_in(without))
        return await self._given(given, limit)

    async def soonest(self) -> Forward | None:
        """The one that is due first, be it now or later."""
        found = await self._given(_WAITING, 1)
        return found[0] if found else None

    async def _given(self, given: Select[tuple[int, float, int, bytes]], limit: int) -> list[Forward]:
        if not self._lease:
            return await self._database.read(partial(_in_order, given=given, limit=limit))
        until = self._now() + self._lease
        return await self._database.write(partial(_leased, given=given, limit=limit, until=until))

    async def next_due(self) -> float | None:
        """Unix seconds at which the next one is due."""
        return await self._database.read(_next_due)

    async def done(self, forward: int) -> None:
        """It was handed on, or given up."""
        gone = delete(forwards).where(forwards.c.id == forward)
        await self._database.write(lambda connection: connection.execute(gone).rowcount)

    async def put_off(self, forward: int, due_at: float, reason: str) -> None:
        """It is tried again later."""
        later = {"due_at": due_at, "tries": forwards.c.tries + 1, "reason": reason}
        put_off = update(forwards).where(forwards.c.id == forward).values(later)
        await self._database.write(lambda connection: connection.execute(put_off).rowcount)

    async def revive(self) -> None:
        """All are due now, but for those that another process may be handing on."""
        now = self._now()
        some = select(forwards.c.id).where(forwards.c.due_at > now + self._lease).limit(_AT_ONCE)
        revived = update(forwards).where(forwards.c.id.in_(some)).values(due_at=now)
        while await self._database.write(lambda connection: connection.execute(revived).rowcount) == _AT_ONCE:
            pass

    async def give_up(self, before: float) -> int:
        """Let go of those that were received before then (Unix seconds); how many there were."""
        oldest = select(forwards.c.id, forwards.c.received_at).order_by(forwards.c.id).limit(_AT_ONCE).subquery()
        old = select(oldest.c.id).where(oldest.c.received_at < before)
        gone = delete(forwards).where(forwards.c.id.in_(old))
        given_up = 0
        while await self._database.read(lambda connection: connection.execute(old.limit(1)).first()):
            given_up += await self._database.write(lambda connection: connection.execute(gone).rowcount)
        return given_up

    async def waiting(self) -> int:
        """How many there are."""
        return await self._database.read(_count)


def keep(connection: Connection, sealed: bytes, now: float) -> None:
    """Keep a call until it is handed on."""
    connection.execute(insert(forwards).values(received_at=now, due_at=now, tries=0, sealed=sealed, reason=""))


def room(connection: Connection, most: int) -> int:
    """How many more may be kept, or fewer where half of the room is free at least.

    Counting a hundred thousand takes a millisecond; the ends of the ids say in microseconds that there are few.
    """
    first = select(func.min(forwards.c.id)).scalar_subquery()
    last = select(func.max(forwards.c.id)).scalar_subquery()
    oldest, newest = connection.execute(select(first, last)).one()
    if oldest is None or newest - oldest < most // 2:
        return most // 2
    return max(0, most - _count(connection))


def _in_order(connection: Connection, given: Select[tuple[int, float, int, bytes]], limit: int) -> list[Forward]:
    rows = connection.execute(given.order_by(forwards.c.due_at, forwards.c.id).limit(limit))
    return [Forward._make(row) for row in rows]


def _leased(
    connection: Connection, given: Select[tuple[int, float, int, bytes]], limit: int, until: float
) -> list[Forward]:
    chosen = given.order_by(forwards.c.due_at, forwards.c.id).limit(limit).with_for_update(skip_locked=True)
    found = [Forward._make(row) for row in connection.execute(chosen)]
    ours = forwards.c.id.in_([one.id for one in found])
    connection.execute(update(forwards).where(ours).values(due_at=until))
    return found


def _next_due(connection: Connection) -> float | None:
    due: float | None = connection.execute(select(forwards.c.due_at).order_by(forwards.c.due_at).limit(1)).scalar()
    return due


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(forwards)).scalar_one()
