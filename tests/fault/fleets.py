"""Many gateways over one PostgreSQL database, each a process of its own that can be killed, frozen or told to stop."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg

from postgres import server
from processes import Forker, free_port, is_ready, local_meta, until

SECRET = "the-same-secret-for-all-of-them"
LEASE = 3.0  # seconds; 30 outside tests


class Member:
    """One of them: what it does is told by its settings, and the same after it is started again."""

    def __init__(self, fleet: Fleet, name: str, settings: dict[str, str]) -> None:
        self.name = name
        self.log = fleet.folder / f"{name}.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._forker = fleet.forker
        self._settings = {"KONVERSI_PORT": str(self.port), "KONVERSI_TEST_LOG": str(self.log), **settings}
        self.pid: int | None = None

    def start(self, *, wait: bool = True) -> Member:
        self.pid = self._forker.start(**self._settings)
        if wait:
            until(self.is_ready, f"{self.name} is ready")
        return self

    def is_ready(self) -> bool:
        return is_ready(self.url)

    def is_alive(self) -> bool:
        return self.pid is not None and is_alive(self.pid)

    def end(self, number: int = signal.SIGKILL) -> int:
        """Send the signal and wait; the exit status as `subprocess` gives it."""
        os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Wait for it to end by itself."""
        status = self._forker.wait(self.pid)
        self.pid = None
        return status

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def sent(self) -> int:
        """How many requests to Meta it has made, over all its lives."""
        return self.said("Sending conversion event")

    def said(self, words: str) -> int:
        return self.log.read_text().count(words) if self.log.exists() else 0


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def children_of(pid: int) -> list[int]:
    """Its living children, whichever of its threads began them."""
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for one in listed for child in one.read_text().split() if is_alive(int(child))]


class Fleet:
    """Gateways over the database of a URL."""

    def __init__(self, folder: Path, meta: str, database: str, **settings: str) -> None:
        self.folder, self.meta, self.database = folder, meta, database
        self.members: list[Member] = []
        common = {
            "META_GRAPH_URL": meta,
            "KONVERSI_DATABASE_URL": database,
            "KONVERSI_SECRET": SECRET,
            "KONVERSI_TEST_LEASE": str(LEASE),
            **settings,
        }
        self.forker = Forker(folder, folder / "fleet.log", common)

    def member(self, name: str, **settings: str) -> Member:
        """A gateway that has not been started yet."""
        self.members.append(Member(self, name, settings))
        return self.members[-1]

    def start(self, name: str, **settings: str) -> Member:
        return self.member(name, **settings).start()

    def ask(self, query: str) -> list[tuple]:
        """What the database says."""
        with psycopg.connect(self.database.replace("+psycopg", ""), autocommit=True) as connection:
            return connection.execute(query).fetchall()

    def is_idle(self) -> bool:
        """Whether nothing waits and nobody holds a lease."""
        (open_ones,) = self.ask(
            "SELECT (SELECT count(*) FROM queue WHERE state IN ('waiting', 'sending'))"
            " + (SELECT count(*) FROM attempts WHERE ended_at IS NULL)"
        )
        return open_ones[0] == 0

    def in_doubt(self) -> dict[str, int]:
        """How often each event was in doubt, if ever."""
        return dict(self.ask("SELECT event_id, in_doubt FROM events JOIN queue USING (id) WHERE in_doubt > 0"))

    def states(self) -> dict[str, int]:
        return dict(self.ask("SELECT state, count(*) FROM queue GROUP BY state"))

    def connections(self) -> int:
        (number,) = self.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'konversi'")
        return number[0]

    def faults(self) -> str:
        """What no log should hold."""
        logs = [member.log.read_text() for member in self.members if member.log.exists()]
        return "".join(line for log in logs for line in log.splitlines(keepends=True) if _is_fault(line))

    def close(self) -> None:
        for member in self.members:
            if member.pid is not None:
                os.kill(member.pid, signal.SIGCONT)
                member.end()
        self.forker.close()


def _is_fault(line: str) -> bool:
    return any(words in line for words in ("Traceback", "unforeseen", "delivery_restarts", "never awaited"))


@contextmanager
def fleet(folder: Path, database: str | None = None, **settings: str):
    """A fleet without members, over a new database where none is given, and a local Meta."""
    with local_meta(folder / "ledger.jsonl") as meta:
        if database is None:
            with server().database() as url, fleet_over(folder, meta, url, **settings) as found:
                yield found
        else:
            with fleet_over(folder, meta, database, **settings) as found:
                yield found


@contextmanager
def fleet_over(folder: Path, meta: str, database: str, **settings: str):
    made = Fleet(folder, meta, database, **settings)
    try:
        yield made
    finally:
        made.close()


def slow_meta(meta: str, seconds: float, kind: str = "latency", **more: int) -> None:
    """From now on Meta answers late; a `drip` takes the events first, and then so long for each byte."""
    fault = {"kind": kind, "seconds": seconds, **more}
    assert httpx2.post(f"{meta}/_sandbox/faults", json=fault, timeout=5).is_success


def quick_meta(meta: str) -> None:
    assert httpx2.delete(f"{meta}/_sandbox/faults", timeout=5).is_success


def report(url: str, number: int, **more) -> str:
    """The receipt of an event."""
    body = {"event": "Lead", "booking_id": f"BK-{number}", "customer": {"phone": "+6281234567890"}, **more}
    answer = httpx2.post(f"{url}/v1/events", json=body, timeout=20)
    assert answer.status_code == 202, answer.text
    return answer.json()["receipt"]
