"""The hot statements on SQLite, spoken to the driver directly: append, claim, settle.

Few large statements instead of many small ones: a step of SQLite runs without the interpreter's lock, and getting that
lock back costs more than a row. So rows go in by many-row inserts, and come out as one JSON or text value
(`benchmarks/README.md` has the figures).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from konversi.outbox.members import pack
from konversi.outbox.port import Appended, Batch, Candidate, Choice, NewEvent, Settlement
from konversi.outbox.states import State, Step, after

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

_WINDOW = 1_000  # candidates shown to the planner: as many as a batch can hold
_NAMED = 3  # events whose names the log shows
UNSPLIT = 1_000  # the batch limit of an event that Meta has refused in no batch yet

_EVENTS = (
    "INSERT INTO events"
    " (id, dataset, event_name, event_id, booking_id, event_time, accepted_at, deadline, digest, body, notes) VALUES "
)
_EVENT_ROW = "(?,?,?,?,?,?,?,?,?,?,?)"
_NEW_KEY = " ON CONFLICT (event_id, event_name, dataset) DO NOTHING"
_QUEUE = (
    "INSERT INTO queue"
    " (id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts, reason) VALUES "
)
_QUEUE_ROW = f"(?,?,'waiting',?,?,{UNSPLIT},?,0,0,'','')"
_CHUNKS = (256, 32, 4, 1)  # statement sizes, so that a few prepared statements serve every number of rows


def append(
    connection: sqlite3.Connection, groups: Sequence[Sequence[NewEvent]], first_id: int, now: float
) -> tuple[list[list[Appended]], int]:
    """Insert all groups with ids from `first_id` on; the verdicts by group, and the next free id."""
    event_rows: list[tuple[Any, ...]] = []
    queue_rows: list[tuple[Any, ...]] = []
    number = first_id
    for group in groups:
        for lane, dataset, name, event_id, booking_id, event_time, deadline, digest, body, notes in group:
            event_rows.append(
                (number, dataset, name, event_id, booking_id, event_time, now, deadline, digest, body.decode(), notes)
            )
            queue_rows.append((number, lane, now, deadline, len(body)))
            number += 1
    inserted = _insert(connection, _EVENTS, _EVENT_ROW, _NEW_KEY, event_rows)
    if inserted == len(event_rows):
        verdicts = [Appended(id_) for id_ in range(first_id, number)]
    else:
        verdicts = _told_apart(connection, event_rows)
        queue_rows = [row for row, verdict in zip(queue_rows, verdicts, strict=True) if row[0] == verdict.id]
    _insert(connection, _QUEUE, _QUEUE_ROW, "", queue_rows)
    add_total(connection, "accept", len(queue_rows))
    by_group: list[list[Appended]] = []
    start = 0
    for group in groups:
        by_group.append(verdicts[start : start + len(group)])
        start += len(group)
    return by_group, number


@lru_cache(maxsize=64)
def _statement(head: str, row: str, tail: str, rows: int) -> str:
    return head + ",".join([row] * rows) + tail


def _insert(connection: sqlite3.Connection, head: str, row: str, tail: str, rows: Sequence[tuple[Any, ...]]) -> int:
    inserted = start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            flat = [value for values in rows[start : start + size] for value in values]
            inserted += connection.execute(_statement(head, row, tail, size), flat).rowcount
            start += size
    return inserted


def _told_apart(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> list[Appended]:
    """Some keys were known: which rows are new, which repeat an event, and which contradict one."""
    verdicts = []
    for id_, dataset, name, event_id, _, _, _, _, digest, _, _ in rows:
        stored, known = connection.execute(
            "SELECT id, digest FROM events WHERE event_id = ? AND event_name = ? AND dataset = ?",
            (event_id, name, dataset),
        ).fetchone()
        verdicts.append(Appended(stored, repeat=stored != id_, conflict=known != digest))
    return verdicts


def add_total(connection: sqlite3.Connection, step: str, number: int) -> None:
    """Count `number` events more under `step`."""
    if number:
        connection.execute(
            "INSERT INTO totals (step, events) VALUES (?, ?)"
            " ON CONFLICT (step) DO UPDATE SET events = events + excluded.events",
            (step, number),
        )


def claim(
    connection: sqlite3.Connection,
    lane: str,
    now: float,
    lease_until: float,
    choose: Callable[[Sequence[Candidate]], Choice],
) -> tuple[Batch | None, Sequence[int]]:
    """The batch, its intent to send written, and the ids that `choose` found expired."""
    (window,) = connection.execute(
        "SELECT json_group_array(json_array(id, batch_limit, size, tries, deadline)) FROM ("
        "SELECT id, batch_limit, size, tries, deadline FROM queue"
        " WHERE lane = ? AND state = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT ?)",
        (lane, now, _WINDOW),
    ).fetchone()
    candidates = {row[0]: Candidate(*row) for row in orjson.loads(window)}
    if not candidates:
        return None, ()
    choice = choose(list(candidates.values()))
    if not choice.batch:
        return None, choice.expired
    ids = sorted(choice.batch)
    as_json = orjson.dumps(ids).decode()
    attempt = connection.execute(
        "INSERT INTO attempts (lane, started_at, lease_until, members, events, reason) VALUES (?, ?, ?, ?, ?, '')",
        (lane, now, lease_until, pack(ids), len(ids)),
    ).lastrowid
    connection.execute(
        "UPDATE queue SET state = 'sending', tries = tries + 1, attempts = attempts || ?"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (f"{attempt},", as_json),
    )
    (data,) = connection.execute(
        "SELECT group_concat(body, ',') FROM (SELECT body FROM events"
        " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id)",
        (as_json,),
    ).fetchone()
    names = [
        connection.execute("SELECT event_name, event_id FROM events WHERE id = ?", (id_,)).fetchone()
        for id_ in ids[:_NAMED]
    ]
    batch = Batch(
        attempt=attempt or 0,
        lane=lane,
        ids=ids,
        data=data.encode(),
        tries=max(candidates[id_].tries for id_ in ids) + 1,
        batch_limit=candidates[ids[0]].batch_limit,
        names=names,
    )
    return batch, choice.expired


def settle_delivered(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Move sending events to delivered: the usual end, and the one that has to be quick."""
    moved = connection.execute(
        "UPDATE queue SET state = ?, reason = '' WHERE id IN (SELECT value FROM json_each(?)) AND state = 'sending'",
        (after(State.SENDING, Step.DELIVER).value, orjson.dumps(list(ids)).decode()),
    ).rowcount
    add_total(connection, Step.DELIVER.value, moved)
    return moved


def is_plain_delivery(settlement: Settlement) -> bool:
    """Whether `settle_delivered` says all there is to say about the events."""
    return settlement.step is Step.DELIVER and not settlement.in_doubt
