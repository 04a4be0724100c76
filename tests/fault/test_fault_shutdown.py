"""How a gateway ends, and how it refuses to start."""

from __future__ import annotations

import collections
import signal
import threading

import httpx2
import pytest
from fleets import children_of, is_alive

from processes import Gateways, ledger_of, local_meta, until

pytestmark = pytest.mark.fault


def _report(url: str, number: int) -> int:
    body = {"event": "Lead", "booking_id": f"BK-{number}", "customer": {"phone": "+6281234567890"}}
    return httpx2.post(f"{url}/v1/events", json=body, timeout=10).status_code


def test_sigterm_under_load_ends_well_and_leaves_nothing_in_doubt(tmp_path):
    accepted: list[int] = []
    stopping = threading.Event()

    def call() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            try:
                if _report(gateways.url, number) == 202:
                    accepted.append(number)
            except httpx2.HTTPError:
                return

    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta) as gateways:
        gateways.start()
        httpx2.post(f"{meta}/_sandbox/faults", json={"kind": "latency", "seconds": 0.3}, timeout=5)
        caller = threading.Thread(target=call)
        caller.start()
        until(lambda: len(accepted) > 50, "some are accepted")
        status = gateways.end(signal.SIGTERM)
        stopping.set()
        caller.join(20)
        httpx2.delete(f"{meta}/_sandbox/faults", timeout=5)
        gateways.start()
        until(gateways.idle, "the rest is delivered")
        in_doubt = gateways.status()["in_doubt_ever"]

    assert status == 0
    assert in_doubt == 0
    arrived = collections.Counter(line["event"]["event_id"] for line in ledger_of(tmp_path / "ledger.jsonl"))
    assert {f"Lead:BK-{number}" for number in accepted} <= arrived.keys()
    assert set(arrived.values()) == {1}


def test_a_second_gateway_on_the_same_database_refuses_to_start_and_says_why(tmp_path):
    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta) as first:
        first.start()
        with Gateways(tmp_path, meta) as second:
            second.start(wait=False)
            status = second.wait()
        assert first.ready()
    assert status == 78
    assert "Another Konversi process owns this SQLite database" in first.log.read_text()


def test_production_with_a_test_code_refuses_to_start(tmp_path):
    with Gateways(
        tmp_path, "https://graph.invalid", KONVERSI_ENV="production", META_TEST_EVENT_CODE="TEST1"
    ) as gateways:
        gateways.start(wait=False)
        assert gateways.wait() != 0
    assert "test event code is set although KONVERSI_ENV is production" in gateways.log.read_text()


def test_events_kept_without_credentials_are_delivered_once_they_are_there(tmp_path):
    with local_meta(tmp_path / "ledger.jsonl") as meta:
        with Gateways(tmp_path, meta, META_CONVERSION_API_TOKEN="") as without:
            without.start()
            assert _report(without.url, 1) == 202
            assert "Missing Meta credentials" in without.log.read_text()
            assert without.status()["states"]["waiting"] == 1
            without.end(signal.SIGTERM)
        with Gateways(tmp_path, meta) as configured:
            configured.start()
            until(lambda: configured.status()["states"]["delivered"] == 1, "it is delivered")


def test_the_preparer_does_not_outlive_a_gateway_that_is_killed(tmp_path):
    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta) as gateways:
        pid = gateways.start()
        body = {"events": [{"event": "Lead", "customer": {"phone": f"+62812345{n:05d}"}} for n in range(500)]}
        httpx2.post(f"{gateways.url}/v1/events", json=body).raise_for_status()
        (preparer,) = until(lambda: children_of(pid), "the preparer runs")
        gateways.end(signal.SIGKILL)
        until(lambda: not is_alive(preparer), "it has ended as well")
