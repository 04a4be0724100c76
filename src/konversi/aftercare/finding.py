"""Where one person stands in the database: queries over a Core connection, in words that both dialects understand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, String, Text, func, or_, select

from konversi.consent.tables import erasures, tombstones
from konversi.database.metadata import metadata
from konversi.imports.tables import import_parts, import_results, imports
from konversi.journeys.tables import customers, forwards, journey_keys, journeys
from konversi.outbox.tables import events
from konversi.payments.tables import payments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Column, ColumnElement, Connection

    from konversi.aftercare.needles import Needles, Work

_SAID = ("body", "event_id", "booking_id", "notes", "given")
_OUR_OWN = frozenset({tombstones.name, erasures.name})  # they have to remember, as keyed hashes and encrypted


def holds(connection: Connection, column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whether the text stands anywhere in the column."""
    found = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return found(column, text) > 0


def last_event(connection: Connection) -> int:
    """The number of the newest event; 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one())


def conversations(connection: Connection, needles: Needles) -> list[int]:
    """The person's conversations."""
    by_key = select(journey_keys.c.journey).where(journey_keys.c.key.in_(needles.keys))
    found = set(connection.execute(by_key).scalars())
    if needles.texts:
        about = or_(*(holds(connection, journeys.c.user_data, text) for text in needles.texts))
        rows = connection.execute(select(journeys.c.id, journeys.c.user_data).where(about))
        found |= {id_ for id_, user_data in rows if needles.mentions(user_data)}
    return sorted(found)


def names_of(connection: Connection, chats: Sequence[int]) -> list[bytes]:
    """The keys that find these conversations and no others: a bot may give one name to chats with several people."""
    others = journey_keys.alias("others")
    elsewhere = select(others.c.key).where(others.c.key == journey_keys.c.key, others.c.journey.not_in(chats))
    wanted = select(journey_keys.c.key).where(journey_keys.c.journey.in_(chats), ~elsewhere.exists()).distinct()
    return [bytes(key) for key in connection.execute(wanted).scalars()]


def events_about(connection: Connection, needles: Needles, chats: Sequence[int], after: int, upto: int) -> list[int]:
    """Events with numbers in (after, upto] that are about the person, or came of these conversations."""
    columns = [events.c[name] for name in _SAID]
    about = [holds(connection, column, text) for column in columns for text in needles.texts]
    wanted = select(events.c.id, events.c.journey, *columns).where(events.c.id > after, events.c.id <= upto)
    rows = connection.execute(wanted.where(or_(events.c.journey.in_(chats), *about)))
    return [row.id for row in rows if row.journey in chats or _mentioned(row[2:], needles)]


def _mentioned(values: Iterable[str | None], needles: Needles) -> bool:
    return any(needles.mentions(value) for value in values if value)


def payments_of(connection: Connection, work: Work, chats: Sequence[int]) -> list[int]:
    """Payments of the person, or for bookings of theirs."""
    columns = payments.c.user_data, payments.c.reference, payments.c.why
    about = [holds(connection, column, text) for column in columns for text in work.needles.texts]
    bookings = sorted({booking for _, _, booking in work.gone if booking})
    numbers = [number for number, _, _ in work.gone]
    theirs = [payments.c.journey.in_(chats), payments.c.booking_id.in_(bookings), payments.c.event.in_(numbers)]
    surely = set(connection.execute(select(payments.c.id).where(or_(*theirs))).scalars())
    rows = connection.execute(select(payments.c.id, *columns).where(or_(*about))) if about else ()
    return sorted(surely | {row[0] for row in rows if _mentioned(row[1:], work.needles)})


def bookings_before(connection: Connection, needles: Needles) -> list[dict[str, Any]]:
    """When the person first and last booked or bought, as far as that is remembered, for each identity."""
    columns = customers.c.first_at, customers.c.last_at, customers.c.booking_id
    wanted = select(*columns).where(customers.c.key.in_(needles.customers)).distinct()
    rows = connection.execute(wanted)
    return [{"first_at": first, "last_at": last, "booking_id": booking} for first, last, booking in rows]


def waiting_calls(connection: Connection) -> list[tuple[int, bytes]]:
    """Calls that wait to be handed on to the bot, encrypted."""
    return [(row.id, row.sealed) for row in connection.execute(select(forwards.c.id, forwards.c.sealed))]


def result_parts(connection: Connection) -> list[tuple[int, int]]:
    """The parts of the result files of imports."""
    columns = import_results.c["import"], import_results.c.part
    return [(file, part) for file, part in connection.execute(select(*columns).order_by(*columns))]


def result_part(connection: Connection, file: int, part: int) -> bytes | None:
    """One of them, compressed."""
    wanted = select(import_results.c.body).where(import_results.c["import"] == file, import_results.c.part == part)
    body: bytes | None = connection.execute(wanted).scalar()
    return body


def files_before(connection: Connection, at: float) -> list[int]:
    """Imports that came before then and still have their file."""
    has_file = select(import_parts.c["import"]).distinct()
    came = select(imports.c.id).where(imports.c.id.in_(has_file), imports.c.uploaded_at <= at)
    return sorted(connection.execute(came).scalars())


def remains(connection: Connection, needles: Needles) -> dict[str, int]:
    """Every column of every table in which the person still stands, and in how many rows."""
    found = {}
    for table in metadata.sorted_tables:
        for column in table.columns if table.name not in _OUR_OWN else ():
            if number := sum(_of_person(connection, column, needles)):
                found[f"{table.name}.{column.name}"] = number
    return found


def _of_person(connection: Connection, column: Column[Any], needles: Needles) -> Iterator[bool]:
    if isinstance(column.type, LargeBinary):
        if column.type.length is not None:
            yield from (True for _ in connection.execute(select(column).where(column.in_(needles.keys))))
    elif isinstance(column.type, String | Text) and needles.texts:
        about = or_(*(holds(connection, column, text) for text in (*needles.texts, *needles.customers)))
        yield from (needles.mentions(value) for value in connection.execute(select(column).where(about)).scalars())
