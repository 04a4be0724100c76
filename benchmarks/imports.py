"""A file's rows against the bulk door's events, one after the other in the same gateway; and the gateway's memory."""

from __future__ import annotations

import json
import re
import statistics
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import gateway, got, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS = 50_000
_LARGE = 1_000_000
_A_REQUEST = 1_000
_PATIENCE = 600.0  # seconds


def imports(rounds: int, seconds: int) -> None:
    """`seconds` counts for nothing: a round is of 50,000 rows, and one of a million where there are five and more."""
    del seconds
    ratios, rates = [], []
    with receiver() as meta:
        for number in range(rounds):
            with gateway(meta) as konversi:
                bulk = _bulk(konversi, number)
                rate = _imported(konversi, _ROWS, f"R{number}")
            rates.append(rate)
            ratios.append(rate / bulk)
        print(f"{'rows imported, x the bulk door':<58}{statistics.median(ratios):>14.2f}", flush=True)
        print(f"{'rows a second':<58}{statistics.median(rates):>14,.0f}", flush=True)
        if rounds >= 5:
            with gateway(meta) as konversi:
                rate = _imported(konversi, _LARGE, "L")
                print(f"{'a million rows, rows a second':<58}{rate:>14,.0f}", flush=True)
                print(f"{'... peak memory of the gateway, MB':<58}{_peak(konversi):>14,.0f}", flush=True)


def _bulk(url: str, number: int) -> float:
    began = time.monotonic()
    for start in range(0, _ROWS, _A_REQUEST):
        events = [
            {
                "event": "Purchase",
                "booking_id": f"B{number}-{start + index}",
                "customer": {"phone": f"0812{10_000_000 + start + index}", "name": "Budi Santoso"},
                "value": 150000,
                "services": [{"name": "Repaint Bodi Halus"}],
                "channel": "store",
            }
            for index in range(_A_REQUEST)
        ]
        _post(f"{url}/v1/events", json.dumps({"events": events}).encode(), "application/json")
    return _ROWS / (time.monotonic() - began)


def _imported(url: str, rows: int, tag: str) -> float:
    body = b"".join(_lines(rows, tag))
    began = time.monotonic()
    found = _post(f"{url}/v1/imports", body, "text/csv")
    until = began + _PATIENCE
    while found["state"] in ("waiting", "running") and time.monotonic() < until:
        time.sleep(0.05)
        found = got(f"{url}/v1/imports/{found['import']}")
    assert (found["state"], found["accepted"]) == ("ended", rows), found
    return rows / (time.monotonic() - began)


def _lines(rows: int, tag: str) -> Iterator[bytes]:
    yield b"Tanggal;No HP;Nama Pelanggan;Layanan;Total Harga;Kode Booking\n"
    day = datetime.fromtimestamp(time.time() - 86_400, UTC).strftime("%d/%m/%Y %H:%M")
    for number in range(rows):
        line = f"{day};0813{10_000_000 + number};Budi Santoso;Repaint Bodi Halus;Rp 150.000;{tag}-{number}\n"
        yield line.encode()


def _post(url: str, body: bytes, kind: str) -> dict[str, Any]:
    request = urllib.request.Request(url, body, {"content-type": kind})
    with urllib.request.urlopen(request, timeout=60) as answer:
        said: dict[str, Any] = json.loads(answer.read())
        return said


def _peak(url: str) -> float:
    """Of the process that listens there, as the kernel has it."""
    port = f":{int(url.rpartition(':')[2]):04X}"
    inodes = {
        line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[1].endswith(port)
    }
    for process in Path("/proc").glob("[0-9]*"):
        try:
            sockets = {str(link.readlink()) for link in (process / "fd").iterdir()}
            if any(f"socket:[{inode}]" in sockets for inode in inodes - {"0"}):
                return int(re.findall(r"VmHWM:\s+(\d+)", (process / "status").read_text())[0]) / 1024
        except (OSError, IndexError):
            continue
    return 0.0
