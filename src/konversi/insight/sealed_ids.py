"""Up to which id a history is complete: nothing will appear below it any more.

With many writers ids are given before they are committed, so a lower one can appear after a higher one. On PostgreSQL
whoever inserts into a table holds a lock on it from before its ids are given until it has committed: once those who
held it when the highest id was read are gone, all ids up to that one are there, or never will be.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

_LOOKS, _BREATH = 25, 0.01  # seconds: transactions are shorter than that
_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE mode = 'RowExclusiveLock' AND relation = to_regclass(:name)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def complete_upto(connection: Connection, table: Table) -> int | None:
    """The id; `None` where a transaction goes on for too long to wait for it here."""
    top = int(connection.execute(select(func.max(table.c.id))).scalar() or 0)
    if connection.dialect.name != "postgresql":
        return top  # one process writes, in the order of the ids
    writers = _writers(connection, table)
    for _ in range(_LOOKS):
        if not writers:
            return top
        time.sleep(_BREATH)  # in a thread that reads
        writers &= _writers(connection, table)
    return None


def _writers(connection: Connection, table: Table) -> set[str]:
    return set(connection.execute(_WRITERS, {"name": table.name}).scalars())
