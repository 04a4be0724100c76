"""`POST /v1/events`: one event, a list, one a line."""

from __future__ import annotations

import json
import time

import pytest
from api_harness import EVENTS, PROBLEM, is_problem, lead, running

NDJSON = {"content-type": "application/x-ndjson"}


def leads(number):
    return [{"event": "Lead", "customer": {"phone": f"6281200{n:05d}"}, "booking_id": f"B{n}"} for n in range(number)]


def lines(events):
    return b"\n".join(json.dumps(event).encode() for event in events)


def test_one_event_is_answered_with_its_receipt(gateway, http, meta):
    response = http.post(EVENTS, json=lead(booking_id="BK-1"))
    assert response.status_code == 202
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"receipt": "rc_000000000001", "event_id": "Lead:BK-1", "status": "accepted"}
    assert gateway.ended("rc_000000000001")["state"] == "delivered"
    assert meta.events[0]["event_id"] == "Lead:BK-1"


def test_the_answer_does_not_wait_for_meta(http, meta):
    meta.hang()
    began = time.monotonic()
    assert http.post(EVENTS, json=lead()).status_code == 202
    assert time.monotonic() - began < 2


def test_an_accepted_event_outlives_the_process(settings):
    kept = settings(database_url="sqlite:///kept.db", pixel_id=None, token=None)
    with running(kept) as server, server.client() as http:
        receipt = http.post(EVENTS, json=lead()).json()["receipt"]
    with running(kept) as server, server.client() as http:
        assert http.get(f"{EVENTS}/{receipt}").json()["state"] == "waiting"


def test_a_list_is_answered_with_a_verdict_for_each_event_in_its_order(http):
    response = http.post(EVENTS, json={"events": leads(3)})
    assert response.status_code == 202
    said = response.json()
    assert (said["accepted"], said["refused"]) == (3, 0)
    assert [verdict["event_id"] for verdict in said["events"]] == ["Lead:B0", "Lead:B1", "Lead:B2"]
    assert len({verdict["receipt"] for verdict in said["events"]}) == 3


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl", "application/ndjson; charset=utf-8"])
def test_one_event_a_line_is_taken_as_well(http, kind):
    response = http.post(EVENTS, content=lines(leads(3)) + b"\r\n\n", headers={"content-type": kind})
    assert response.status_code == 202
    assert response.json()["accepted"] == 3


def test_a_single_line_is_still_answered_as_a_list(http):
    assert http.post(EVENTS, content=lines(leads(1)), headers=NDJSON).json()["accepted"] == 1


@pytest.mark.parametrize("form", ["list", "lines"])
def test_a_bad_event_does_not_refuse_the_rest(http, form):
    good, bad = lead(booking_id="BK-1"), lead(customer={}, event_id="bad-one")
    body = {"content": lines([good, bad, lead(value=-1)]), "headers": NDJSON}
    response = http.post(EVENTS, **(body if form == "lines" else {"json": {"events": [good, bad, lead(value=-1)]}}))
    assert response.status_code == 207
    assert response.headers["content-type"] == "application/json"
    said = response.json()
    assert (said["accepted"], said["refused"]) == (1, 2)
    accepted, poor, negative = said["events"]
    assert accepted["status"] == "accepted"
    assert poor["status"] == negative["status"] == "refused"
    assert poor["event_id"] == "bad-one"
    assert poor["problem"]["errors"][0]["code"] == "customer_insufficient"
    assert negative["problem"]["errors"][0]["field"] == "value"
    assert negative["problem"]["errors"][0]["remedy"]


def test_a_line_that_is_not_json_is_one_bad_event(http):
    response = http.post(EVENTS, content=b"{oops\n" + lines(leads(1)), headers=NDJSON)
    assert response.status_code == 207
    broken, good = response.json()["events"]
    assert broken["problem"]["errors"][0]["code"] == "malformed_json"
    assert good["status"] == "accepted"


def test_a_list_of_nothing_but_bad_events_is_refused_with_each_reason(http):
    response = http.post(EVENTS, json={"events": [lead(customer={}), lead(foo=1), 7]})
    said = is_problem(response, status=422, code="all_refused")
    assert (said["accepted"], said["refused"]) == (0, 3)
    codes = [verdict["problem"]["errors"][0]["code"] for verdict in said["events"]]
    assert codes == ["customer_insufficient", "unknown_field", "wrong_type"]


def test_a_thousand_events_are_taken(http):
    response = http.post(EVENTS, json={"events": leads(1_000)})
    assert response.status_code == 202
    assert response.json()["accepted"] == 1_000


@pytest.mark.parametrize("form", ["list", "lines"])
@pytest.mark.parametrize("bad", [False, True])
def test_a_thousand_and_one_events_are_refused_as_a_whole(http, form, bad):
    events = [*leads(1_000), {"event": "Lead"} if bad else lead()]
    body = {"content": lines(events), "headers": NDJSON} if form == "lines" else {"json": {"events": events}}
    said = is_problem(http.post(EVENTS, **body), status=422, code="invalid_request")
    assert said["errors"][0]["field"] == "events"
    assert said["errors"][0]["code"] == "too_many"
    assert "1001" in said["errors"][0]["detail"]
    assert http.get(EVENTS).json()["events"] == []


@pytest.mark.parametrize("body", [{"json": {"events": []}}, {"content": b"\n\n", "headers": NDJSON}])
def test_an_empty_list_is_refused(http, body):
    said = is_problem(http.post(EVENTS, **body), status=422, code="invalid_request")
    assert said["errors"] == [
        {"field": "events", "code": "empty", "detail": "holds no event.", "remedy": "Send 1 to 1000."}
    ]


@pytest.mark.parametrize("events", [None, {}, "x", 1])
def test_events_that_are_no_list_are_refused_by_name(http, events):
    said = is_problem(http.post(EVENTS, json={"events": events}), status=422)
    assert (said["errors"][0]["field"], said["errors"][0]["code"]) == ("events", "wrong_type")


@pytest.mark.parametrize("body", [{"source": "x", "events": [{}]}, {"events": [{"event": "Lead"}], "source": "x"}])
def test_what_stands_beside_events_is_refused_wherever_it_stands(http, body):
    said = is_problem(http.post(EVENTS, json=body), status=422, code="invalid_request")
    assert (said["errors"][0]["field"], said["errors"][0]["code"]) == ("source", "unknown_field")


def test_events_spelled_with_an_escape_are_still_a_list(http):
    body = b'{"\\u0065vents": [' + lines(leads(1)) + b"]}"
    assert http.post(EVENTS, content=body).json()["accepted"] == 1


def test_notes_say_what_was_dropped_or_chosen(http):
    said = http.post(
        EVENTS, json=lead(channel="whatsapp", customer={"phone": "628123456789", "email": "no address"})
    ).json()
    assert {note["about"] for note in said["notes"]} == {"customer.email", "event"}
    assert all(set(note) == {"about", "code", "text"} for note in said["notes"])
    stored = http.get(f"{EVENTS}/{said['receipt']}").json()
    assert stored["notes"] == said["notes"]


def test_a_repeat_gives_the_first_receipt_and_says_so(http, meta):
    first = http.post(EVENTS, json=lead(booking_id="BK-1")).json()
    second = http.post(EVENTS, json=lead(booking_id="BK-1"))
    assert second.status_code == 202
    assert second.json() == {**first, "repeat": True}


def test_a_repeat_within_one_list_is_stored_once(http):
    said = http.post(EVENTS, json={"events": [lead(booking_id="BK-1"), lead(booking_id="BK-1")]}).json()
    assert said["events"][0]["receipt"] == said["events"][1]["receipt"]
    assert said["events"][1]["repeat"] is True


def test_a_repeat_is_known_in_whatever_form_it_comes(http):
    first = http.post(EVENTS, json=lead(booking_id="BK-1", custom={"n": 1.10})).json()["receipt"]
    mixed = http.post(EVENTS, json={"events": [{}, lead(booking_id="BK-1", custom={"n": 1.10})]}).json()
    line = http.post(EVENTS, content=lines([lead(booking_id="BK-1", custom={"n": 1.10})]), headers=NDJSON).json()
    assert mixed["events"][1]["receipt"] == line["events"][0]["receipt"] == first


def test_the_same_id_with_other_contents_is_a_conflict(http):
    http.post(EVENTS, json=lead(event_id="my-id"))
    said = is_problem(http.post(EVENTS, json=lead(event_id="my-id", value=2)), status=409, code="event_id_conflict")
    assert "my-id" in said["detail"]
    listed = http.post(EVENTS, json={"events": [lead(event_id="my-id", value=3), lead()]})
    assert listed.status_code == 207
    assert listed.json()["events"][0]["problem"]["code"] == "event_id_conflict"


def test_the_same_id_under_another_name_is_another_event(http):
    first = http.post(EVENTS, json=lead(event_id="my-id")).json()
    second = http.post(EVENTS, json=lead(event_id="my-id", event="Contact")).json()
    assert first["receipt"] != second["receipt"]


def test_an_unknown_field_is_named(http):
    said = is_problem(http.post(EVENTS, json=lead(bookingId="x", customer={"phone": "628123456789", "fone": 1})))
    assert {fault["field"] for fault in said["errors"]} == {"bookingId", "customer.fone"}
    assert {fault["code"] for fault in said["errors"]} == {"unknown_field"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"event": 1}, "event"),
        ({"event": ...}, "event"),
        ({"event": ""}, "event"),
        ({"event": "   "}, "event"),
        ({"customer": []}, "customer"),
        ({"customer": None}, "customer"),
        ({"customer": {"phone": 628123456789}}, "customer.phone"),
        ({"customer": {"phone": ["0812"] * 11}}, "customer.phone"),
        ({"customer": {"birth_date": {}}}, "customer.birth_date"),
        ({"value": "150000"}, "value"),
        ({"value": True}, "value"),
        ({"value": [1]}, "value"),
        ({"value": 1e16}, "value"),
        ({"currency": 7}, "currency"),
        ({"services": {}}, "services"),
        ({"services": [{"price": 1}]}, "services.0.name"),
        ({"services": [{"name": "a"}, {"name": "b", "quantity": 0}]}, "services.1.quantity"),
        ({"services": [{"name": "a", "quantity": 1.5}]}, "services.0.quantity"),
        ({"services": [{"name": "a"}] * 101}, "services"),
        ({"channel": "fax"}, "channel"),
        ({"click": {"clicked_at": -1}}, "click.clicked_at"),
        ({"client": {"ip": 1}}, "client.ip"),
        ({"custom": {"a": {"b": 1}}}, "custom"),
        ({"custom": {str(n): n for n in range(51)}}, "custom"),
        ({"occurred_at": True}, "occurred_at"),
        ({"booking_id": 1001}, "booking_id"),
    ],
)
def test_a_wrong_type_is_refused_by_the_fields_name(http, changed, field):
    said = is_problem(http.post(EVENTS, json=lead(**changed)), status=422, code="event_refused")
    assert [fault["field"] for fault in said["errors"]] == [field]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_is_taken_however_its_type_is_written(http, kind):
    assert http.post(EVENTS, content=json.dumps(lead()), headers={"content-type": kind}).status_code == 202


def test_a_problem_is_a_problem_in_each_part(http):
    response = http.post(EVENTS, json=lead(value=-1))
    assert response.headers["content-type"] == PROBLEM
    assert response.json() == {
        "type": "urn:konversi:error:event_refused",
        "title": "The event was refused.",
        "status": 422,
        "code": "event_refused",
        "remedy": "Correct the fields listed under `errors` and send it again.",
        "errors": [
            {
                "field": "value",
                "code": "too_small",
                "detail": "is smaller than allowed.",
                "remedy": "Send a value of zero or more.",
            }
        ],
    }


def event_time_of(http, receipt):
    return http.get(f"{EVENTS}/{receipt}").json()["sent_to_meta"]["event_time"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_waited_for_the_gateway_happened_when_it_was_reported(http, wrapped):
    body = {"events": [lead()]} if wrapped else lead()
    said = http.post(EVENTS, json=body, headers={"Konversi-Waited": "7200"}).json()
    receipt = (said["events"][0] if wrapped else said)["receipt"]
    assert event_time_of(http, receipt) == pytest.approx(time.time() - 7_200, abs=60)


def test_what_waited_says_the_same_however_long_it_waited(http):
    first = http.post(EVENTS, json=lead(booking_id="BK-1"), headers={"Konversi-Waited": "7200"})
    again = [
        http.post(EVENTS, json=lead(booking_id="BK-1"), headers=late) for late in ({}, {"Konversi-Waited": "9000"})
    ]
    assert [answer.status_code for answer in (first, *again)] == [202] * 3
    assert {answer.json()["receipt"] for answer in again} == {first.json()["receipt"]}
    assert event_time_of(http, first.json()["receipt"]) == pytest.approx(time.time() - 7_200, abs=60)


def test_a_time_that_was_told_goes_before_the_wait(http):
    told = int(time.time()) - 300
    said = http.post(EVENTS, json=lead(occurred_at=told), headers={"Konversi-Waited": "200"}).json()
    assert event_time_of(http, said["receipt"]) == told


@pytest.mark.parametrize("waited", ["soon", "-1", "1.5", "99999999", "٣"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(http, waited):
    answer = http.post(EVENTS, json=lead(), headers={"Konversi-Waited": waited.encode()})
    assert answer.status_code == 422
    assert [(fault["field"], fault["code"]) for fault in answer.json()["errors"]] == [("Konversi-Waited", "bad_header")]
