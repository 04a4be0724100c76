"""The hot statements on SQLite, spoken to the driver directly: append, place, claim, settle.

Few large statements instead of many small ones (`database/many_rows.py` says why): rows go in by many-row inserts, and
come out as one JSON or text value (`benchmarks/README.md` has the figures).
"""

from __future__ import annotations

from itertools import chain, count, islice, repeat, starmap
from typing import TYPE_CHECKING, Any

import orjson

from konversi.database.left_over import WantsTransaction
from konversi.database.many_rows import run
from konversi.database.sqlite_driver import driver_of
from konversi.outbox.members import pack
from konversi.outbox.port import Appended, Batch, Candidate, Choice, NewEvent, Settlement
from konversi.outbox.statements import end_attempt
from konversi.outbox.states import State, Step, after

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection

    from konversi.outbox.staging import Staging

_WINDOW = 1_000  # candidates shown to the planner: as many as a batch can hold
_NAMED = 3  # events whose names the log shows
UNSPLIT = 1_000  # the batch limit of an event that Meta has refused in no batch yet

EVENT_COLUMNS = (
    "id, dataset, event_name, event_id, booking_id, event_time, accepted_at, deadline, digest, body, notes,"
    " journey, touch, given, customer, match_keys, worth"
)
_EVENTS = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES "  # noqa: S608 - ours
_EVENT_ROW = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_NEW_KEY = " ON CONFLICT (event_id, event_name, dataset) DO NOTHING"
_QUEUE_COLUMNS = "id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts, reason"
_QUEUE = f"INSERT INTO queue ({_QUEUE_COLUMNS}) VALUES "  # noqa: S608
_QUEUE_ROW = f"(?,?,'waiting',?,?,{UNSPLIT},?,0,0,'','')"
_BY_KEY = "FROM events WHERE event_id = ? AND event_name = ? AND dataset = ?"
_WITHHELD = after(State.WAITING, Step.WITHHOLD).value


def insert(connection: sqlite3.Connection, numbered: Iterable[tuple[int, float, NewEvent]]) -> list[Appended]:
    """Insert events with these ids and times of acceptance, in ascending order of their ids; the verdicts."""
    numbered = list(numbered)
    events: list[Any] = []  # row after row, as the driver wants them
    queue: list[Any] = []
    withheld: list[tuple[str, str, int]] = []
    for number, now, event in numbered:
        lane, dataset, name, event_id, booking_id, event_time, deadline, digest, body, *rest, why = event
        events += (number, dataset, name, event_id, booking_id, event_time, now, deadline, digest, body.decode(), *rest)
        queue += (number, lane, now, deadline, len(body))
        if why:
            withheld.append((_WITHHELD, why, number))
    inserted = run(connection, _EVENTS, _EVENT_ROW, _NEW_KEY, events)
    if inserted == len(numbered):
        verdicts = [Appended(number) for number, _, _ in numbered]
    else:
        verdicts = _told_apart(connection, numbered)
        queue = _of_the_new(queue, verdicts)
    run(connection, _QUEUE, _QUEUE_ROW, "", queue)
    add_total(connection, "accept", inserted)
    if withheld:
        _withhold(connection, withheld)
    return verdicts


def is_known(connection: sqlite3.Connection, key: tuple[str, str, str]) -> bool:
    """Whether there is an event of this id, name and dataset."""
    return connection.execute(f"SELECT 1 {_BY_KEY}", key).fetchone() is not None


def last_id(connection: sqlite3.Connection) -> int:
    """The highest id that an event in its place ever had."""
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return int(last[0]) if last else 0


def _told_apart(connection: sqlite3.Connection, numbered: Iterable[tuple[int, float, NewEvent]]) -> list[Appended]:
    """Some keys were known: which events are new, which repeat one, and which contradict one."""
    verdicts = []
    for id_, _, event in numbered:
        stored, known = connection.execute(
            f"SELECT id, digest {_BY_KEY}",
            (event.event_id, event.event_name, event.dataset),
        ).fetchone()
        verdicts.append(Appended(stored, repeat=stored != id_, conflict=known != event.digest))
    return verdicts


def _of_the_new(queue: list[Any], verdicts: Sequence[Appended]) -> list[Any]:
    """The queue's rows of the events that were not known."""
    width = _QUEUE_ROW.count("?")
    starts = range(0, len(queue), width)
    rows = (queue[start : start + width] for start, verdict in zip(starts, verdicts, strict=True) if not verdict.repeat)
    return list(chain(*rows))


def _withhold(connection: sqlite3.Connection, withheld: Sequence[tuple[str, str, int]]) -> None:
    """Of those that were new, these are never sent. The number of one that was not new is nobody's."""
    moved = connection.executemany("UPDATE queue SET state = ?, reason = ? WHERE id = ?", withheld).rowcount
    add_total(connection, Step.WITHHOLD.value, moved)


def add_total(connection: sqlite3.Connection, step: str, number: int) -> None:
    """Count `number` events more under `step`."""
    if number:
        connection.execute(
            "INSERT INTO totals (step, slot, events) VALUES (?, 0, ?)"
            " ON CONFLICT (step, slot) DO UPDATE SET events = events + excluded.events",
            (step, number),
        )


def homes(connection: sqlite3.Connection, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The dataset of each event that there is."""
    found = {}
    for name, event_id in ids:
        row = connection.execute(
            "SELECT dataset FROM events WHERE event_id = ? AND event_name = ? ORDER BY id LIMIT 1", (event_id, name)
        ).fetchone()
        if row is not None:
            found[name, event_id] = row[0]
    return found


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
    candidates = list(starmap(Candidate, orjson.loads(window)))
    if not candidates:
        return None, ()
    choice = choose(candidates)
    if not choice.batch:
        return None, choice.expired
    ids = sorted(choice.batch)
    chosen, values = _among(ids)
    attempt = connection.execute(
        "INSERT INTO attempts (lane, started_at, lease_until, members, events, reason) VALUES (?, ?, ?, ?, ?, '')",
        (lane, now, lease_until, pack(ids), len(ids)),
    ).lastrowid
    connection.execute(
        f"UPDATE queue SET state = 'sending', tries = tries + 1, attempts = attempts || ? WHERE {chosen}",  # noqa: S608 - ours
        (f"{attempt},", *values),
    )
    (data,) = connection.execute(
        f"SELECT group_concat(body, ',') FROM (SELECT body FROM events WHERE {chosen} ORDER BY id)",  # noqa: S608 - ours
        values,
    ).fetchone()
    names = [
        connection.execute("SELECT event_name, event_id FROM events WHERE id = ?", (id_,)).fetchone()
        for id_ in ids[:_NAMED]
    ]
    members = set(ids)
    taken = [candidate for candidate in candidates if candidate.id in members]
    batch = Batch(
        attempt=attempt or 0,
        lane=lane,
        ids=ids,
        data=data.encode(),
        tries=max(candidate.tries for candidate in taken) + 1,
        batch_limit=taken[0].batch_limit,
        names=names,
    )
    return batch, choice.expired


def _among(ids: Sequence[int]) -> tuple[str, tuple[int | str, ...]]:
    """The condition that an id is one of these, and its values; most batches are one run, which is quicker to find."""
    if ids[-1] - ids[0] == len(ids) - 1:
        return "id BETWEEN ? AND ?", (ids[0], ids[-1])
    return "id IN (SELECT value FROM json_each(?))", (orjson.dumps(ids).decode(),)


def settle_delivered(connection: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Move sending events to delivered: the usual end, and the one that has to be quick. `ids` ascend."""
    chosen, values = _among(ids)
    moved = connection.execute(
        f"UPDATE queue SET state = ?, reason = '' WHERE {chosen} AND state = 'sending'",  # noqa: S608 - ours
        (after(State.SENDING, Step.DELIVER).value, *values),
    ).rowcount
    add_total(connection, Step.DELIVER.value, moved)
    return moved


class HotSqlite:
    """As `konversi.outbox.store` wants them. It gives the ids, which the one process that writes may do."""

    def __init__(self, next_id: int, staging: Staging) -> None:
        self._next_id = next_id
        self._staging = staging

    def append(self, connection: Connection, groups: Sequence[Sequence[NewEvent]], now: float) -> list[list[Appended]]:
        """Outside a transaction what comes alone is staged, or `WantsTransaction` is raised."""
        driver, first = driver_of(connection), self._next_id
        if not driver.in_transaction:
            self._next_id = first + 1  # before it is used: whoever is interrupted meanwhile may leave a piece with it
            try:
                self._staging.stage(driver, groups, first, now)
            except WantsTransaction:
                self._next_id = first
                raise
            return [[Appended(first)]]
        verdicts = iter(insert(driver, zip(count(first), repeat(now), chain(*groups))))
        self._next_id = first + sum(map(len, groups))
        return [list(islice(verdicts, len(group))) for group in groups]

    def homes(self, connection: Connection, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        return homes(driver_of(connection), ids)

    def claim(
        self,
        connection: Connection,
        lane: str,
        now: float,
        lease_until: float,
        choose: Callable[[Sequence[Candidate]], Choice],
    ) -> tuple[Batch | None, Sequence[int]]:
        return claim(driver_of(connection), lane, now, lease_until, choose)

    def look_back(self) -> None:
        """Each claim looks from the start."""

    def settle_delivered(self, connection: Connection, batch: Batch, settlement: Settlement) -> None:
        if end_attempt(connection, batch.attempt, settlement):
            settle_delivered(driver_of(connection), batch.ids)
