"""What the bot remembers: which messages came, which still wait for an answer, and what was said before."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from whatsapp_booking.incoming import Message

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

_TURNS_BACK = 20  # a longer chat is cut at its beginning
_TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    customer TEXT NOT NULL,
    message TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
);
CREATE INDEX IF NOT EXISTS waiting ON messages (customer, number) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS turns (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    customer TEXT NOT NULL,
    said BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS turns_of ON turns (customer, number);
"""


class Memory:
    """Two tables. Each method is one short transaction, called from any thread."""

    def __init__(self, database: Path) -> None:
        self._database = database
        with closing(self._open()) as tables:
            tables.executescript(_TABLES)

    def keep(self, messages: Iterable[Message]) -> int:
        """Write down what came; how many are new. Meta tells of a message again where it is not sure of our answer."""
        rows = [(message.id, message.customer, json.dumps(message)) for message in messages]
        with closing(self._open()) as tables, tables:
            before = tables.total_changes
            tables.executemany("INSERT OR IGNORE INTO messages (id, customer, message) VALUES (?, ?, ?)", rows)
            return tables.total_changes - before

    def waiting(self, limit: int, besides: Collection[str] = ()) -> list[Message]:
        """The oldest message of each customer, but of those that are being answered."""
        with closing(self._open()) as tables:
            found = tables.execute(
                "SELECT message, min(number) FROM messages WHERE state = 'waiting'"
                " AND customer NOT IN (SELECT value FROM json_each(?)) GROUP BY customer ORDER BY 2 LIMIT ?",
                (json.dumps(list(besides)), limit),
            ).fetchall()
        return [Message(*json.loads(message)) for message, _ in found]

    def settle(self, message: Message, state: str) -> None:
        """`answered` or `failed`: it waits no longer."""
        with closing(self._open()) as tables, tables:
            tables.execute("UPDATE messages SET state = ? WHERE id = ?", (state, message.id))

    def remember(self, customer: str, said: bytes) -> None:
        """One turn, as the agent framework writes it."""
        with closing(self._open()) as tables, tables:
            tables.execute("INSERT INTO turns (customer, said) VALUES (?, ?)", (customer, said))

    def turns(self, customer: str) -> list[bytes]:
        """The latest turns, oldest first."""
        with closing(self._open()) as tables:
            found = tables.execute(
                "SELECT said FROM turns WHERE customer = ? ORDER BY number DESC LIMIT ?", (customer, _TURNS_BACK)
            ).fetchall()
        return [said for (said,) in reversed(found)]

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=5)
