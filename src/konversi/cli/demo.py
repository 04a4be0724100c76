"""`konversi demo`: a booking on its way, with a local Meta and a gateway of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import orjson

from konversi.cli.demo_day import CHATS, fill
from konversi.cli.demo_spend import told
from konversi.cli.printing import words
from konversi.clock import monotonic, now
from konversi.sandbox.ads import ACCOUNT
from konversi.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

PIXEL_ID = "1234567890"
BOOKING: dict[str, Any] = {
    "type": "booking",
    "customerPhone": "628123456789",
    "customerName": "Test Customer",
    "totalValue": 150000,
    "services": [{"serviceName": "Repaint Bodi Halus", "price": 150000}],
}
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
_OURS = ("META_", "KONVERSI_")
_SEED = 2026
_DAY = 86_400
_QUIET_SECONDS = 300.0  # between the end of the made-up day and now


def run(*, once: bool, data: bool = False, port: int, sandbox_port: int) -> int:
    """Run it. Exit status 0 only if the event was delivered."""
    gateway, meta = f"http://localhost:{port}", f"http://localhost:{sandbox_port}"
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="konversi-demo-", ignore_cleanup_errors=True))
        sandbox = stack.enter_context(_process(folder, "sandbox", "--port", str(sandbox_port)))
        if not _answers(f"{meta}/_sandbox/events", sandbox):
            return _failed("The local Meta", sandbox_port)
        _step(f"A local Meta applies Meta's rules at {meta}")
        ads = {}
        if data:
            _step(f"A day of made-up traffic: {_made_up(folder, meta)} events of {CHATS} chats from 12 ads")
            ads = {"META_AD_ACCOUNT_ID": f"act_{ACCOUNT}"}
        served = stack.enter_context(
            _process(folder, "serve", "--port", str(port), META_GRAPH_URL=meta, META_PIXEL_ID=PIXEL_ID, **ads)
        )
        if not _answers(f"{gateway}/readyz", served):
            return _failed("The gateway", port)
        _step(f"The gateway takes conversions at {gateway}")
        delivered = _show(gateway, meta)
        if once:
            return 0 if delivered else 1
        words(
            f"\nBoth are running. Dashboard: {gateway}   API: {gateway}/docs   local Meta: {meta}   Ctrl-C ends them."
        )
        _until_interrupted([sandbox, served])
        return 0 if delivered else 1


@contextmanager
def _process(folder: str, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own, which knows none of the user's settings and leaves nothing behind."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    settings.setdefault("META_CONVERSION_API_TOKEN", "demo-token-for-the-local-meta")
    process = subprocess.Popen(
        [sys.executable, "-m", "konversi", *arguments],
        cwd=folder,
        env={**surroundings, **settings, "PYTHONUNBUFFERED": "1"},
        stdout=sys.stderr.fileno(),
        start_new_session=True,  # Ctrl-C is ours to handle: the gateway is stopped before Meta
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether the process serves the address before it ends or the time is over."""
    until = monotonic() + _START_SECONDS
    while monotonic() < until and process.poll() is None:
        try:
            if httpx2.get(url, timeout=1, trust_env=False).is_success:
                return process.poll() is None
        except httpx2.HTTPError:
            pass
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    return False


def _failed(what: str, port: int) -> int:
    words(f"{what} did not start. If port {port} is taken, give another: konversi demo --port N --sandbox-port M")
    return 1


def _show(gateway: str, meta: str) -> bool:
    """The booking's way, step by step; whether it was delivered."""
    with httpx2.Client(timeout=40, trust_env=False) as http:
        configured = http.get(f"{gateway}/api/meta/conversion")
        _step("Is it configured?  GET /api/meta/conversion", configured.text)
        began = monotonic()
        answer = http.post(f"{gateway}/api/meta/conversion", json=BOOKING, headers={"prefer": "wait=20"})
        took = (monotonic() - began) * 1000
        _step(f"A booking comes in.  POST /api/meta/conversion\n{_pretty(BOOKING)}")
        said = f"It was made durable, sent, and answered after {took:.0f} ms: HTTP {answer.status_code}"
        _step(said, _pretty(answer.json()))
        receipt = answer.json().get("receipt")
        if not receipt:
            return False
        event = http.get(f"{gateway}/v1/events/{receipt}").json()
        _step("What Meta was sent: identities as SHA-256 hashes, never in the clear", _pretty(event["sent_to_meta"]))
        for attempt in event["attempts"]:
            shown = {name: attempt[name] for name in ("verdict", "http_status", "events_received", "fbtrace_id")}
            _step(f"What Meta answered (attempt {attempt['attempt']})", _pretty(shown))
        ledger = http.get(f"{meta}/_sandbox/events").json()["events"]
        arrived = [one for one in ledger if one["event"]["event_id"] == event["event_id"]]
        _step(f"What the local Meta's ledger says: {len(arrived)} event with id {event['event_id']}")
        delivered = event["state"] == "delivered" and len(arrived) == 1
        _step(f"The event is {event['state']}." + (" Done." if delivered else f" {event['reason']}"))
        return bool(delivered)


def _made_up(folder: str, meta: str) -> int:
    """Fill the gateway's database, before the gateway opens it, and tell Meta what the ads cost; how many events."""
    until = now() - _QUIET_SECONDS
    httpx2.post(f"{meta}/_sandbox/spend", json=told(until - _DAY, until, CHATS), timeout=10, trust_env=False)
    # Live events: those of a test are in no sum of money.
    settings = Settings(
        environment="production", data_dir=Path(folder) / ".konversi", database_url=None, secret=None, pixel_id=PIXEL_ID
    )
    return asyncio.run(fill(settings, until=until, seed=_SEED))


_number = 0


def _step(title: str, body: str = "") -> None:
    global _number  # noqa: PLW0603 - the steps of one run
    _number += 1
    print(f"\n{_number}. {title}" + (f"\n{body}" if body else ""), flush=True)


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _until_interrupted(processes: list[subprocess.Popen[bytes]]) -> None:
    """Until Ctrl-C, SIGTERM, or the end of one of the processes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while all(process.poll() is None for process in processes):
            try:
                processes[0].wait(0.5)
            except subprocess.TimeoutExpired:
                continue
    except KeyboardInterrupt:
        words("")
