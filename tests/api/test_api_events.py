"""Looking at events, and deciding about them."""

from __future__ import annotations

import time

import pytest
from api_harness import EVENTS, PIXEL, TRACE, graph_error, is_problem, lead, plain, received, running, unreachable
from prometheus_client.parser import text_string_to_metric_families


def sent(http, **changed):
    return http.post(EVENTS, json=lead(**changed)).json()["receipt"]


def test_an_event_is_shown_with_what_meta_got_and_each_attempt(gateway, http):
    receipt = sent(http, booking_id="BK-1")
    shown = gateway.ended(receipt)
    assert shown["state"] == "delivered"
    assert shown["receipt"] == receipt
    assert (shown["event"], shown["event_id"], shown["booking_id"]) == ("Lead", "Lead:BK-1", "BK-1")
    assert shown["test_event_code"] == "TEST12345"
    assert shown["sent_to_meta"]["event_id"] == "Lead:BK-1"
    (attempt,) = shown["attempts"]
    assert attempt["verdict"] == "delivered"
    assert attempt["http_status"] == 200
    assert attempt["fbtrace_id"] == TRACE
    assert attempt["events_received"] == attempt["events_in_batch"] == 1
    assert attempt["started_at"] <= attempt["ended_at"]


def test_a_failed_attempt_is_shown_with_its_reason_and_the_next_try(gateway, http, meta):
    meta.answer = graph_error(2, status=500)
    shown = gateway.ended(sent(http))
    assert shown["state"] == "waiting"
    assert shown["tries"] == 1
    assert shown["next_try_at"] > shown["accepted_at"]
    assert shown["attempts"][0]["verdict"] == "failed"
    assert shown["attempts"][0]["code"] == 2
    assert "passing fault" in shown["reason"]


def test_a_send_without_an_answer_is_shown_as_in_doubt(gateway, http, meta):
    meta.answer = plain(502)
    shown = gateway.ended(sent(http))
    assert shown["in_doubt"] == 1
    assert shown["attempts"][0]["verdict"] == "in_doubt"
    assert http.get("/v1/status").json()["in_doubt_ever"] == 1


@pytest.mark.parametrize("receipt", ["rc_000000000099", "rc_", "nonsense", "rc_-1", "rc_1e3", "rc_" + "9" * 30, "%00"])
@pytest.mark.parametrize("door", ["GET", "replay", "discard"])
def test_a_receipt_that_does_not_exist_is_not_found(http, receipt, door):
    if door == "GET":
        response = http.get(f"{EVENTS}/{receipt}")
    else:
        response = http.post(f"{EVENTS}/{receipt}/{door}", json={"reason": "x"} if door == "discard" else None)
    is_problem(response, status=404, code="not_found")


@pytest.fixture(scope="module")
def stocked(tmp_path_factory):
    """A gateway that holds delivered, dead and waiting events. (Only looked at.)"""
    from api_harness import TOKEN, FakeMeta

    from konversi.settings import load

    folder = tmp_path_factory.mktemp("stocked")
    settings = load(pixel_id=PIXEL, token=TOKEN, data_dir=folder, database_url=f"sqlite:///{folder}/k.db")
    meta = FakeMeta()
    with running(settings, meta=meta) as server, server.client() as http:
        for number in range(3):
            server.ended(sent(http, booking_id=f"GOOD-{number}"))
        meta.answer = graph_error(100, 2804050)
        for number in range(2):
            server.ended(sent(http, booking_id=f"BAD-{number}"))
        meta.answer = unreachable
        server.ended(sent(http, event_id="late", booking_id="LATE"))
        yield server


@pytest.fixture
def shelf(stocked):
    with stocked.client() as http:
        yield http


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, ["late", "Lead:BAD-1", "Lead:BAD-0", "Lead:GOOD-2", "Lead:GOOD-1", "Lead:GOOD-0"]),
        ({"state": "dead"}, ["Lead:BAD-1", "Lead:BAD-0"]),
        ({"state": "delivered"}, ["Lead:GOOD-2", "Lead:GOOD-1", "Lead:GOOD-0"]),
        ({"state": "waiting"}, ["late"]),
        ({"state": "held"}, []),
        ({"event_id": "late"}, ["late"]),
        ({"event_id": "LATE"}, []),
        ({"booking_id": "GOOD-1"}, ["Lead:GOOD-1"]),
        ({"booking_id": "GOOD-1", "state": "dead"}, []),
        ({"dataset": "default", "state": "waiting"}, ["late"]),
        ({"dataset": PIXEL, "state": "waiting"}, ["late"]),
        ({"dataset": "999999"}, []),
    ],
)
def test_a_list_holds_what_matches_every_filter_newest_first(shelf, filters, ids):
    said = shelf.get(EVENTS, params=filters).json()
    assert [event["event_id"] for event in said["events"]] == ids
    assert said["next"] is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("filters", [{}, {"state": "delivered"}])
def test_the_cursor_walks_through_every_event_once(shelf, limit, filters):
    whole = [event["receipt"] for event in shelf.get(EVENTS, params=filters).json()["events"]]
    walked, cursor = [], None
    for _ in range(10):
        page = shelf.get(EVENTS, params={**filters, "limit": limit, **({"cursor": cursor} if cursor else {})}).json()
        assert 1 <= len(page["events"]) <= limit
        walked += [event["receipt"] for event in page["events"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert walked == whole


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=rc_" + "9" * 40, "cursor"),
        ("event_id=" + "x" * 201, "event_id"),
        ("booking_id=a%00b", "booking_id"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_name(shelf, query, field):
    said = is_problem(shelf.get(f"{EVENTS}?{query}"), status=422, code="invalid_request")
    assert [fault["field"] for fault in said["errors"]] == [field]


def test_a_dead_event_can_be_replayed_with_the_same_id_and_body(gateway, http, meta):
    meta.answer = graph_error(100, 2804050)
    receipt = sent(http, booking_id="BK-1")
    assert gateway.ended(receipt)["state"] == "dead"
    meta.answer = received
    response = http.post(f"{EVENTS}/{receipt}/replay")
    assert response.status_code == 200
    assert response.json() == {"receipt": receipt, "state": "waiting"}
    shown = gateway.ended(receipt, attempts=2)
    assert shown["state"] == "delivered"
    assert [attempt["verdict"] for attempt in shown["attempts"]] == ["refused", "delivered"]
    assert meta.events[0] == meta.events[1]


def test_a_discarded_event_keeps_the_reason_and_is_not_sent(settings):
    with running(settings(pixel_id=None, token=None)) as server, server.client() as http:
        receipt = sent(http)
        response = http.post(f"{EVENTS}/{receipt}/discard", json={"reason": "a test booking"})
        assert response.status_code == 200
        assert response.json() == {"receipt": receipt, "state": "discarded"}
        shown = http.get(f"{EVENTS}/{receipt}").json()
        assert shown["state"] == "discarded"
        assert shown["reason"] == "Discarded: a test booking"
        again = http.post(f"{EVENTS}/{receipt}/replay")
        assert again.json()["state"] == "waiting"


@pytest.mark.parametrize("door", ["replay", "discard"])
def test_a_delivered_event_can_be_neither_replayed_nor_discarded(gateway, http, door):
    receipt = sent(http)
    gateway.ended(receipt)
    response = http.post(f"{EVENTS}/{receipt}/{door}", json={"reason": "x"})
    is_problem(response, status=409, code="wrong_state")


def test_a_waiting_event_needs_no_replay(settings):
    with running(settings(pixel_id=None, token=None)) as server, server.client() as http:
        is_problem(http.post(f"{EVENTS}/{sent(http)}/replay"), status=409, code="wrong_state")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "  \n "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": 1}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"reason": "ok", "by": "me"}, "by"),
        ([], "body"),
        (None, "body"),
    ],
)
def test_a_discard_needs_a_reason(shelf, body, field):
    said = is_problem(shelf.post(f"{EVENTS}/rc_000000000004/discard", json=body), code=None)
    assert said["status"] in (400, 422)
    if said["status"] == 422:
        assert [fault["field"] for fault in said["errors"]] == [field]


def test_the_status_says_how_things_stand(shelf):
    said = shelf.get("/v1/status").json()
    assert said["ready"] is True
    assert said["environment"] == "development"
    assert said["configured"] is True
    assert said["test_event_code"] == "TEST12345"
    assert said["states"] == {
        "waiting": 1, "sending": 0, "delivered": 3, "dead": 2, "expired": 0, "held": 0, "discarded": 0,
        "withheld": 0,
    }  # fmt: skip
    assert said["needs_attention"] == 2
    assert said["accepted_ever"] == 6
    assert said["oldest_waiting_seconds"] >= 0
    requests = said["lanes"][0]["requests"]
    assert requests.pop("not_sent") >= 1  # and again, as time goes by
    assert requests == {"delivered": 3, "refused": 2}


def test_the_status_names_what_stops_a_lane(gateway, http, meta):
    meta.answer = graph_error(190)
    gateway.ended(sent(http))
    (lane,) = http.get("/v1/status").json()["lanes"]
    assert (lane["breaker"], lane["paused"]) == ("open", True)
    assert "Invalid access token" in lane["cause"]


def test_a_sound_gateway_says_so_to_probes(shelf):
    assert (shelf.get("/healthz").status_code, shelf.get("/healthz").json()) == (200, {"ok": True})
    assert (shelf.get("/readyz").status_code, shelf.get("/readyz").json()) == (200, {"ready": True})


def test_a_gateway_whose_storage_broke_says_so_to_probes(gateway, http):
    gateway.outbox.broken = "disk I/O error"
    assert http.get("/healthz").status_code == 503
    assert http.get("/readyz").status_code == 503
    gateway.outbox.broken = None


def test_a_gateway_that_does_not_deliver_is_sound_but_not_ready(gateway, http):
    gateway.gateway.delivering = False
    assert http.get("/healthz").status_code == 200
    assert http.get("/readyz").json() == {"ready": False}
    gateway.gateway.delivering = True


def test_the_metrics_are_what_prometheus_reads(shelf):
    response = shelf.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }
    lane, here = ("lane", "default|test=TEST12345|chat"), ("process", "0")
    assert samples["konversi_events", (("state", "dead"),)] == 2
    assert samples["konversi_events", (("state", "waiting"),)] == 1
    assert samples["konversi_steps_total", (("step", "accept"),)] == 6
    assert samples["konversi_steps_total", (("step", "deliver"),)] == 3
    assert samples["konversi_requests_total", (lane, here, ("verdict", "delivered"))] == 3
    assert samples["konversi_sent_events_total", (lane, here, ("verdict", "refused"))] == 2
    assert samples["konversi_breaker_closed", (lane, here)] == 1
    assert samples["konversi_lane_paused", (lane, here)] == 0
    assert samples["konversi_oldest_waiting_seconds", ()] >= 0


def test_metrics_of_an_empty_gateway_can_be_read_too(http):
    names = {family.name for family in text_string_to_metric_families(http.get("/metrics").text)}
    assert {"konversi_build_info", "konversi_events", "konversi_oldest_waiting_seconds"} <= names


def test_an_address_that_does_not_exist_is_a_problem(shelf):
    is_problem(shelf.get("/nope"), status=404, code="not_found")
    is_problem(shelf.post("/v1"), status=404, code="not_found")


@pytest.mark.parametrize(("method", "path"), [("DELETE", EVENTS), ("PUT", "/healthz"), ("GET", f"{EVENTS}/x/replay")])
def test_a_method_that_an_address_does_not_take_is_a_problem(shelf, method, path):
    is_problem(shelf.request(method, path), status=405, code="method_not_allowed")


def test_an_old_event_can_not_be_replayed(settings, meta):
    """Past its window Meta would refuse it."""
    from konversi.outbox.memory import MemoryOutbox

    store = MemoryOutbox()
    meta.answer = graph_error(100, 2804003)
    with running(settings(), outbox=store, meta=meta) as server, server.client() as http:
        receipt = sent(http)
        server.ended(receipt)
        row = store._rows[1]
        row.new = row.new._replace(deadline=int(time.time()) - 1)
        said = is_problem(http.post(f"{EVENTS}/{receipt}/replay"), status=409, code="wrong_state")
        assert "older than Meta takes" in said["detail"]
