"""The setup guide's door, word for word."""

from __future__ import annotations

import time

import pytest
from api_harness import (
    EVENTS,
    GUIDE,
    PIXEL,
    TOKEN,
    TRACE,
    FakeMeta,
    booking,
    graph_error,
    is_problem,
    plain,
    running,
    unreachable,
)

WAIT_1 = {"Prefer": "wait=1"}


def test_the_check_says_that_the_gateway_is_configured(http):
    response = http.get(GUIDE)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"configured": True, "pixelId": "1234****", "hasToken": True}


def test_the_check_says_that_nothing_is_configured(settings):
    with running(settings(pixel_id=None, token=None)) as server, server.client() as http:
        assert http.get(GUIDE).json() == {"configured": False, "pixelId": None, "hasToken": False}


def test_the_check_says_which_half_of_the_credentials_is_there(settings):
    with running(settings(token=None)) as server, server.client() as http:
        assert http.get(GUIDE).json() == {"configured": False, "pixelId": "1234****", "hasToken": False}


def test_the_guides_own_booking_is_answered_with_what_meta_said(http):
    response = http.post(GUIDE, json=booking(bookingId="BK-1001"))
    assert response.status_code == 200
    said = response.json()
    assert said.pop("receipt").startswith("rc_")
    assert said == {"success": True, "eventId": "Lead:BK-1001", "eventsReceived": 1, "fbtraceId": TRACE}


def test_the_guides_curl_line_works_as_it_is_written(gateway):
    body = (
        b'{\n    "type": "booking",\n    "customerPhone": "628123456789", \n    "customerName": "Test Customer",\n'
        b'    "totalValue": 150000,\n    "services": [\n      {"serviceName": "Repaint Bodi Halus", "price": 150000}\n'
        b"    ]\n  }"
    )
    sent = (
        b"POST /api/meta/conversion HTTP/1.1\r\nHost: localhost:3000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    ) + body
    answer = gateway.raw(sent, finish=False)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'"success":true' in answer
    assert b'"eventsReceived":1' in answer


def test_only_this_event_is_counted_whatever_else_was_in_its_batch(gateway, http, meta):
    meta.hang()
    first = http.post(GUIDE, json=booking(), headers={"Prefer": "wait=0"}).json()
    http.post(
        EVENTS, json={"events": [{"event": "Lead", "customer": {"phone": f"62812345{n}"}} for n in range(10, 20)]}
    )
    meta.go_on()
    gateway.ended(first["receipt"])
    said = http.post(GUIDE, json=booking(customerPhone="62812345678")).json()
    assert said["eventsReceived"] == 1


def test_a_slow_meta_means_queued_within_the_wait_and_delivered_later(gateway, http, meta):
    meta.hang()
    began = time.monotonic()
    response = http.post(GUIDE, json=booking(bookingId="BK-1"), headers=WAIT_1)
    took = time.monotonic() - began
    assert response.status_code == 202
    said = response.json()
    assert said.pop("receipt") == "rc_000000000001"
    assert said == {"success": True, "status": "queued", "eventId": "Lead:BK-1"}
    assert 0.9 < took < 3
    meta.go_on()
    assert gateway.ended("rc_000000000001")["state"] == "delivered"
    assert len(meta.requests) == 1


def test_without_a_preference_the_wait_is_five_seconds(http, meta):
    meta.hang()
    began = time.monotonic()
    assert http.post(GUIDE, json=booking()).status_code == 202
    assert 4.9 < time.monotonic() - began < 7


def test_a_wait_of_nothing_answers_at_once(http, meta):
    meta.hang()
    began = time.monotonic()
    assert http.post(GUIDE, json=booking(), headers={"Prefer": "respond-async, wait=0"}).status_code == 202
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("answer", [unreachable, plain(503), plain(500, b"oops"), graph_error(2, status=500)])
def test_a_meta_that_is_down_means_queued_at_once(http, meta, answer):
    meta.answer = answer
    began = time.monotonic()
    response = http.post(GUIDE, json=booking())
    assert response.status_code == 202
    said = response.json()
    assert said["success"] is True
    assert said["status"] == "queued"
    assert said["warning"]
    assert time.monotonic() - began < 3
    assert http.get(f"{EVENTS}/{said['receipt']}").json()["state"] == "waiting"


def test_a_real_connection_that_is_refused_means_queued(settings):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with running(settings(graph_url=f"http://127.0.0.1:{port}"), meta=None) as server:
        server.meta.answer = unreachable
        with server.client() as http:
            assert http.post(GUIDE, json=booking()).status_code == 202


def test_an_event_that_meta_refuses_is_answered_with_cause_and_remedy(http, meta):
    meta.answer = graph_error(100, 2804050)
    response = http.post(GUIDE, json=booking())
    said = is_problem(response, status=422, code="meta_refused")
    assert said["success"] is False
    assert said["state"] == "dead"
    assert "Too little is known about the customer" in said["error"]
    assert "Correct the data where it comes from" in said["error"]
    assert said["detail"] == said["error"]
    assert said["eventId"]
    assert said["receipt"]


def test_an_invalid_token_is_named_and_the_event_is_kept(gateway, http, meta):
    meta.answer = graph_error(190, status=401)
    said = is_problem(http.post(GUIDE, json=booking()), status=422)
    assert "Invalid access token" in said["error"]
    assert "Generate a new one" in said["error"]
    assert said["state"] == "waiting"
    assert http.get(f"{EVENTS}/{said['receipt']}").json()["state"] == "waiting"
    began = time.monotonic()
    again = is_problem(http.post(GUIDE, json=booking(customerPhone="628123456780")), status=422)
    assert time.monotonic() - began < 1
    assert "Invalid access token" in again["error"]
    assert again["state"] == "waiting"
    assert len(meta.requests) == 1


def test_a_pixel_that_meta_does_not_find_is_named(http, meta):
    meta.answer = graph_error(100, 33)
    said = is_problem(http.post(GUIDE, json=booking()), status=422)
    assert "Pixel not found" in said["error"]
    assert "META_PIXEL_ID" in said["error"]
    assert said["state"] == "waiting"


def test_without_credentials_nothing_is_lost_and_the_warning_says_what_is_missing(settings, caplog):
    kept = settings(pixel_id=None, token=None, database_url="sqlite:///kept.db")
    with running(kept) as server, server.client() as http:
        began = time.monotonic()
        response = http.post(GUIDE, json=booking(bookingId="BK-9"))
        assert response.status_code == 202
        said = response.json()
        assert said["success"] is True
        assert said["status"] == "queued"
        assert "Missing Meta credentials" in said["warning"]
        assert "META_CONVERSION_API_TOKEN" in said["warning"]
        assert time.monotonic() - began < 3
        assert server.meta.requests == []
    assert any("Missing Meta credentials" in line for line in caplog.messages)
    meta = FakeMeta()
    with running(settings(database_url="sqlite:///kept.db"), meta=meta) as server:
        assert server.ended(said["receipt"])["state"] == "delivered"
    assert meta.to[0].pixel_id == PIXEL
    assert meta.to[0].token == TOKEN
    assert [event["event_id"] for event in meta.events] == ["Lead:BK-9"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("booking", "Lead"),
        ("payment", "Purchase"),
        ("checkout", "InitiateCheckout"),
        (" Booking ", "Lead"),
        ("Lead", "Lead"),
        ("purchase", "Purchase"),
        ("CompleteRegistration", "CompleteRegistration"),
        ("Car Wash Booked", "Car Wash Booked"),
    ],
)
def test_each_type_reaches_meta_under_its_name(http, meta, kind, name):
    assert http.post(GUIDE, json=booking(type=kind)).status_code == 200
    assert meta.events[0]["event_name"] == name


def test_a_type_that_is_no_name_is_refused_by_the_guides_own_word(http):
    said = is_problem(http.post(GUIDE, json=booking(type="<script>")), status=422)
    assert said["errors"][0]["field"] == "type"


def test_a_payment_without_an_amount_names_the_guides_field(http):
    said = is_problem(http.post(GUIDE, json=booking(type="payment", totalValue=..., services=...)), status=422)
    assert said["errors"][0]["field"] == "totalValue"
    assert "totalValue" in said["error"]


def test_the_same_booking_twice_gives_the_same_receipt_and_one_event(http, meta):
    first = http.post(GUIDE, json=booking(bookingId="BK-7")).json()
    second = http.post(GUIDE, json=booking(bookingId="BK-7"))
    assert second.status_code == 200
    assert second.json()["receipt"] == first["receipt"]
    assert second.json()["eventId"] == first["eventId"]
    assert len(meta.events) == 1


def test_the_same_booking_with_other_contents_is_a_conflict(http, meta):
    http.post(GUIDE, json=booking(bookingId="BK-7"))
    said = is_problem(http.post(GUIDE, json=booking(bookingId="BK-7", totalValue=1)), status=409)
    assert said["code"] == "event_id_conflict"
    assert said["success"] is False
    assert len(meta.events) == 1


def test_two_bookings_without_a_number_are_two_events(http, meta):
    http.post(GUIDE, json=booking())
    http.post(GUIDE, json=booking())
    assert len({event["event_id"] for event in meta.events}) == 2


def test_a_dropped_value_is_told_in_the_guides_words(http):
    said = http.post(GUIDE, json=booking(customerEmail="not an address")).json()
    assert said["success"] is True
    assert any(warning.startswith("customerEmail: ") for warning in said["warnings"])


def test_a_customer_of_whom_too_little_is_known_is_refused_with_each_reason(http, meta):
    response = http.post(GUIDE, json=booking(customerPhone="12", customerName=...))
    said = is_problem(response, status=422, code="event_refused")
    assert {fault["field"] for fault in said["errors"]} == {"customerPhone"}
    assert len(said["errors"]) == 2
    assert meta.requests == []


@pytest.mark.parametrize(
    "changed",
    [
        {"services": [{"serviceName": "   ", "price": 1}]},
        {"services": [{"serviceName": "a\x00b", "price": 1}]},
        {"services": [{"serviceName": "x" * 501}]},
        {"type": "   "},
        {"type": "a\x00b"},
        {"type": "x" * 51},
    ],
)
def test_what_the_native_event_does_not_take_the_guides_shape_does_not_take_either(http, changed):
    said = is_problem(http.post(GUIDE, json=booking(**changed)), status=422)
    assert said["errors"][0]["field"] in {"type", "services.0.serviceName"}


def test_the_console_says_the_lines_that_the_guide_tells_to_look_for(http, caplog):
    http.post(GUIDE, json=booking(bookingId="BK-1001"))
    lines = [record.getMessage() for record in caplog.records if record.name == "konversi"]
    assert "[Meta Conversion API] Sending conversion event: Lead" in lines
    assert f'[Meta Conversion API] Success: {{"events_received": 1, "fbtrace_id": "{TRACE}"}}' in lines
    assert "[META CONVERSION] Successfully sent to Meta: Lead:BK-1001" in lines


def test_the_console_names_the_fault_and_not_the_token(http, meta, caplog):
    meta.answer = graph_error(190, message=f"Error validating access token {TOKEN}")
    http.post(GUIDE, json=booking())
    assert any("Invalid access token" in line for line in caplog.messages)
    assert TOKEN not in caplog.text
