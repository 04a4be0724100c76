"""What this Meta took: one line of JSON for each event of each accepted request."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from konversi.sandbox.ledger_file import LedgerFile

_LATEST = 50


class Transmission(NamedTuple):
    """What the events of one request share. `received_at` is in Unix seconds."""

    received_at: float
    dataset: str
    version: str
    test_event_code: str | None


class Query(NamedTuple):
    """Which entries are asked for. `since` is in Unix seconds; of too many entries the newest `limit` are kept."""

    event_id: str | None = None
    dataset: str | None = None
    since: float | None = None
    limit: int | None = None


class Found(NamedTuple):
    """How many entries match, and the newest of them, oldest first."""

    total: int
    entries: list[dict[str, Any]]


class Ledger:
    """All entries, in a file that survives this process, or in its memory.

    An entry: `{"request": n, "received_at": t, "dataset", "version", "test_event_code", "sha256", "event": {...}}`.
    """

    def __init__(self, file: LedgerFile | None = None) -> None:
        self._file = file
        self._number: int  # of the last request, whether it was kept or not
        self._requests: int
        self._events: int
        self._start()
        for line in file.lines() if file else ():
            entry = orjson.loads(line)
            self._requests += int(entry["request"] != self._number)
            self._number = entry["request"]
            self._count(line, entry["dataset"], entry["event"])

    async def append(self, transmission: Transmission, events: Sequence[dict[str, Any]]) -> None:
        """Keep a request. Returns when its events are as safe as this ledger makes them.

        Raises:
            OSError: none were kept.

        """
        self._number += 1
        entries = list(_entries(self._number, transmission, events))
        if self._file:
            await self._file.append(entries)
        else:
            self._lines.extend(entries)
        self._requests += 1
        for entry, event in zip(entries, events, strict=True):
            self._count(entry, transmission.dataset, event)

    def find(self, query: Query) -> Found:
        """Reads all of the ledger: for tests and people, in a thread."""
        return _search(self._file.lines() if self._file else list(self._lines), query)

    def latest(self) -> list[dict[str, Any]]:
        """The last few entries, newest first."""
        return [orjson.loads(line) for line in reversed(self._latest)]

    def counts(self) -> dict[str, int]:
        """Requests, events, and how many events differ in dataset, name and event_id."""
        return {"events": self._events, "requests": self._requests, "distinct": len(self._distinct)}

    async def empty(self) -> None:
        if self._file:
            await self._file.empty()
        self._start()

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _start(self) -> None:
        self._lines: list[bytes] = []
        self._number = self._requests = self._events = 0
        self._distinct: set[int] = set()
        self._latest: deque[bytes] = deque(maxlen=_LATEST)

    def _count(self, line: bytes, dataset: str, event: dict[str, Any]) -> None:
        self._events += 1
        self._latest.append(line)
        event_id = event.get("event_id")
        self._distinct.add(hash((dataset, event.get("event_name"), event_id)) if event_id else hash(line))


def open_ledger(path: Path | None) -> Ledger:
    """The ledger in that file, with what it already holds; without a file, an empty one in memory."""
    if path is None:
        return Ledger()
    from konversi.sandbox.ledger_file import LedgerFile  # noqa: PLC0415 - the file knows nothing of entries

    return Ledger(LedgerFile(path))


def _entries(request: int, transmission: Transmission, events: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    """`sha256` is of the event's JSON in the order of its keys, without white space."""
    head = orjson.dumps({"request": request, **transmission._asdict()})[:-1] + b',"sha256":"'
    for event in events:
        written = orjson.dumps(event)
        yield b"".join((head, hashlib.sha256(written).hexdigest().encode(), b'","event":', written, b"}\n"))


def _search(lines: Iterable[bytes], query: Query) -> Found:
    """Read through lines, decoding only those that may match."""
    newest: deque[bytes] = deque(maxlen=query.limit)
    needles = [orjson.dumps(text)[1:-1] for text in (query.event_id, query.dataset) if text is not None]
    total = 0
    for line in lines:
        if all(needle in line for needle in needles) and _matches(line, query):
            total += 1
            newest.append(line)
    return Found(total, [orjson.loads(line) for line in newest])


def _matches(line: bytes, query: Query) -> bool:
    if query.event_id is None and query.dataset is None and query.since is None:
        return True
    entry = orjson.loads(line)
    return (
        (query.event_id is None or str(entry["event"].get("event_id")) == query.event_id)
        and (query.dataset is None or entry["dataset"] == query.dataset)
        and (query.since is None or entry["received_at"] >= query.since)
    )
