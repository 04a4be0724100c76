"""The benchmark of payment providers' webhooks."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import urllib.request
from decimal import Decimal
from pathlib import Path

from konversi.clock import now
from konversi.intake.payments import samples
from processes import bare, gateway, got, receiver, wrk

_SECRET = "SB-Mid-server-secret"
_CALLS = 60_000
_AT_ONCE = 1_000


def payments(rounds: int, seconds: int) -> None:
    """Signed payments of known bookings, each with its Purchase durable before the answer, against checking them."""
    ratios, tails, rates, bares, ends = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PAYLOADS"] = str(_payloads(Path(folder) / "payloads"))
        for _ in range(rounds):
            with bare() as reference:
                base = wrk(reference, "payments.lua", seed=1, seconds=seconds)
            with receiver() as meta, gateway(meta, MIDTRANS_SERVER_KEY=_SECRET) as konversi:
                _book(konversi)
                load = wrk(konversi, "payments.lua", seed=1, seconds=seconds)
                ends.append(got(f"{konversi}/v1/status")["accepted_ever"] - _CALLS)
            assert load.failed == base.failed == 0
            assert load.per_second * seconds < _CALLS, "the calls came round: they would have been known already"
            assert ends[-1] >= load.per_second * seconds * 0.95, "each payment has its Purchase"
            bares.append(base.per_second)
            rates.append(load.per_second)
            ratios.append(load.per_second / base.per_second)
            tails.append(load.p99 / base.p99)
    print(f"  bare {statistics.median(bares):,.0f}/s   Konversi {statistics.median(rates):,.0f}/s")
    print(f"  x bare {statistics.median(ratios):.2f}   p99 x bare's {statistics.median(tails):.1f}")


def _payloads(path: Path) -> Path:
    at = int(now())
    with path.open("wb") as file:
        for index in range(_CALLS):
            told = samples.Told("paid", f"pay-{index}", f"BK-{index}", Decimal(150_000), "IDR", at)
            file.write(samples.call("midtrans", told, _SECRET).body + b"\n")
    return path


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
