"""A file that is being worked on when the gateway is killed."""

from __future__ import annotations

import collections
import signal
import time
from datetime import UTC, datetime

import httpx2
import pytest

from processes import Gateways, ledger_of, local_meta, until

pytestmark = pytest.mark.fault

ROWS = 6_000
KILLS = 5


def _file() -> bytes:
    day = datetime.fromtimestamp(time.time() - 86_400, UTC).strftime("%Y-%m-%d %H:%M")
    rows = "".join(f"{day},+628{1_000_000_000 + number},150000,{number}\n" for number in range(ROWS))
    return f"Date,Phone,Amount,Order ID\n{rows}".encode()


def test_kill_9_in_the_middle_of_a_file_loses_and_doubles_no_row(tmp_path):
    file = _file()  # of one moment
    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta) as gateways:
        gateways.start()

        def progress() -> dict:
            return httpx2.get(f"{gateways.url}/v1/imports/1", timeout=10).json()

        sent = httpx2.post(f"{gateways.url}/v1/imports", content=file, params={"time_zone": "UTC"}, timeout=30)
        assert sent.status_code == 202, sent.text
        for kill in range(KILLS):
            until(lambda least=kill * ROWS // KILLS: progress()["rows"] >= least, "it goes on")
            gateways.end(signal.SIGKILL)
            gateways.start()
        found = until(lambda: (one := progress())["state"] == "ended" and one, "it is done")
        until(gateways.idle, "everything is delivered")
        again = httpx2.post(f"{gateways.url}/v1/imports", content=file, params={"time_zone": "UTC"}, timeout=30)
        until(
            lambda: httpx2.get(f"{gateways.url}/v1/imports/{again.json()['import']}").json()["repeated"] == ROWS, "once"
        )
        lines = httpx2.get(f"{gateways.url}/v1/imports/1/result.csv", timeout=30).text.splitlines()
        in_doubt = gateways.status()["in_doubt_ever"]

    assert (found["rows"], found["refused"], found["known"]) == (ROWS, 0, 0)
    assert found["accepted"] + found["repeated"] == ROWS
    assert [line.split(",")[0] for line in lines[1:]] == [str(number) for number in range(2, ROWS + 2)]
    arrived = collections.Counter(line["event"]["event_id"] for line in ledger_of(tmp_path / "ledger.jsonl"))
    assert len(arrived) == ROWS
    assert sum(arrived.values()) - ROWS <= in_doubt
