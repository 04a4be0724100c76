"""Whether the rows of a database agree with each other: what no program of ours should leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from konversi.outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Table

_DAY = 86_400.0
_BACKUP = "Restore a backup, or report it with the output of `konversi db check --json`."
_STATES = ", ".join(f"'{state.value}'" for state in State)

# What is counted, and the rows of it that should not be there.
_FAULTS = {
    "queue rows without their event": (
        "SELECT count(*) FROM queue WHERE NOT EXISTS (SELECT 1 FROM events WHERE events.id = queue.id)"
    ),
    "events without their queue row": (
        "SELECT count(*) FROM events WHERE NOT EXISTS (SELECT 1 FROM queue WHERE queue.id = events.id)"
    ),
    "queue rows in a state that there isn't": f"SELECT count(*) FROM queue WHERE state NOT IN ({_STATES})",  # noqa: S608
    "sending events although no attempt is open": (
        "SELECT count(*) FROM queue WHERE state = 'sending'"
        " AND NOT EXISTS (SELECT 1 FROM attempts WHERE ended_at IS NULL)"
    ),
    "attempts that a gateway should have rescued yesterday": (
        "SELECT count(*) FROM attempts WHERE ended_at IS NULL AND lease_until < :yesterday"
    ),
    "ad clicks without their conversation": (
        "SELECT count(*) FROM touches WHERE NOT EXISTS (SELECT 1 FROM journeys WHERE journeys.id = touches.journey)"
    ),
    "keys of conversations that there aren't": (
        "SELECT count(*) FROM journey_keys"
        " WHERE NOT EXISTS (SELECT 1 FROM journeys WHERE journeys.id = journey_keys.journey)"
    ),
}


def counted(connection: Connection, tables: Sequence[Table]) -> Iterator[tuple[str, int]]:
    """The rows of each table; those of the queue by state."""
    for table in tables:
        if table.name == "queue":
            found = connection.execute(text("SELECT state, count(*) FROM queue GROUP BY state ORDER BY state"))
            yield from ((f"queue, {state}", number) for state, number in found)
        else:
            yield table.name, connection.execute(text(f'SELECT count(*) FROM "{table.name}"')).scalar_one()  # noqa: S608


def contradictions(connection: Connection, tables: Sequence[Table], now: float) -> Iterator[tuple[str, str]]:
    """Each fault in plain words, and its remedy."""
    for what, query in _FAULTS.items():
        number = connection.execute(
            text(query), {"yesterday": now - _DAY} if ":yesterday" in query else {}
        ).scalar_one()
        if number:
            yield f"{number} {what}", _BACKUP
    if connection.dialect.name == "postgresql":
        yield from _late_sequences(connection, tables)


def _late_sequences(connection: Connection, tables: Sequence[Table]) -> Iterator[tuple[str, str]]:
    """A sequence that stands behind its table gives ids that are taken: so after a restore by hand."""
    for table in tables:
        sequence = (
            "id" in table.c
            and connection.execute(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name}).scalar()
        )
        if not sequence:
            continue
        highest = connection.execute(text(f'SELECT max(id) FROM "{table.name}"')).scalar()  # noqa: S608
        last = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608
        given = connection.execute(text(last)).scalar()
        if (highest or 0) > (given or 0):
            yield (
                f"the ids of {table.name} would come twice: {highest} is there, and {given} was given last",
                f"SELECT setval('{sequence}', {highest});",
            )
