"""Keeps sums of a history: what is new since the last look is added, each row of it once.

What a look found is written together with the mark it was found from, and only if that mark still stands, so that any
number of processes may do this at a time, and be killed at any moment.
"""

from __future__ import annotations

from functools import partial
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sqlalchemy import insert, select, text, update

from konversi.insight.sealed_ids import complete_upto
from konversi.insight.tables import summed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from konversi.database.port import Database

Sums: TypeAlias = "Mapping[tuple[Any, ...], tuple[int, ...]]"  # a sum's key to what is added to its numbers


class Mark(NamedTuple):
    """How far sums follow a history."""

    history: str
    upto: int  # the last id that was looked at
    open: str = ""  # those up to there that will be looked at again


class Found(NamedTuple):
    """What a look at a history found, from one mark to another."""

    before: Mark
    after: Mark
    sums: Sequence[tuple[Table, Sums]]
    also: Callable[[Connection], object] | None = None  # what else is written with it
    more: bool = True  # there was more than is looked at in one go, or nobody knows


class Stretch(NamedTuple):
    """What is new of a table that only grows, or as much of it as is looked at in one go."""

    before: Mark
    after: Mark
    more: bool  # there is more


Look: TypeAlias = "Callable[[Connection], Found | None]"  # nothing: there is nothing new


class Follower:
    """Follows histories."""

    def __init__(self, database: Database, looks: Sequence[Look]) -> None:
        self._database = database
        self._looks = looks

    async def follow(self, looks: int = 1) -> bool:
        """Add what is new, in so many looks at each history; whether that was not all.

        What came while it was looked is left for the next time: under load there is always something, and many small
        looks cost more than a few large ones.
        """
        more = False
        for look in self._looks:
            for _ in range(looks):
                found = await self._database.read(look)
                if found is None:
                    break
                await self._database.write(partial(_keep, found))
                if not found.more:
                    break
            else:
                more = True
        return more


def mark_of(connection: Connection, history: str) -> Mark:
    """How far the history was followed."""
    row = connection.execute(select(summed).where(summed.c.history == history)).one_or_none()
    return Mark(*row) if row else Mark(history, 0)


def next_stretch(connection: Connection, table: Table, history: str, at_once: int) -> Stretch | None:
    """From where to where the ids of a table that only grows are to be looked at; nothing where none are new."""
    mark = mark_of(connection, history)
    top = complete_upto(connection, table)
    if top is None or top <= mark.upto:
        return None
    last = select(table.c.id).where(table.c.id > mark.upto, table.c.id <= top).order_by(table.c.id)
    upto = connection.execute(last.offset(at_once - 1).limit(1)).scalar() or top
    return Stretch(mark, mark._replace(upto=upto), upto < top)


def grouped(rows: Iterable[tuple[tuple[Any, ...], tuple[int, ...]]]) -> Sums:
    """Numbers of one key added up."""
    sums: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for place, numbers in rows:
        sums[place] = tuple(map(add, sums[place], numbers)) if place in sums else numbers
    return sums


def _keep(found: Found, connection: Connection) -> bool:
    """Add what was found, unless somebody else did since."""
    mine = [summed.c[name] == value for name, value in found.before._asdict().items()]
    if connection.execute(update(summed).where(*mine).values(found.after._asdict())).rowcount == 0:
        history = summed.c.history == found.before.history
        if connection.execute(select(summed.c.history).where(history)).first() is not None:
            return False
        connection.execute(insert(summed).values(found.after._asdict()))
    for table, sums in found.sums:
        _add(connection, table, sums)
    if found.also is not None:
        found.also(connection)
    return True


def _add(connection: Connection, table: Table, rows: Sums) -> None:
    if not rows:
        return
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    added = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names if name not in keys)
    statement = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608 - ours
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}"
    )
    values = [dict(zip(names, (*place, *numbers), strict=True)) for place, numbers in sorted(rows.items())]
    connection.execute(text(statement), values)
