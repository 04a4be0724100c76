"""What comes below HTTP's own rules, too slowly, or not to its end."""

from __future__ import annotations

import json
import socket
import time

import pytest
from api_harness import EVENTS, GUIDE, PATIENCE, PIXEL, TOKEN, FakeMeta, answer_of, lead, running

from konversi.intake.http import bodies
from konversi.settings import load

BODY = json.dumps(lead()).encode()
PHONE = b"628123456789"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("garbage")
    with running(load(pixel_id=PIXEL, token=TOKEN, data_dir=folder), meta=FakeMeta()) as one:
        yield one


@pytest.fixture(autouse=True)
def still_answers(server, caplog):
    yield
    with server.client() as http:
        assert http.post(EVENTS, json=lead()).status_code == 202
    assert PHONE.decode() not in "\n".join(caplog.messages)


def post(*headers: bytes, body: bytes = BODY, path: bytes = b"/v1/events") -> bytes:
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


LENGTH = b"Content-Length: %d" % len(BODY)
JSON = b"Content-Type: application/json"

GARBAGE = {
    "no HTTP at all": b"\x00\x01\x02\x03\r\n\r\n",
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
    "a verb in lower case": b"post /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an unknown verb": b"BOOK /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": b"POST /v1/events\r\n\r\n",
    "another version": b"POST /v1/events HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "a bad header": post(b"Bad Header: x", LENGTH, JSON),
    "a header without a colon": post(b"oops", LENGTH, JSON),
    "a NUL in a header": post(b"X: a\x00b", LENGTH, JSON),
    "a split header": post(b"X: a\rY: b", LENGTH, JSON),
    "two lengths": post(LENGTH, b"Content-Length: 5", JSON),
    "two equal lengths": post(LENGTH, LENGTH, JSON),
    "a negative length": post(b"Content-Length: -1", JSON),
    "a length in words": post(b"Content-Length: many", JSON),
    "a length beyond numbers": post(b"Content-Length: " + b"9" * 40, JSON),
    "a length and chunks": post(LENGTH, b"Transfer-Encoding: chunked", JSON),
    "chunks of garbage": post(b"Transfer-Encoding: chunked", JSON, body=b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an unknown coding": post(b"Transfer-Encoding: gzip", JSON),
}


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused_and_the_connection_closed(server, sent):
    began = time.monotonic()
    answer = server.raw(sent, finish=False)
    assert time.monotonic() - began < 5
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413", b"HTTP/1.1 415")), answer[:100]
    assert PHONE not in answer


def test_a_thousand_headers_are_no_fault(server):
    many = [b"X-%d: y" % number for number in range(1_000)]
    assert server.raw(post(*many, LENGTH, JSON), finish=False).startswith(b"HTTP/1.1 202")


def test_a_body_in_single_bytes_is_taken(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(LENGTH, JSON):
            connection.sendall(bytes([byte]))
        assert answer_of(connection).startswith(b"HTTP/1.1 202")


def test_two_requests_at_once_on_one_connection_are_both_answered(server):
    one = post(LENGTH, JSON).replace(b"Connection: close\r\n", b"")
    assert server.raw(one + post(LENGTH, JSON), finish=False).count(b"HTTP/1.1 202") == 2


@pytest.mark.parametrize("door", [EVENTS, GUIDE, f"{EVENTS}/rc_000000000001/discard"])
@pytest.mark.parametrize("sent", [b"", BODY[:10]])
@pytest.mark.parametrize("framing", [LENGTH, b"Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(server, monkeypatch, door, sent, framing):
    monkeypatch.setattr(bodies, "_LONGEST_SILENCE", 0.3)
    if framing != LENGTH and sent:
        sent = b"%x\r\n" % len(sent) + sent + b"\r\n"
    began = time.monotonic()
    answer = server.raw(post(framing, JSON, body=sent, path=door.encode()), finish=False)
    assert 0.2 < time.monotonic() - began < 3
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in answer
    assert b'"code":"body_too_slow"' in answer
    assert b"connection: close" in answer.lower()


def test_a_body_that_drips_is_not_waited_for_either(server, monkeypatch):
    monkeypatch.setattr(bodies, "_LONGEST", 0.5)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.05) as connection:
        connection.sendall(post(b"Content-Length: 1000000", JSON, body=b"{"))
        answer = b""
        while not answer and time.monotonic() - began < PATIENCE:
            connection.sendall(b" ")
            try:
                answer = connection.recv(65_536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")
    assert 0.4 < time.monotonic() - began < 3


def test_patience_with_a_silent_body_is_shorter_than_five_seconds():
    assert bodies._LONGEST_SILENCE < 5


@pytest.mark.parametrize("door", [EVENTS, GUIDE])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_caller_that_goes_away_in_mid_body_leaves_no_event_and_no_trouble(server, door, how, caplog):
    newest = receipts(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(post(LENGTH, JSON, body=BODY[:20], path=door.encode()))
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    assert receipts(server) == newest
    assert "unforeseen" not in caplog.text


def receipts(server):
    """Of the newest events; what becomes of them is the delivery's affair, which goes on meanwhile."""
    with server.client() as http:
        return [event["receipt"] for event in http.get(EVENTS).json()["events"]]


def test_a_caller_that_goes_away_while_meta_is_asked_does_not_stop_the_event(server):
    server.meta.hang()
    body = b'{"type": "booking", "customerPhone": "628123456789", "bookingId": "GONE"}'
    server.meta.asked.clear()
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(post(b"Content-Length: %d" % len(body), JSON, body=body, path=GUIDE.encode()))
        assert server.meta.asked.wait(PATIENCE)
    server.meta.go_on()
    with server.client() as http:
        (event,) = http.get(EVENTS, params={"booking_id": "GONE"}).json()["events"]
    assert server.ended(event["receipt"])["state"] == "delivered"
