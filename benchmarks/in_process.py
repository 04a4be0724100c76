"""The benchmarks that need no server."""

from __future__ import annotations

import asyncio
import logging
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
import timeit
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from konversi import Conversion, Customer, Konversi, Lead
from konversi.clock import now
from konversi.delivery.plan import next_batch
from konversi.matching.match import match
from konversi.meta.compose import Composed, compose
from konversi.outbox.port import NewEvent
from konversi.outbox.store import SqlOutbox, open_outbox
from today import event_of

if TYPE_CHECKING:
    from collections.abc import Callable

_EVENT: dict[str, Any] = {
    "event": "Lead",
    "booking_id": "BK-1001",
    "customer": {
        "phone": "+6281234567890",
        "name": "Budi Santoso",
        "email": "budi@example.com",
        "city": "Jakarta",
        "country": "ID",
    },
    "value": 150000,
    "currency": "IDR",
    "services": [{"name": "Repaint Bodi Halus", "price": 150000}],
    "source": "agent",
}

_SHORT_RUN = 200  # calls


def _per_call(call: Callable[[], object], rounds: int) -> float:
    """Microseconds, the best of many short runs: a long one has always been interrupted."""
    return min(timeit.repeat(call, number=_SHORT_RUN, repeat=rounds * 50)) / _SHORT_RUN * 1e6


def matching(rounds: int, _seconds: int) -> None:
    """From a conversion to Meta's JSON, against Meta's Python SDK doing the same with `normalize()`; microseconds."""
    for kind, phone in (
        ("international", "+6281234567890"),
        ("national", "0812-3456-7890"),
        ("landline", "021-5795 0000"),
    ):
        event = {**_EVENT, "customer": {**_EVENT["customer"], "phone": phone}}
        conversion = Conversion.model_validate(event)
        theirs = _per_call(partial(_by_sdk, event), rounds)
        ours = _per_call(partial(_by_konversi, conversion), rounds)
        print(f"  {kind:<16} SDK {theirs:6.1f}   Konversi {ours:6.1f}   x SDK {theirs / ours:5.1f}")


def _by_sdk(event: dict[str, Any]) -> bytes:
    return orjson.dumps(event_of(event).normalize())


def _by_konversi(conversion: Conversion) -> bytes:
    matched = match(conversion.customer, country="ID", seen_ms=1_795_000_000_000)
    composed = compose(
        conversion,
        name="Lead",
        event_id="Lead:BK-1001",
        event_time=1_795_000_000,
        user_data=matched.user_data,
        default_currency="IDR",
    )
    assert isinstance(composed, Composed)
    return orjson.dumps(composed.event)


class BareCommits:
    """Rows of 900 bytes, each in a commit of its own, by turns with what they are a reference for: a busy disk slows both.

    `pause` (seconds) comes before each.
    """

    _TURN = 25

    def __init__(self, path: Path, pause: float = 0.0) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")
        self.pause = pause
        self._took: list[float] = []

    def turn(self, number: int) -> None:
        """Some commits after every so many of the others."""
        for _ in range(self._TURN if number % self._TURN == 0 else 0):
            time.sleep(self.pause)
            began = time.perf_counter()
            self._database.execute("INSERT INTO t (body) VALUES (?)", ("x" * 900,))
            self._took.append((time.perf_counter() - began) * 1000)

    def end(self) -> float:
        """The p50 in milliseconds."""
        self._database.close()
        return statistics.median(self._took)


def track(_rounds: int, seconds: int) -> None:
    """`track()` in this process against a bare fsynced SQLite commit; milliseconds, p50."""
    logging.getLogger("konversi").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        bare = BareCommits(Path(folder) / "bare.db")
        ours = asyncio.run(_tracked(folder, bare, seconds))
        base = bare.end()
    print(f"  bare commit {base:.3f}   track {ours:.3f}   x bare {ours / base:.2f}")


async def _tracked(folder: str, bare: BareCommits, seconds: int) -> float:
    took = []
    async with Konversi(data_dir=Path(folder)) as konversi:
        end = time.perf_counter() + 2 * seconds
        number = 0
        while time.perf_counter() < end:
            number += 1
            bare.turn(number)
            customer = Customer(phone="+6281234567890", name="Budi Santoso")
            lead = Lead(booking_id=f"BK-{number}", customer=customer, value=150000)
            began = time.perf_counter()
            await konversi.track(lead)
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


_LANE = "default|live|chat"
_GROUP = 1_000
_MILLION = 1_000_000
_SAMPLE = 50


def backlog(_rounds: int, _seconds: int) -> None:
    """A million waiting events: accepting and claiming against an empty outbox, and memory."""
    asyncio.run(_backlog())


async def _backlog() -> None:
    with tempfile.TemporaryDirectory() as folder:
        outbox = await open_outbox(f"sqlite:///{folder}/backlog.db")
        empty = await _rates(outbox, 0)
        for number in range(_SAMPLE, _SAMPLE + _MILLION // _GROUP):
            await outbox.append(_events(number))
        full = await _rates(outbox, 10_000)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
        await outbox.aclose()
    for name, base, ours in (("accept", empty[0], full[0]), ("claim", empty[1], full[1])):
        print(f"  {name:<8} empty {base:8,.0f}/s   with a million waiting {ours:8,.0f}/s   x empty {ours / base:.2f}")
    print(f"  peak memory {peak:.0f} MB")


async def _rates(outbox: SqlOutbox, first: int) -> tuple[float, float]:
    """Events a second accepted, and claimed."""
    began = time.perf_counter()
    for number in range(first, first + _SAMPLE):
        await outbox.append(_events(number))
    accepted = _SAMPLE * _GROUP / (time.perf_counter() - began)
    moment = now() + 1
    began = time.perf_counter()
    for _ in range(_SAMPLE):
        batch = await outbox.claim(_LANE, moment, moment + 60, partial(next_batch, now=moment))
        assert batch is not None
        assert len(batch.ids) == _GROUP
    return accepted, _SAMPLE * _GROUP / (time.perf_counter() - began)


def _events(number: int) -> list[NewEvent]:
    body = b'{"event_name":"Lead","event_id":"x","padding":"' + b"x" * 800 + b'"}'
    at = int(now())
    ids = (f"Lead:BK-{number * _GROUP + index:09d}" for index in range(_GROUP))
    return [NewEvent(_LANE, "default", "Lead", one, one[5:], at, at + 600_000, b"d" * 16, body, "") for one in ids]
