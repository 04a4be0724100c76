"""Takes one person out of the database: functions over a Core connection, each within its caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, or_, select, update

from konversi.aftercare import finding
from konversi.consent.tables import consents
from konversi.imports import verdicts
from konversi.imports.tables import import_results
from konversi.journeys import statements
from konversi.journeys.tables import automatic, customers, forwards, journey_keys, messages, tool_uses, touches, turns
from konversi.outbox.members import pack, unpack
from konversi.outbox.port import receipt
from konversi.outbox.states import State
from konversi.outbox.tables import attempts, events, queue
from konversi.payments.tables import payments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from konversi.aftercare.needles import Needles, Work

Facts = dict[str, Any]
_FOR_EVER = 1e17  # Unix seconds
_OF_CHATS = {
    "ad_clicks": touches,
    "messages": messages,
    "tool_calls": tool_uses,
    "answers_of_the_agent": turns,
    "events_that_meta_saw": automatic,
}
_EVENT = (
    select(events, queue.c.state, queue.c.lane, queue.c.attempts, queue.c.in_doubt)
    .join_from(events, queue, events.c.id == queue.c.id)
    .order_by(events.c.id)
)


def remove_events(
    connection: Connection, ids: Sequence[int], work: Work, dataset_id: Callable[[str], str]
) -> tuple[int, list[Facts]]:
    """Take these events out, with what is said of them in attempts. How many, and those that Meta has or may have.

    One that is on its way to Meta is noted as busy, and stays until that has ended.
    """
    removed, has = 0, []
    for event in connection.execute(_EVENT.where(events.c.id.in_(ids)).with_for_update()).mappings().all():
        if event["state"] == State.SENDING.value:
            work.busy = [*work.busy, event["id"]]
            continue
        tried = _tried(event)
        if _may_be_at_meta(event):
            has.append(_what_meta_has(connection, event, tried, dataset_id))
        for attempt in tried:
            _leave_attempt(connection, attempt, event["id"], work.needles)
        connection.execute(delete(queue).where(queue.c.id == event["id"]))
        connection.execute(delete(events).where(events.c.id == event["id"]))
        statements.stir(connection, [event["journey"]])
        work.gone = [*work.gone, (event["id"], event["event_id"], event["booking_id"])]
        removed += 1
    return removed, has


def what_meta_has(connection: Connection, ids: Sequence[int], dataset_id: Callable[[str], str]) -> list[Facts]:
    """Of these events those that Meta has or may have."""
    rows = connection.execute(_EVENT.where(events.c.id.in_(ids))).mappings().all()
    return [_what_meta_has(connection, one, _tried(one), dataset_id) for one in rows if _may_be_at_meta(one)]


def _tried(event: Any) -> list[int]:
    return [int(number) for number in event["attempts"].split(",") if number]


def _may_be_at_meta(event: Any) -> bool:
    return bool(event["state"] in (State.DELIVERED.value, State.SENDING.value) or event["in_doubt"])


def _what_meta_has(connection: Connection, event: Any, tried: Sequence[int], dataset_id: Callable[[str], str]) -> Facts:
    """What somebody needs who asks Meta to delete it."""
    said = orjson.loads(event["body"])
    told = select(attempts.c.started_at, attempts.c.fbtrace_id).where(attempts.c.id.in_(tried)).order_by(attempts.c.id)
    rows = connection.execute(told).all()
    return {
        "receipt": receipt(event["id"]),
        "event_name": said.get("event_name"),
        "event_id": event["event_id"],
        "event_time": event["event_time"],
        "dataset": dataset_id(event["dataset"]),
        "action_source": said.get("action_source"),
        "known": "received" if event["state"] == State.DELIVERED.value else "in_doubt",
        "sent_at": rows[-1].started_at if rows else None,
        "fbtrace_ids": [row.fbtrace_id for row in rows if row.fbtrace_id],
    }


def _leave_attempt(connection: Connection, attempt: int, event: int, needles: Needles) -> None:
    """An attempt that was for this event alone goes with it; of another the number goes, and what Meta said of it."""
    mine = attempts.c.id == attempt
    row = connection.execute(select(attempts.c.members, attempts.c.answer, attempts.c.reason).where(mine)).first()
    if row is None:
        return
    left = [one for one in unpack(row.members) if one != event]
    if not left:
        connection.execute(delete(attempts).where(mine))
        return
    values: Facts = {"members": pack(left)}
    if row.answer and needles.mentions(row.answer):
        values["answer"] = None
    if needles.mentions(row.reason):
        values["reason"] = ""
    connection.execute(update(attempts).where(mine).values(values))


def remove_conversations(connection: Connection, needles: Needles, chats: Sequence[int]) -> dict[str, int]:
    """Take these conversations out with all that happened in them, and what is kept under the bot's name for them."""
    statements.hold_journeys(connection, chats)
    called = {*needles.keys, *finding.names_of(connection, chats)}
    removed = {}
    for name, table in _OF_CHATS.items():
        among = [table.c.journey.in_(chats)]
        if "conversation" in table.c:
            among.append(table.c.conversation.in_(called))
        removed[name] = connection.execute(delete(table).where(or_(*among))).rowcount
    removed["conversations"] = statements.forget_journeys(connection, chats, _FOR_EVER)
    connection.execute(delete(journey_keys).where(journey_keys.c.key.in_(needles.keys)))
    return removed


def remove_customers(connection: Connection, needles: Needles) -> int:
    """Forget that the person has booked or bought."""
    return connection.execute(delete(customers).where(customers.c.key.in_(needles.customers))).rowcount


def remove_payments(connection: Connection, ids: Sequence[int]) -> int:
    """Take these payments out."""
    return connection.execute(delete(payments).where(payments.c.id.in_(ids))).rowcount


def remove_calls(connection: Connection, ids: Sequence[int]) -> int:
    """Take these calls out that wait for the bot."""
    return connection.execute(delete(forwards).where(forwards.c.id.in_(ids))).rowcount


def remove_consents(connection: Connection, keys: Sequence[bytes]) -> int:
    """Take out what was said under these keys. How many decisions it was, each kept under several."""
    theirs = consents.c.key.in_(keys)
    decisions = select(consents.c.purpose, consents.c.at, consents.c.state, consents.c.source).where(theirs).distinct()
    number = connection.execute(select(func.count()).select_from(decisions.subquery())).scalar_one()
    connection.execute(delete(consents).where(theirs))
    return int(number)


def without_lines(body: bytes, work: Work) -> tuple[bytes, int]:
    """A part of a result file without the lines of events that are gone, and how many those are."""
    receipts = {receipt(number) for number, _, _ in work.gone}
    event_ids = {event_id for _, event_id, _ in work.gone}
    return verdicts.without(body, lambda one: one.receipt in receipts or one.event_id in event_ids)


def lines_of(body: bytes, work: Work) -> list[verdicts.Verdict]:
    """The lines of a part of a result file that are about these events."""
    receipts = {receipt(number) for number, _, _ in work.gone}
    event_ids = {event_id for _, event_id, _ in work.gone}
    return [one for one in verdicts.lines(body) if one.receipt in receipts or one.event_id in event_ids] if body else []


def replace_result(connection: Connection, *, file: int, part: int, before: bytes, after: bytes, lines: int) -> int:
    """Put this in the place of a part of a result file; how many lines fewer there are."""
    mine = import_results.c["import"] == file, import_results.c.part == part, import_results.c.body == before
    return lines * connection.execute(update(import_results).where(*mine).values(body=after)).rowcount
