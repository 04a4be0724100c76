"""What this Meta took: one line of JSON for each transmission of an event, written before it is answered."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Transmission(NamedTuple):
    """What the events of one request share."""

    request: str  # the `fbtrace_id` it was answered with
    received_at: float  # Unix seconds
    dataset: str
    api_version: str
    test_event_code: str | None


class Query(NamedTuple):
    """Which entries are asked for. `since` is in Unix seconds; of too many entries the newest `limit` are kept."""

    event_id: str | None = None
    dataset: str | None = None
    since: float | None = None
    limit: int = 1_000


class Found(NamedTuple):
    """How many entries match, and the newest of them, oldest first."""

    total: int
    entries: list[dict[str, Any]]


class Ledger(Protocol):
    """Where entries are kept."""

    async def append(self, lines: Sequence[bytes]) -> None:
        """Keep them, all or none. Returns when they are as safe as this ledger makes them.

        Raises:
            OSError: none were kept.

        """
        ...

    async def find(self, query: Query) -> Found: ...

    async def empty(self) -> None: ...

    def close(self) -> None: ...


def lines(transmission: Transmission, events: Iterable[Any]) -> list[bytes]:
    """The entries of one request. `sha256` is of the event's JSON in the order of its keys, without white space."""
    head = orjson.dumps(transmission._asdict())[:-1] + b',"sha256":"'
    return [
        head + hashlib.sha256(raw).hexdigest().encode() + b'","event":' + raw + b"}\n"
        for raw in map(orjson.dumps, events)
    ]


def search(kept: Iterable[bytes], query: Query) -> Found:
    """Read through lines, decoding only those that may match."""
    newest: deque[bytes] = deque(maxlen=query.limit)
    needles = [orjson.dumps(text)[1:-1] for text in (query.event_id, query.dataset) if text is not None]
    total = 0
    for line in kept:
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


class MemoryLedger:
    """Forgets with its process."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    async def append(self, lines: Sequence[bytes]) -> None:
        self._lines.extend(lines)

    async def find(self, query: Query) -> Found:
        return search(self._lines, query)

    async def empty(self) -> None:
        self._lines.clear()

    def close(self) -> None:
        """Nothing to let go of."""
