"""The hot statements on PostgreSQL, spoken to the driver directly: append, claim, settle.

A group of events is one statement, and so one way to the server and back. Its rows go in by columns, in the server's
own form: as one JSON value they took both sides a third longer (`benchmarks/README.md`).
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.clock import monotonic
from konversi.database.postgres import driver_of
from konversi.database.postgres_arrays import blobs, encoded, longs, texts
from konversi.outbox.members import pack
from konversi.outbox.port import Appended, Batch, Candidate, Choice, NewEvent, Settlement
from konversi.outbox.statements import SLOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import psycopg
    from sqlalchemy import Connection

    from konversi.database.postgres_arrays import Longs

_WINDOW = 1_000  # candidates shown to the planner: as many as a batch can hold
_START = (-1e300, 0)  # before every event: when due, and its id
_LOOK_BACK_SECONDS = 1.0
_NAMED = 3  # events whose names the log shows
_UNSPLIT = 1_000  # the batch limit of an event that Meta has refused in no batch yet

# How each field of `NewEvent` goes in, in their order. All but `lane` and `withheld` are columns of `events`.
_TAKEN_IN: dict[str, tuple[str, Callable[[Sequence[Any]], bytes]]] = {
    "lane": ("text", texts),
    "dataset": ("text", texts),
    "event_name": ("text", texts),
    "event_id": ("text", texts),
    "booking_id": ("text", texts),
    "event_time": ("bigint", longs),
    "deadline": ("bigint", longs),
    "digest": ("bytea", blobs),
    "body": ("text", encoded),
    "notes": ("text", texts),
    "journey": ("bigint", longs),
    "touch": ("bigint", longs),
    "given": ("text", texts),
    "customer": ("text", texts),
    "match_keys": ("text", texts),
    "worth": ("text", texts),
    "withheld": ("text", texts),
}
_KEPT = ", ".join(name for name in _TAKEN_IN if name not in ("lane", "withheld"))

# Ordered by key, so that two groups with the same keys don't wait for each other in a circle.
_APPEND = f"""
WITH arriving AS MATERIALIZED (
  SELECT nextval('events_id_seq') AS id, one.*
  FROM unnest({", ".join(f"%s::{kind}[]" for kind, _ in _TAKEN_IN.values())})
  WITH ORDINALITY AS one({", ".join(_TAKEN_IN)}, place)
), stored AS (
  INSERT INTO events (id, accepted_at, {_KEPT}) SELECT id, %s::float8, {_KEPT}
  FROM arriving ORDER BY event_id COLLATE "C", event_name COLLATE "C", dataset COLLATE "C"
  ON CONFLICT (event_id, event_name, dataset) DO NOTHING RETURNING id
), queued AS (
  INSERT INTO queue (id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts, reason)
  SELECT id, lane, CASE withheld WHEN '' THEN 'waiting' ELSE 'withheld' END, %s::float8, deadline, {_UNSPLIT},
    octet_length(body), 0, 0, '', withheld
  FROM arriving JOIN stored USING (id)
), counted AS (
  INSERT INTO totals (step, slot, events)
  SELECT step, {SLOT}, count(*) FROM (
    SELECT 'accept' AS step FROM stored
    UNION ALL SELECT 'withhold' FROM arriving JOIN stored USING (id) WHERE withheld <> ''
  ) steps GROUP BY step
  ON CONFLICT (step, slot) DO UPDATE SET events = totals.events + excluded.events
)
SELECT arriving.id, stored.id IS NOT NULL FROM arriving LEFT JOIN stored USING (id) ORDER BY arriving.place
"""  # noqa: S608 - ours
_KNOWN = "SELECT id, digest FROM events WHERE event_id = %s AND event_name = %s AND dataset = %s"
_HOMES = """
SELECT DISTINCT ON (event_id, event_name) event_name, event_id, dataset
FROM events JOIN unnest(%s::text[], %s::text[]) AS asked(event_name, event_id) USING (event_name, event_id)
ORDER BY event_id, event_name, id
"""
_DUE = f"""
SELECT id, batch_limit, size, tries, deadline, due_at FROM queue
WHERE lane = %s AND state = 'waiting' AND (due_at, id) >= (%s, %s) AND due_at <= %s
ORDER BY due_at, id LIMIT {_WINDOW} FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - ours
# One attempt, and the names of its first events: as many rows as those, or one without.
_TAKE = """
WITH attempt AS (
  INSERT INTO attempts (lane, started_at, lease_until, members, events, reason) VALUES (%s, %s, %s, %s, %s, '')
  RETURNING id
), taken AS (
  UPDATE queue SET state = 'sending', tries = tries + 1, attempts = attempts || (SELECT id FROM attempt) || ','
  WHERE id = ANY(%s::bigint[])
)
SELECT attempt.id, event_name, event_id
FROM attempt LEFT JOIN events ON events.id = ANY(%s::bigint[]) ORDER BY events.id
"""
_BODIES = "SELECT body FROM events WHERE id = ANY(%s::bigint[]) ORDER BY id"
# An attempt that was rescued meanwhile has ended: its events are others' now. A rescuer at work is waited for.
_DELIVERED = f"""
WITH ended AS (
  UPDATE attempts SET ended_at = %s, verdict = %s, reason = %s, http_status = %s, code = %s, subcode = %s,
    fbtrace_id = %s, events_received = %s, answer = %s
  WHERE id = %s AND ended_at IS NULL RETURNING id
), moved AS (
  UPDATE queue SET state = 'delivered', reason = ''
  WHERE id = ANY(%s::bigint[]) AND state = 'sending' AND EXISTS (SELECT FROM ended) RETURNING 1
)
INSERT INTO totals (step, slot, events)
SELECT 'deliver', {SLOT}, count(*) FROM moved HAVING count(*) > 0
ON CONFLICT (step, slot) DO UPDATE SET events = totals.events + excluded.events
"""  # noqa: S608 - ours


def _columns(events: Sequence[NewEvent]) -> list[bytes]:
    """As `_APPEND` wants them."""
    return [into(column) for (_, into), column in zip(_TAKEN_IN.values(), zip(*events, strict=True), strict=True)]


def _bodies(driver: psycopg.Connection[Any], ids: Longs) -> bytes:
    """Joined by commas, as they came: the server takes twice as long to join them, and they would be decoded here."""
    with driver.cursor(binary=True) as cursor:
        found = cursor.execute(_BODIES, (ids,)).pgresult
        return b",".join([found.get_value(row, 0) or b"" for row in range(found.ntuples)]) if found else b""


class _Front(NamedTuple):
    """Where a lane's due events began at the last look: what was claimed stays in the index until a vacuum."""

    due_at: float
    id: int
    looked: float  # monotonic seconds of the last look from the start


class HotPostgres:
    """As `konversi.outbox.store` wants them."""

    def __init__(self) -> None:
        self._fronts: dict[str, _Front] = {}

    def append(self, connection: Connection, groups: Sequence[Sequence[NewEvent]], now: float) -> list[list[Appended]]:
        driver = driver_of(connection)
        events = list(chain(*groups))
        if not events:
            return [[] for _ in groups]
        rows = driver.execute(_APPEND, (*_columns(events), now, now)).fetchall()
        following = self._verdicts(connection, events, rows, now)
        return [list(islice(following, len(group))) for group in groups]

    def _verdicts(
        self, connection: Connection, events: Sequence[NewEvent], rows: Sequence[tuple[int, bool]], now: float
    ) -> Iterator[Appended]:
        """Which events are new, which repeat a known one, and which contradict one."""
        driver = driver_of(connection)
        for event, (id_, is_new) in zip(events, rows, strict=True):
            if is_new:
                yield Appended(id_)
                continue
            known = driver.execute(_KNOWN, (event.event_id, event.event_name, event.dataset)).fetchone()
            if known is None:  # it was forgotten this very moment
                yield self.append(connection, [[event]], now)[0][0]
            else:
                yield Appended(known[0], repeat=True, conflict=known[1] != event.digest)

    def homes(self, connection: Connection, ids: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        pairs = list(ids)
        names, event_ids = texts(name for name, _ in pairs), texts(event_id for _, event_id in pairs)
        rows = driver_of(connection).execute(_HOMES, (names, event_ids)).fetchall()
        return {(name, event_id): dataset for name, event_id, dataset in rows}

    def claim(
        self,
        connection: Connection,
        lane: str,
        now: float,
        lease_until: float,
        choose: Callable[[Sequence[Candidate]], Choice],
    ) -> tuple[Batch | None, Sequence[int]]:
        driver = driver_of(connection)
        candidates = self._due(driver, lane, now)
        if not candidates:
            return None, ()
        choice = choose(candidates)
        if not choice.batch:
            return None, choice.expired
        ids = sorted(choice.batch)
        members = set(ids)
        taken = [candidate for candidate in candidates if candidate.id in members]
        intent = (lane, now, lease_until, pack(ids), len(ids))
        given = longs(ids)
        rows = driver.execute(_TAKE, (*intent, given, longs(ids[:_NAMED]))).fetchall()
        batch = Batch(
            attempt=rows[0][0],
            lane=lane,
            ids=ids,
            data=_bodies(driver, given),
            tries=max(candidate.tries for candidate in taken) + 1,
            batch_limit=taken[0].batch_limit,
            names=[(name, event_id) for _, name, event_id in rows],
        )
        return batch, choice.expired

    def look_back(self) -> None:
        self._fronts.clear()

    def _due(self, driver: psycopg.Connection[Any], lane: str, now: float) -> list[Candidate]:
        """The lane's due events from where they began at the last look; from the start where that finds none.

        Now and then from the start in any case: one whose append took long is due before those that overtook it.
        """
        at, front, rows = monotonic(), self._fronts.get(lane), []
        if front is not None and at < front.looked + _LOOK_BACK_SECONDS:
            at = front.looked
            rows = driver.execute(_DUE, (lane, front.due_at, front.id, now)).fetchall()
        if not rows:
            at = monotonic()
            rows = driver.execute(_DUE, (lane, *_START, now)).fetchall()
        if rows:
            self._fronts[lane] = _Front(rows[0][-1], rows[0][0], at)
        return [Candidate(*row[:-1]) for row in rows]

    def settle_delivered(self, connection: Connection, batch: Batch, settlement: Settlement) -> None:
        told = (
            settlement.ended_at, settlement.verdict, settlement.reason, settlement.http_status, settlement.code,
            settlement.subcode, settlement.fbtrace_id, settlement.events_received, settlement.answer,
        )  # fmt: skip
        driver_of(connection).execute(_DELIVERED, (*told, batch.attempt, longs(batch.ids)))
