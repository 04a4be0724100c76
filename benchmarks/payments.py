"""The benchmark of payment providers' webhooks."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from konversi.clock import now
from konversi.intake.payments import samples
from processes import bare, gateway, got, receiver, wrk

if TYPE_CHECKING:
    from collections.abc import Callable

_SECRET = "SB-Mid-server-secret"
_CALLS = 60_000
_AT_ONCE = 1_000
_PENDING = 1_000  # payments at a time
_PATIENCE = 60.0  # seconds
_SUMMED_SECONDS = 10.0  # sums follow every five


def payments(rounds: int, seconds: int) -> None:
    """Signed payments of known bookings, each with its Purchase durable before the answer, against checking them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "payloads"
        os.environ["PAYLOADS"] = str(path)
        print("  each call a settled payment")
        _payloads(path)
        _against_bare(rounds, seconds, lambda calls: calls)
        print("  as Midtrans calls, pending and later settled")
        _payloads_in_two_steps(path)
        _against_bare(rounds, seconds, lambda calls: (calls - _PENDING) / 2)


def _against_bare(rounds: int, seconds: int, settled: Callable[[float], float]) -> None:
    """`settled` says how many payments so many calls settle."""
    ratios, tails, rates, bares = [], [], [], []
    for _ in range(rounds):
        with bare() as reference:
            base = wrk(reference, "payments.lua", seed=1, seconds=seconds)
        with receiver() as meta, gateway(meta, MIDTRANS_SERVER_KEY=_SECRET) as konversi:
            _book(konversi)
            _until_they_are_history(konversi)
            load = wrk(konversi, "payments.lua", seed=1, seconds=seconds)
            purchases = got(f"{konversi}/v1/status")["accepted_ever"] - _CALLS
        assert load.failed == base.failed == 0
        assert load.per_second * seconds < _CALLS - _PENDING, "the calls came round: they would have been known already"
        assert purchases >= settled(load.per_second * seconds) * 0.95, "each settled payment has its Purchase"
        bares.append(base.per_second)
        rates.append(load.per_second)
        ratios.append(load.per_second / base.per_second)
        tails.append(load.p99 / base.p99)
    print(f"  bare {statistics.median(bares):,.0f}/s   Konversi {statistics.median(rates):,.0f}/s")
    print(f"  x bare {statistics.median(ratios):.2f}   p99 x bare's {statistics.median(tails):.1f}")


def _payloads(path: Path) -> None:
    at = int(now())
    path.write_bytes(b"".join(_call("paid", index, at) for index in range(_CALLS)))


def _payloads_in_two_steps(path: Path) -> None:
    """Each payment settles so many others later as are pending at a time."""
    at = int(now())
    calls = []
    for index in range(_CALLS // 2):
        calls.append(_call("pending", index, at))
        if index >= _PENDING:
            calls.append(_call("paid", index - _PENDING, at))
    path.write_bytes(b"".join(calls))


def _call(state: samples.State, index: int, at: int) -> bytes:
    told = samples.Told(state, f"pay-{index}", f"BK-{index}", Decimal(150_000), "IDR", at)
    return samples.call("midtrans", told, _SECRET).body + b"\n"


def _until_they_are_history(konversi: str) -> None:
    """The bookings came long before in life: how they are delivered and summed up is no part of what payments cost."""
    until = time.monotonic() + _PATIENCE
    while any(got(f"{konversi}/v1/status")["states"][state] for state in ("waiting", "sending")):
        assert time.monotonic() < until, "the bookings are not delivered"
        time.sleep(0.2)
    time.sleep(_SUMMED_SECONDS)


def _book(konversi: str) -> None:
    for first in range(0, _CALLS, _AT_ONCE):
        events = [
            {
                "event": "Lead", "booking_id": f"BK-{index}", "value": 150_000, "currency": "IDR",
                "customer": {"phone": f"+62812{index:08d}", "name": "Budi Santoso"},
            }
            for index in range(first, first + _AT_ONCE)
        ]  # fmt: skip
        body = json.dumps({"events": events}).encode()
        asked = urllib.request.Request(f"{konversi}/v1/events", body, {"content-type": "application/json"})
        urllib.request.urlopen(asked, timeout=60).close()
