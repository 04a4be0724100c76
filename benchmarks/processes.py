"""Servers for the benchmarks, each a process of its own on loopback, and wrk to load them."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Load(NamedTuple):
    """What wrk measured."""

    per_second: float
    p50: float  # milliseconds
    p99: float
    failed: int


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def process(*command: str, **surroundings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("META_", "KONVERSI_"))}
    running = subprocess.Popen(
        [sys.executable, *command], env={**kept, **surroundings}, stderr=subprocess.DEVNULL, cwd=tempfile.gettempdir()
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(40)


def answers(url: str) -> None:
    """Wait until somebody listens."""
    for _ in range(400):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nobody answers at {url}")


def got(url: str) -> dict[str, Any]:
    """A JSON answer."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def receiver(seconds: float = 0.0) -> Iterator[str]:
    """A stand-in for Meta, so many seconds away."""
    port = free_port()
    with process(str(HERE / "receiver.py"), str(port), str(seconds)):
        answers(f"http://127.0.0.1:{port}/count")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def bare() -> Iterator[str]:
    """The reference *bare*."""
    port = free_port()
    with process(str(HERE / "bare.py"), str(port)):
        answers(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def today(meta: str) -> Iterator[str]:
    """The reference *today*."""
    port = free_port()
    with process(str(HERE / "today.py"), str(port), meta):
        answers(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def gateway(meta: str, **settings: str) -> Iterator[str]:
    """Konversi on SQLite, as `konversi serve` runs it."""
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        surroundings = {
            "META_PIXEL_ID": "1234567890",
            "META_CONVERSION_API_TOKEN": "a-good-token",
            "META_GRAPH_URL": meta,
            "KONVERSI_DATA_DIR": folder,
            "KONVERSI_PORT": str(port),
            **settings,
        }
        with process("-m", "konversi", "serve", **surroundings):
            answers(f"http://127.0.0.1:{port}/readyz")
            yield f"http://127.0.0.1:{port}"


def wrk(url: str, script: str, *, seed: int, seconds: int, connections: int = 64) -> Load:
    """Load a server with one thread of wrk."""
    if not shutil.which("wrk"):
        raise SystemExit("The benchmarks need wrk (Debian and Ubuntu: apt-get install wrk).")
    done = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            "20s",
            "--latency",
            "-s",
            str(HERE / script),
            f"{url}/v1/events",
        ],
        env={**os.environ, "SEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done)
    assert rate is not None, done
    return Load(float(rate[1]), _latency(done, "50%"), _latency(done, "99%"), int(failed[1]) if failed else 0)


def _latency(text: str, part: str) -> float:
    found = re.search(rf"{part}\s+([\d.]+)(us|ms|s)\b", text)
    assert found is not None, text
    return float(found[1]) * _UNITS[found[2]]
