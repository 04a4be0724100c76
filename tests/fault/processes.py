"""Real processes for the fault tests: gateways that can be killed, and a local Meta with a ledger on disk."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2

SECONDS = 30.0
_FORKER = Path(__file__).with_name("forker.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what: str, seconds: float = SECONDS):
    """Wait for a condition; what it returned."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


@contextmanager
def local_meta(ledger: Path):
    """The sandbox as a process of its own; yields its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "konversi.sandbox", "--port", "0", "--ledger", str(ledger)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Forker:
    """A process that has loaded everything and forks gateways, so that a start takes no two seconds: what is tested is
    the gateway, not the import system.
    """

    def __init__(self, folder: Path, log: Path, settings: dict[str, str]) -> None:
        surroundings = {
            name: value for name, value in os.environ.items() if not name.startswith(("META_", "KONVERSI_"))
        }
        surroundings |= {
            "META_PIXEL_ID": "1234567890",
            "META_CONVERSION_API_TOKEN": "a-good-token-for-the-test",
            "KONVERSI_DATA_DIR": str(folder / "data"),
            **settings,
        }
        self._process = subprocess.Popen(
            [sys.executable, str(_FORKER), str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=surroundings,
            cwd=folder,
            text=True,
            bufsize=1,
        )

    def start(self, **settings: str) -> int:
        """The pid of a gateway with these settings besides the surroundings' own."""
        return int(self._ask(f"start {json.dumps(settings)}"))

    def wait(self, pid: int) -> int:
        """Wait for its end; the exit status as `subprocess` gives it."""
        return os.waitstatus_to_exitcode(int(self._ask(f"wait {pid}")))

    def _ask(self, line: str) -> str:
        self._process.stdin.write(line + "\n")
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self._process.stdout.close()


def is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False


class Gateways:
    """Starts gateways, one after the other, on one address and one folder. Each is a process of its own."""

    def __init__(self, folder: Path, meta: str, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "gateway.log"
        self._forker = Forker(folder, self.log, {"META_GRAPH_URL": meta, "KONVERSI_PORT": str(self.port), **settings})
        self.pid: int | None = None

    def start(self, *, wait: bool = True) -> int:
        self.pid = self._forker.start()
        if wait:
            until(self.ready, "the gateway is ready")
        return self.pid

    def ready(self) -> bool:
        return is_ready(self.url)

    def end(self, number: int = signal.SIGKILL) -> int:
        """Send the signal and wait; the exit status as `subprocess` gives it."""
        os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the gateway to end by itself."""
        status = self._forker.wait(self.pid)
        self.pid = None
        return status

    def close(self) -> None:
        if self.pid is not None:
            self.end()
        self._forker.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def status(self) -> dict:
        return httpx2.get(f"{self.url}/v1/status", timeout=10).json()

    def idle(self) -> bool:
        """Whether nothing waits any more."""
        states = self.status()["states"]
        return states["waiting"] == 0 and states["sending"] == 0


def ledger_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]
