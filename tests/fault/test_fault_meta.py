"""What Meta can do to a gateway: each fault ends as promised, and nothing is lost."""

from __future__ import annotations

import collections

import httpx2
import pytest

from processes import Gateways, ledger_of, local_meta, until

pytestmark = pytest.mark.fault


def report(url: str, number: int) -> str:
    body = {"event": "Lead", "booking_id": f"BK-{number}", "customer": {"phone": "+6281234567890"}}
    answer = httpx2.post(f"{url}/v1/events", json=body, timeout=10)
    assert answer.status_code == 202
    return answer.json()["receipt"]


def look(url: str, receipt: str) -> dict:
    return httpx2.get(f"{url}/v1/events/{receipt}", timeout=10).json()


def fault(meta: str, kind: str, **more) -> None:
    assert httpx2.post(f"{meta}/_sandbox/faults", json={"kind": kind, **more}, timeout=5).is_success


@pytest.fixture
def meta(tmp_path):
    with local_meta(tmp_path / "ledger.jsonl") as url:
        yield url


def arrivals(tmp_path) -> collections.Counter:
    return collections.Counter(line["event"]["event_id"] for line in ledger_of(tmp_path / "ledger.jsonl"))


def test_a_reset_after_meta_took_the_event_is_in_doubt_and_sent_once_more(tmp_path, meta):
    fault(meta, "reset_after_accept", requests=1)
    with Gateways(tmp_path, meta) as gateways:
        gateways.start()
        receipt = report(gateways.url, 1)
        until(lambda: look(gateways.url, receipt)["state"] == "delivered", "it is delivered")
        event = look(gateways.url, receipt)
    assert [attempt["verdict"] for attempt in event["attempts"]] == ["in_doubt", "delivered"]
    assert event["in_doubt"] == 1
    assert arrivals(tmp_path) == {"Lead:BK-1": 2}
    assert len({line["sha256"] for line in ledger_of(tmp_path / "ledger.jsonl")}) == 1


def test_with_hold_an_event_in_doubt_is_not_sent_again_until_a_person_says_so(tmp_path, meta):
    fault(meta, "reset_after_accept", requests=1)
    with Gateways(tmp_path, meta, KONVERSI_ON_IN_DOUBT="hold") as gateways:
        gateways.start()
        receipt = report(gateways.url, 1)
        until(lambda: look(gateways.url, receipt)["state"] == "held", "it is held")
        assert arrivals(tmp_path) == {"Lead:BK-1": 1}
        httpx2.post(f"{gateways.url}/v1/events/{receipt}/replay", timeout=5)
        until(lambda: look(gateways.url, receipt)["state"] == "delivered", "it is delivered")
    assert arrivals(tmp_path) == {"Lead:BK-1": 2}


def test_a_storm_of_server_errors_loses_nothing(tmp_path, meta):
    fault(meta, "server_error", requests=2)
    with Gateways(tmp_path, meta) as gateways:
        gateways.start()
        receipts = [report(gateways.url, number) for number in range(20)]
        until(gateways.idle, "all are delivered", 60)
        assert {look(gateways.url, receipt)["state"] for receipt in receipts} == {"delivered"}
    assert set(arrivals(tmp_path).values()) == {1}


def test_an_expired_token_pauses_and_loses_nothing(tmp_path, meta):
    fault(meta, "token_expired")
    with Gateways(tmp_path, meta) as gateways:
        gateways.start()
        receipt = report(gateways.url, 1)
        until(lambda: any(lane["paused"] for lane in gateways.status()["lanes"]), "the lane is paused")
        event = until(lambda: (seen := look(gateways.url, receipt))["state"] == "waiting" and seen, "it waits again")
        assert "Invalid access token" in event["reason"]
        gateways.end(15)
        httpx2.delete(f"{meta}/_sandbox/faults", timeout=5)
        gateways.start()
        until(lambda: look(gateways.url, receipt)["state"] == "delivered", "it is delivered")


def test_fewer_received_than_sent_is_never_called_delivered(tmp_path, meta):
    fault(meta, "short_received", requests=1)
    with Gateways(tmp_path, meta, KONVERSI_ON_IN_DOUBT="hold") as gateways:
        gateways.start()
        receipt = report(gateways.url, 1)
        event = until(lambda: (seen := look(gateways.url, receipt))["state"] == "held" and seen, "it is held")
    assert event["attempts"][0]["verdict"] == "in_doubt"


def test_one_bad_event_among_a_thousand_is_the_only_one_that_dies(tmp_path, meta):
    with Gateways(tmp_path, meta) as gateways:
        fault(meta, "latency", seconds=0.5, requests=1)
        gateways.start()
        report(gateways.url, 0)  # on its way while the others come in, so that these make one batch
        bad = {
            "event": "Lead",
            "booking_id": "BK-bad",
            "customer": {"phone": "+6281234567890", "lead_id": "123456789012345"},
        }
        good = [
            {"event": "Lead", "booking_id": f"BK-{number}", "customer": {"phone": "+6281234567890"}}
            for number in range(1, 1000)
        ]
        fault(meta, "refuse_event", event_id="Lead:BK-bad")
        answer = httpx2.post(f"{gateways.url}/v1/events", json={"events": [*good[:700], bad, *good[700:]]}, timeout=10)
        assert answer.status_code == 202
        until(gateways.idle, "all have ended", 60)
        status = gateways.status()
        dead = httpx2.get(f"{gateways.url}/v1/events?state=dead", timeout=5).json()["events"]
    assert status["states"]["delivered"] == 1000
    assert [event["event_id"] for event in dead] == ["Lead:BK-bad"]
    assert sum(lane["requests"]["refused"] for lane in status["lanes"]) <= 11


def test_the_guides_caller_is_told_that_an_event_in_doubt_is_held_and_not_refused(tmp_path, meta):
    fault(meta, "reset_after_accept", requests=1)
    with Gateways(tmp_path, meta, KONVERSI_ON_IN_DOUBT="hold") as gateways:
        gateways.start()
        body = {"type": "booking", "bookingId": "BK-1", "customerPhone": "0812-3456-7890"}
        answer = httpx2.post(f"{gateways.url}/api/meta/conversion", json=body, timeout=20)
    assert answer.status_code == 202
    assert answer.json()["status"] == "held"
    assert "konversi events replay" in answer.json()["warning"]
    assert "tries again by itself" not in answer.json()["warning"].partition("What happened")[0]
