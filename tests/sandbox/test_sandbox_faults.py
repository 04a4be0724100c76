"""Each fault on demand, as it shows on the wire."""

import json
import socket
import threading
from urllib.parse import urlsplit

import httpx2
import pytest
from sandbox_events import DATASET, TOKEN, lead, purchase

PLAIN = {
    "token_expired": (401, 190, 463, False),
    "token_invalid": (401, 190, None, False),
    "permission": (403, 200, None, False),
    "not_found": (400, 100, 33, False),
    "rate_limit": (403, 4, None, True),
    "business_rate_limit": (400, 80004, 2446079, False),
    "server_error": (500, 2, None, True),
    "transient": (500, 2, None, True),
    "not_ready": (400, 21009, None, True),
    "unknown": (500, 1, 99, False),
}
NO_EVENTS = {"events": 0, "requests": 0, "distinct": 0}


@pytest.mark.parametrize(("kind", "expected"), PLAIN.items(), ids=PLAIN)
def test_a_refusal_on_demand_has_metas_form(meta, send, kind, expected):
    meta.fault(kind, requests=1)
    answer = send(lead())
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode"), error["is_transient"]) == expected
    assert meta.counts() == NO_EVENTS
    assert send(lead()).status_code == 200


def test_a_throttle_tells_of_its_usage_and_when_to_come_back(meta, send):
    meta.fault("rate_limit", requests=1, retry_after=7)
    app = send(lead())
    assert json.loads(app.headers["x-app-usage"])["call_count"] == 100
    assert app.headers["retry-after"] == "7"
    meta.fault("business_rate_limit", requests=1, minutes=3)
    business = send(lead())
    usage = json.loads(business.headers["x-business-use-case-usage"])
    assert usage[DATASET][0]["estimated_time_to_regain_access"] == 3


@pytest.mark.parametrize(
    ("kind", "status", "starts"),
    [
        ("server_error_empty", 503, b""),
        ("html", 200, b"<!DOCTYPE html>"),
        ("empty", 200, b""),
        ("redirect", 302, b""),
    ],
)
def test_an_answer_may_be_none_of_metas(meta, send, kind, status, starts):
    meta.fault(kind, requests=1)
    answer = send(lead())
    assert answer.status_code == status
    assert answer.content[: len(starts) or None] == starts
    assert meta.counts() == NO_EVENTS


def test_an_answer_may_be_larger_than_anyone_should_read(meta, send):
    meta.fault("huge", requests=1, megabytes=3)
    answer = send(lead())
    assert len(answer.content) > 3_000_000
    assert answer.json()["events_received"] == 1
    assert meta.counts()["events"] == 1


@pytest.mark.parametrize("retry_after", [0, 5, "1000000000", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"])
def test_a_throttle_may_name_any_time_and_have_any_status(meta, send, retry_after):
    meta.fault("rate_limit", requests=1, status=429, retry_after=retry_after)
    answer = send(lead())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, str(retry_after))


def test_a_redirect_leads_elsewhere(meta, send):
    meta.fault("redirect", requests=1, status=307, location="http://127.0.0.1:9/elsewhere")
    answer = send(lead())
    assert (answer.status_code, answer.headers["location"]) == (307, "http://127.0.0.1:9/elsewhere")


@pytest.mark.parametrize("kind", ["html", "server_error_empty", "empty"])
def test_the_events_can_be_taken_before_it_goes_wrong(meta, send, kind):
    meta.fault(kind, requests=1, accept=True)
    send(lead())
    assert meta.counts()["events"] == 1


def test_a_bad_event_is_refused_although_a_reset_is_due(meta, send):
    meta.fault("reset_after_accept", requests=1)
    assert send(lead(user_data={})).json()["error"]["error_subcode"] == 2804050


def test_a_short_answer_leaves_out_the_last_event(meta, send):
    meta.fault("short_received", requests=1)
    answer = send(lead(event_id="1"), lead(event_id="2"))
    assert answer.status_code == 200
    assert answer.json()["events_received"] == 1
    assert [entry["event"]["event_id"] for entry in meta.events()] == ["1"]


def bytes_until_the_end(meta, event):
    """What comes back on a bare connection, and whether it was reset."""
    body = json.dumps({"data": [event]})
    request = (
        f"POST /v26.0/{DATASET}/events HTTP/1.1\r\nhost: meta\r\nauthorization: Bearer {TOKEN}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    )
    target = urlsplit(meta.graph_url)
    with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
        connection.sendall(request.encode())
        try:
            return connection.recv(1), False
        except ConnectionResetError:
            return b"", True


@pytest.mark.parametrize(("kind", "events"), [("reset_before_accept", 0), ("reset_after_accept", 1)])
def test_a_reset_sends_not_one_byte(meta, kind, events):
    meta.fault(kind, requests=1)
    assert bytes_until_the_end(meta, lead()) == (b"", True)
    assert meta.counts()["events"] == events


def test_a_hanging_request_gets_no_answer_and_is_not_taken(meta, send):
    meta.fault("hang", requests=1)
    with pytest.raises(httpx2.ReadTimeout):
        send(lead(), timeout=0.3)
    assert send(lead(event_id="2")).status_code == 200
    assert [entry["event"]["event_id"] for entry in meta.events()] == ["2"]


def test_a_hanging_request_is_cut_off_when_the_faults_are_cleared(meta, http, send):
    meta.fault("hang")
    ended = []

    def hang():
        try:
            send(lead())
        except httpx2.ReadError as error:
            ended.append(error)

    hanging = threading.Thread(target=hang)
    hanging.start()
    hanging.join(0.3)
    assert hanging.is_alive()
    http.delete("/_sandbox/faults")
    hanging.join(10)
    assert len(ended) == 1
    assert meta.counts() == NO_EVENTS


def test_latency_delays_an_answer_that_is_good_otherwise(meta, send):
    meta.fault("latency", requests=1, seconds=0.3)
    answer = send(lead())
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.3
    assert meta.counts()["events"] == 1


def test_a_dripping_answer_comes_whole_in_the_end(meta, send):
    meta.fault("drip", requests=1, seconds=0.004)
    answer = send(lead())
    assert answer.elapsed.total_seconds() >= 0.3
    assert answer.json()["events_received"] == 1
    assert meta.counts()["events"] == 1


def test_a_fault_lasts_for_as_many_requests_as_it_was_set_for(meta, send):
    meta.fault("server_error", requests=2)
    assert [send(lead()).status_code for _ in range(4)] == [500, 500, 200, 200]


def test_a_fault_without_a_number_lasts_until_it_is_cleared(meta, send):
    meta.fault("server_error")
    assert {send(lead()).status_code for _ in range(5)} == {500}
    meta.clear()
    assert send(lead()).status_code == 200


def test_a_fault_may_concern_one_dataset_only(meta, send):
    meta.fault("token_expired", dataset="9999999999")
    assert send(lead()).status_code == 200
    assert send(lead(), dataset="9999999999").status_code == 401


def test_a_fault_may_concern_one_source_only(meta, send):
    meta.fault("server_error", only_action_source="website")
    assert send(lead()).status_code == 200
    assert send(lead(), lead(action_source="website")).status_code == 500


def test_an_event_can_be_refused_whatever_it_holds(meta, send):
    meta.fault("refuse_event", event_id="guilty")
    assert send(purchase(), lead()).status_code == 200
    answer = send(lead(), lead(event_id="guilty"))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 100
    assert send(lead()).status_code == 200


def test_a_look_at_the_dataset_meets_a_refusal_without_using_it_up(meta, http, send):
    meta.fault("token_expired", requests=1)
    assert http.get(f"/v26.0/{DATASET}").status_code == 401
    assert send(lead()).status_code == 401
    assert http.get(f"/v26.0/{DATASET}").status_code == 200


def test_faults_are_met_in_the_order_they_were_set_and_can_be_listed(meta, http, send):
    meta.fault("html", requests=1)
    meta.fault("server_error", requests=1)
    assert http.get("/_sandbox/faults").json() == {
        "faults": [{"kind": "html", "requests": 1}, {"kind": "server_error", "requests": 1}]
    }
    assert [send(lead()).status_code for _ in range(3)] == [200, 500, 200]
    assert http.get("/_sandbox/faults").json() == {"faults": []}


def test_a_delay_comes_with_another_fault(meta, send):
    meta.fault("server_error", requests=1)
    meta.fault("latency", requests=1, seconds=0.2)
    answer = send(lead())
    assert (answer.status_code, answer.elapsed.total_seconds() >= 0.2) == (500, True)


def test_what_came_of_each_request_is_remembered(meta, send):
    send(lead(), lead(user_data={}))
    meta.fault("hang", requests=1)
    with pytest.raises(httpx2.ReadTimeout):
        send(lead(), timeout=0.2)
    refused, hung = meta.requests()
    assert (refused["events"], refused["status"], refused["code"], refused["subcode"]) == (2, 400, 100, 2804050)
    assert refused["field"] == "data[1][user_data]"
    assert (hung["status"], hung["fault"]) == (None, "hang")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "sunspots"},
        {},
        [],
        {"kind": "html", "requests": 0},
        {"kind": "latency", "seconds": -1},
        {"kind": "html", "colour": "red"},
        {"kind": "refuse_event"},
    ],
)
def test_a_fault_that_is_none_is_not_set(http, fault):
    answer = http.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert http.get("/_sandbox/faults").json() == {"faults": []}
