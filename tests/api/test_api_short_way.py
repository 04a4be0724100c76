"""Calls whose body comes with their head are answered on a shorter way, and nobody can tell by the answer."""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import pytest
from api_harness import EVENTS, PATIENCE, PIXEL, TOKEN, FakeMeta, answer_of, lead, running
from api_raw import BODY, call, connected, one_answer

from konversi.settings import load

pytest.importorskip("httptools")

from konversi.cli import short_way


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("short")
    with running(load(pixel_id=PIXEL, token=TOKEN, data_dir=folder), meta=FakeMeta()) as one:
        yield one


@pytest.fixture
def short(monkeypatch):
    """The addresses of the calls that went the short way."""
    went = []
    answer = short_way.ShortWay._answer

    async def noted(self, call, url, sent, body):
        went.append(url)
        await answer(self, call, url, sent, body)

    monkeypatch.setattr(short_way.ShortWay, "_answer", noted)
    return went


def in_two_parts(connection: socket.socket, server, sent: bytes) -> None:
    """The body once the server has read the head."""
    head, end, body = sent.partition(b"\r\n\r\n")
    connection.sendall(head + end)
    asyncio.run_coroutine_threadsafe(_rounds_of_the_loop(), server.loop).result(PATIENCE)
    connection.sendall(body)


async def _rounds_of_the_loop() -> None:
    for _ in range(50):
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (b"/v1/events", BODY, b"202 Accepted"),
        (b"/v1/events", b'{"event":"Lead"}', b"422 Unprocessable"),
        (b"/v1/events", b"{", b"400 Bad Request"),
        (b"/webhooks/whatsapp", b"{}", b"503 Service Unavailable"),
        (b"/webhooks/nobody", b"{}", b"404 Not Found"),
    ],
)
def test_both_ways_give_the_same_answer(server, short, path, body, status):
    sent = call(path=path, body=body)
    with connected(server) as connection:
        connection.sendall(sent)
        quick = one_answer(connection)
        assert short == [path]
        in_two_parts(connection, server, sent)
        long = one_answer(connection)
    assert short == [path]
    assert quick[0] == long[0]
    assert quick[0].startswith(b"HTTP/1.1 " + status)
    assert set(quick[1]) == set(long[1])
    if not status.startswith(b"202"):
        assert quick[2] == long[2]


@pytest.mark.parametrize(
    "sent",
    [
        call(b"Connection: close"),
        call(version=b"1.0"),
        call(b"Expect: 100-continue"),
        call(path=b"/v1/events?x=1"),
        call(path=b"/v1/%65vents"),
        call(b"Connection: upgrade", b"Upgrade: h2c"),
        call().replace(b"POST", b"PUT", 1),
    ],
)
def test_what_is_not_plain_goes_the_long_way(server, short, sent):
    with connected(server) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert b"HTTP/1." in connection.recv(65_536)
    assert short == []


def test_a_body_in_chunks_may_go_the_short_way(server, short):
    sent = call().partition(b"\r\n\r\n")[0].replace(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked")
    with connected(server) as connection:
        connection.sendall(sent + b"\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
    assert short == [b"/v1/events"]


def test_calls_that_come_at_once_are_answered_in_their_order(server):
    bodies = [json.dumps(lead(booking_id=f"ROW-{number}")).encode() for number in range(20)]
    with connected(server) as connection:
        connection.sendall(
            b"".join(call(body=body) for body in bodies[:-1]) + call(b"Connection: close", body=bodies[-1])
        )
        answers = answer_of(connection)
    told = [one["event_id"] for one in map(json.loads, _bodies(answers))]
    assert told == [f"Lead:ROW-{number}" for number in range(20)]


def _bodies(answers: bytes) -> list[bytes]:
    return [part.partition(b"HTTP/1.1")[0] for part in answers.split(b"\r\n\r\n")[1:]]


def test_a_connection_can_be_used_many_times(server, short):
    with connected(server) as connection:
        for _ in range(10):
            connection.sendall(call())
            assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
    assert len(short) == 10


def test_a_caller_that_is_gone_before_the_answer_costs_nothing(server, short):
    with connected(server) as connection:
        connection.sendall(call(body=json.dumps(lead(booking_id="GONE")).encode()))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    with server.client() as http:
        assert http.post(EVENTS, json=lead()).status_code == 202


def test_a_key_is_asked_for_on_both_ways(tmp_path, short):
    settings = load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, api_key="a-long-enough-key")
    with running(settings, meta=FakeMeta()) as server, connected(server) as connection:
        connection.sendall(call())
        status, headers, body = one_answer(connection)
        assert status == b"HTTP/1.1 401 Unauthorized"
        assert headers[b"content-type"] == b"application/problem+json"
        assert json.loads(body)["code"] == "unauthorized"
        connection.sendall(call(b"Authorization: Bearer a-long-enough-key"))
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
    assert len(short) == 2


def test_an_answer_that_comes_while_the_server_stops_closes_its_connection(tmp_path, monkeypatch):
    began, go_on = threading.Event(), asyncio.Event()

    with running(load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path), meta=FakeMeta()) as server:
        reply = server.door.reply

        async def slow(scope, sent, receive):
            began.set()
            await go_on.wait()
            return await reply(scope, sent, receive)

        monkeypatch.setattr(server.door, "reply", slow)
        with connected(server) as connection:
            connection.sendall(call())
            assert began.wait(PATIENCE)
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            server.loop.call_soon_threadsafe(go_on.set)
            status, headers, _ = one_answer(connection)
            stopping.join(PATIENCE)
    assert status == b"HTTP/1.1 202 Accepted"
    assert headers.get(b"connection") in (b"close", None)
