"""What a database knows of the installation it belongs to: few names, each with a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, String, Table, Text, delete, insert, select, text, update

from konversi.database.metadata import metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

installation = Table(
    "installation",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

SECRET = "secret"  # noqa: S105 - the fingerprint of the installation's secret
SERVES = "schema_serves"  # the oldest schema whose processes can work with this one
MOVE = "move"  # how far a move into this database has come
MOVED = "moved"  # what this database held is somewhere else now
STAGED_BY = "staged_by"  # on SQLite: whose events beside the database are to be put into it
OF_THIS_DATABASE = (SERVES, MOVE, MOVED, STAGED_BY)  # a move leaves these behind

# As text, so that it is one statement in both dialects: two that come at once can't both be first.
_FIRST = text("INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")


def fact(connection: Connection, name: str) -> str | None:
    """What is known under the name."""
    found = connection.execute(select(installation.c.value).where(installation.c.name == name)).scalar()
    return None if found is None else str(found)


def keep(connection: Connection, name: str, value: str | None) -> None:
    """Know this under the name from now on, or nothing."""
    its = installation.c.name == name
    if value is None:
        connection.execute(delete(installation).where(its))
    elif not connection.execute(update(installation).where(its).values(value=value)).rowcount:
        connection.execute(insert(installation).values(name=name, value=value))


def claimed(connection: Connection, name: str, values: Sequence[str]) -> int | None:
    """Which of the values is the one known, or `None` where it is another. The first is kept where none was known."""
    known = fact(connection, name)
    if known is None:
        connection.execute(_FIRST, {"name": name, "value": values[0]})
        known = fact(connection, name)
    return values.index(known) if known in values else None
