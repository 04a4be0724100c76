"""How cost grows: accepting, delivering and looking beside ten thousand, a million and ten million delivered events,
beside a backlog, and with many datasets. On SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.clock import now
from konversi.outbox.port import Choice, NewEvent, Search, Settlement
from konversi.outbox.states import Step
from konversi.outbox.store import SqlOutbox, open_outbox
from postgres import database, databases, fill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from konversi.outbox.port import Candidate

_GROUP = 1_000
_GROUPS = 20
_LOOKS = 50
_FILL = """
WITH RECURSIVE n(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM n WHERE n < ?)
"""
_SIZES = tuple(int(size) for size in os.environ.get("SIZES", "10000,1000000,10000000").split(","))


class Costs(NamedTuple):
    """Microseconds."""

    accept: float  # an event, a thousand at a time
    deliver: float  # an event, claimed and settled a thousand at a time
    single: float  # an event alone
    find: float
    lanes: float
    counts: float


def growth(_rounds: int, _seconds: int) -> None:
    """Microseconds beside so many delivered events, beside so many waiting ones, and with so many datasets."""
    for name, place in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
        print(f"  {name:<34}" + "".join(f"{field:>10}" for field in Costs._fields))
        for what, delivered, waiting, datasets in (
            *((f"{size:,} delivered", size, 0, 1) for size in _SIZES),
            *((f"{size:,} waiting", 0, size, 1) for size in _SIZES[:2]),
            ("1,000 datasets, 10 waiting in each", 0, 10_000, 1_000),
        ):
            with place(delivered, waiting, datasets) as url:
                costs = asyncio.run(_measured(url))
            print(f"  {what:<34}" + "".join(f"{cost:10,.1f}" for cost in costs), flush=True)


@contextmanager
def _sqlite(delivered: int, waiting: int, datasets: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/k.db"
        asyncio.run(_made(url))
        connection = sqlite3.connect(f"{folder}/k.db")
        connection.execute("PRAGMA synchronous=OFF")
        for first, last, state in ((1, delivered, "delivered"), (delivered + 1, delivered + waiting, "waiting")):
            if last >= first:
                connection.execute(
                    _FILL
                    + "INSERT INTO events (id, dataset, event_name, event_id, booking_id, event_time, accepted_at,"
                    " deadline, digest, body, notes) SELECT n, 'default', 'Lead', 'Lead:BK-' || n, 'BK-' || n, 1, 1,"
                    " 9999999999, randomblob(16), '{}', '[]' FROM n",
                    (first, last),
                )
                connection.execute(
                    _FILL + "INSERT INTO queue (id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt,"
                    " attempts, reason) SELECT n, 'old' || (n % ?) || '|live|chat', ?, 1, 9999999999, 1000, 2, 0, 0, '',"
                    " '' FROM n",
                    (first, last, datasets, state),
                )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        yield url


@contextmanager
def _postgres(delivered: int, waiting: int, datasets: int) -> Iterator[str]:
    with ExitStack() as stack:
        url = stack.enter_context(database(stack.enter_context(databases())))
        asyncio.run(_made(url))
        fill(url, delivered, waiting, lane="'old' || mod(n, %s) || '|live|chat'", lanes=datasets)
        yield url


async def _made(url: str) -> None:
    await (await open_outbox(url)).aclose()


async def _measured(url: str) -> Costs:
    outbox = await open_outbox(url)
    try:
        await outbox.append(_events(0))  # caches and plans
        await _delivered(outbox)
        accept = [await _timed(partial(outbox.append, _events(number))) for number in range(1, _GROUPS)]
        deliver = [await _timed(partial(_delivered, outbox)) for _ in range(1, _GROUPS)]
        single = [await _timed(partial(outbox.append, _events(100 + number)[:1])) for number in range(_LOOKS)]
        return Costs(
            statistics.median(accept) / _GROUP,
            statistics.median(deliver) / _GROUP,
            statistics.median(single),
            await _looked(lambda: outbox.search(Search(event_id="Lead:1-1"))),
            await _looked(outbox.lanes),
            await _looked(outbox.counts),
        )
    finally:
        await outbox.aclose()


async def _looked(look: Callable[[], Any]) -> float:
    return statistics.median([await _timed(look) for _ in range(_LOOKS)])


async def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1e6


async def _delivered(outbox: SqlOutbox) -> None:
    moment = now() + 1
    batch = await outbox.claim(_LANE, moment, moment + 60, _all)
    assert batch is not None
    await outbox.settle(batch, Settlement(Step.DELIVER, "delivered", ended_at=moment))


_LANE = "default|live|chat"


def _all(candidates: Sequence[Candidate]) -> Choice:
    return Choice([candidate.id for candidate in candidates])


def _events(group: int) -> list[NewEvent]:
    body = b'{"event_name":"Lead","event_id":"x","padding":"' + b"x" * 640 + b'"}'
    ids = [f"Lead:{group}-{number}" for number in range(_GROUP)]
    return [NewEvent(_LANE, "default", "Lead", one, one, 1, 9_999_999_999, os.urandom(16), body, "[]") for one in ids]
