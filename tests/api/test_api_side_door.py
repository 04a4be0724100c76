"""Busy callers are answered by the process beside, and nobody can tell by the answer."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import threading
import time
from contextlib import suppress

import pytest
from api_harness import PATIENCE, PIXEL, TOKEN, FakeMeta, answer_of, lead, until
from api_raw import BODY, call, connected, one_answer
from api_side_door import everybody_handed_over, handed_over, here, is_beside, opened

from konversi.errors import Overloaded, StorageUnavailable
from konversi.intake.http import access
from konversi.intake.http import beside as doors
from konversi.intake.preparer import line
from konversi.settings import load

pytest.importorskip("httptools")

A_LIST = json.dumps({"events": [lead(booking_id=f"in-a-list-{n}") for n in range(300)]}).encode()
A_FEW = json.dumps({"events": [lead(booking_id=f"of-a-few-{n}") for n in range(3)]}).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("side")
    with everybody_handed_over(load(pixel_id=PIXEL, token=TOKEN, data_dir=folder), FakeMeta()) as one:
        yield one


@pytest.fixture
def serving(settings, meta):
    """A gateway of a test's own."""
    return lambda **changed: everybody_handed_over(settings(**changed), meta, opens=False)


def noted(monkeypatch, of, name):
    """What a method answers from now on."""
    answers = []
    method = getattr(of, name)

    def noting(*given):
        answers.append(method(*given))
        return answers[-1]

    monkeypatch.setattr(of, name, noting)
    return answers


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (BODY, b"202 Accepted"),
        (json.dumps(lead(customer={})).encode(), b"422 Unprocessable"),
        (json.dumps(lead(value=-1, currency="XXX")).encode(), b"422 Unprocessable"),
        (json.dumps(lead(dataset="nobody's")).encode(), b"422 Unprocessable"),
        (json.dumps(lead(event="Purchase", payment_id="p-1", value=1)).encode(), b"202 Accepted"),
        (json.dumps({"x": 1, "events": [lead()]}).encode(), b"422 Unprocessable"),
        (b"{", b"400 Bad Request"),
        (b"\xff\xfe", b"400 Bad Request"),
    ],
)
def test_it_gives_the_same_answer_as_the_gateway(server, body, status):
    with handed_over(server) as connection:
        connection.sendall(call(body=body))
        there = one_answer(connection)
        assert is_beside(server, connection)
    its_own = here(server, call(body=body))
    assert there[0] == its_own[0]
    assert there[0].startswith(b"HTTP/1.1 " + status)
    assert set(there[1]) == {*its_own[1], b"date"}  # which uvicorn adds as well, once it is ticking
    if status.startswith(b"202"):  # a repeat by then
        there, its_own = json.loads(there[2]), json.loads(its_own[2])
        assert (there["receipt"], there["event_id"]) == (its_own["receipt"], its_own["event_id"])
    else:
        assert there[2] == its_own[2]


def test_other_contents_under_the_same_id_are_a_conflict(server):
    with handed_over(server) as connection:
        connection.sendall(call(body=json.dumps(lead(booking_id="BK-1", value=7)).encode()))
        status, _, body = one_answer(connection)
    assert status == b"HTTP/1.1 409 Conflict"
    assert json.loads(body)["code"] == "event_id_conflict"


def test_a_connection_can_be_used_many_times(server):
    lists = server.gateway.receiver.beside.lists
    with handed_over(server) as connection:
        receipts = set()
        for number in range(10):
            connection.sendall(call(body=json.dumps(lead(booking_id=f"many-{number}")).encode()))
            receipts.add(json.loads(one_answer(connection)[2])["receipt"])
        assert is_beside(server, connection)
    assert len(receipts) == 10
    assert server.gateway.receiver.beside.lists == lists + 11


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200 OK"),
        (b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200 OK"),
        (call(body=A_LIST), b"202 Accepted"),
        (call(body=A_FEW), b"202 Accepted"),
        (call(b"Konversi-Waited: 5", body=json.dumps(lead(booking_id="late")).encode()), b"202 Accepted"),
        (call(path=b"/v1/events?x=1"), b"202 Accepted"),
        (call(path=b"/api/meta/conversion", body=b"{}"), b"422 Unprocessable"),
        (call(path=b"/webhooks/whatsapp", body=b"{}"), b"503 Service Unavailable"),
        (call().replace(b"application/json", b"text/csv"), b"415 Unsupported"),
        (call().replace(b"POST", b"DELETE", 1), b"405 Method Not Allowed"),
        (call(version=b"1.0"), b"202 Accepted"),
        (call(body=b""), b"400 Bad Request"),
        (b"nonsense\r\n\r\n", b"400 Bad Request"),
        (call(b"Content-Length: 3"), b"400 Bad Request"),
        (call().replace(b"Content-Length: ", b"Content-Length: +"), b"400 Bad Request"),
        (b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n{", b"413 Request"),
    ],
)
def test_with_anything_else_a_caller_goes_back_and_is_answered_there(server, sent, status):
    with handed_over(server) as connection:
        connection.sendall(sent)
        said = connection.recv(65_536)
        assert said.startswith(b"HTTP/1.1 " + status)


def test_who_came_back_stays(server):
    with handed_over(server) as connection:
        for sent in (call(body=A_FEW), call(), call()):
            connection.sendall(sent)
            assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
            assert not is_beside(server, connection)


def test_a_body_may_come_after_its_head_and_in_parts(server):
    for cut in (1, len(call()) - len(BODY), len(call()) - 1):
        with handed_over(server) as connection:
            connection.sendall(call()[:cut])
            time.sleep(0.05)
            connection.sendall(call()[cut:])
            assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"


def test_a_body_that_does_not_come_is_waited_for_by_the_gateway(server):
    with handed_over(server) as connection:
        connection.sendall(call()[:-1])
        until(lambda: not is_beside(server, connection))
        connection.sendall(call()[-1:])
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"


def test_a_body_in_chunks_is_taken(server):
    sent = call().partition(b"\r\n\r\n")[0].replace(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked")
    with handed_over(server) as connection:
        connection.sendall(sent + b"\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"


def test_calls_that_come_at_once_are_answered_in_their_order(server):
    bodies = [json.dumps(lead(booking_id=f"ROW-{number}")).encode() for number in range(20)]
    with handed_over(server) as connection:
        connection.sendall(
            b"".join(call(body=body) for body in bodies[:-1]) + call(b"Connection: close", body=bodies[-1])
        )
        answers = answer_of(connection)
    told = [part.partition(b"HTTP/1.1")[0] for part in answers.split(b"\r\n\r\n")[1:]]
    assert [json.loads(one)["event_id"] for one in told] == [f"Lead:ROW-{number}" for number in range(20)]


def test_calls_that_come_before_the_answer_are_answered_in_their_order(server):
    bodies = [json.dumps(lead(booking_id=f"NEXT-{number}")).encode() for number in range(30)]
    told = []
    with handed_over(server) as connection:
        for body in bodies:
            connection.sendall(call(body=body))
        received = b""
        while received.count(b"Lead:NEXT-") < len(bodies):
            received += connection.recv(65_536)
    told = [part.split(b'"')[0].decode() for part in received.split(b'"event_id":"')[1:]]
    assert told == [f"Lead:NEXT-{number}" for number in range(30)]


def test_who_closes_after_one_call_is_answered_and_hung_up_on(server):
    with connected(server) as connection:
        connection.sendall(call(b"Connection: close"))
        status, headers, _ = one_answer(connection)
        assert status == b"HTTP/1.1 202 Accepted"
        assert headers[b"connection"] == b"close"
        assert connection.recv(1) == b""


def test_who_closes_after_a_call_without_a_body_is_hung_up_on(server):
    with handed_over(server) as connection:
        connection.sendall(call(b"Connection: close", body=b""))
        status, headers, _ = one_answer(connection)
        assert status == b"HTTP/1.1 400 Bad Request"
        assert headers[b"connection"] == b"close"
        assert connection.recv(1) == b""


def test_a_caller_that_is_gone_before_the_answer_costs_nothing(server):
    for _ in range(3):
        with handed_over(server) as connection:
            connection.sendall(call())
    with handed_over(server) as connection:
        connection.sendall(call())
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"


def test_callers_that_go_back_at_once_are_all_answered(server):
    callers = [handed_over(server) for _ in range(300)]
    for connection in callers:
        connection.sendall(call(body=A_FEW))
    for connection in callers:
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
        connection.close()


def test_callers_that_go_back_with_much_are_all_answered(server):
    much = json.dumps({"events": [lead(booking_id=f"of-many-{n}", custom={"n": "x" * 300}) for n in range(900)]})
    callers = [handed_over(server) for _ in range(10)]
    sending = [threading.Thread(target=one.sendall, args=(call(body=much.encode()),)) for one in callers]
    for one in sending:
        one.start()
    for one in sending:
        one.join(PATIENCE)
    for connection in callers:
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
        connection.close()


def test_a_caller_that_does_not_read_its_answers_gets_them_whole_and_is_taken_no_calls_of_meanwhile(serving):
    with serving() as server, socket.socket() as connection:
        opened(server)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", server.port))
        refused = call(b"Authorization: Bearer nobodys")  # with a long answer, and nothing to be stored

        def answered():
            return server.gateway.answered.totals["events", "4xx"]

        sent = 0
        while answered() == sent:
            assert sent < 50_000
            connection.sendall(refused)
            sent += 1
            end = time.monotonic() + 1
            while answered() < sent and time.monotonic() < end:
                time.sleep(0)
        assert sent > 100
        assert is_beside(server, connection)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answers = answer_of(connection)
        begun, _, last = answers.rpartition(b"HTTP/1.1 200 OK")
        assert begun.count(b"HTTP/1.1 401 Unauthorized") == begun.count(b"}") == sent
        assert last.endswith(b"}")


def test_a_caller_that_says_nothing_for_long_is_hung_up_on(server):
    with handed_over(server) as connection:
        began = time.monotonic()
        assert connection.recv(1) == b""
        assert time.monotonic() - began > 4


def test_many_callers_at_a_time_each_get_their_own_answer(server):
    said: dict[int, list[str]] = {}

    def calls(caller: int) -> None:
        with connected(server) as connection:
            told = []
            for number in range(25):
                body = json.dumps(lead(booking_id=f"{caller}-{number}", custom={"n": "x" * (caller * 20)})).encode()
                connection.sendall(call(body=body))
                told.append(json.loads(one_answer(connection)[2])["event_id"])
            said[caller] = told

    threads = [threading.Thread(target=calls, args=(caller,)) for caller in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE)
    assert said == {caller: [f"Lead:{caller}-{number}" for number in range(25)] for caller in range(20)}


def test_answers_are_counted_as_always(server):
    def counted():
        return {answer: number for (door, answer), number in server.gateway.answered.totals.items() if door == "events"}

    with handed_over(server) as connection:
        before = counted()
        for body in (BODY, b"{", json.dumps(lead(customer={})).encode(), BODY):
            connection.sendall(call(body=body))
            one_answer(connection)
        after = counted()
    assert after["2xx"] - before["2xx"] == 2
    assert after["4xx"] - before.get("4xx", 0) == 2


def test_few_callers_stay_with_the_gateway(server, monkeypatch):
    monkeypatch.setattr(doors, "_BUSY", 6)
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(call())
            one_answer(connection)
        assert not is_beside(server, connection)


def test_a_key_is_asked_for_at_every_call_and_may_be_revoked_meanwhile(serving):
    own = b"Authorization: Bearer the-gateways-own-key"
    with serving(api_key="the-gateways-own-key") as server, server.client() as http:
        opened(server, own)
        http.headers["authorization"] = "Bearer the-gateways-own-key"
        made = http.post("/v1/keys", json={"name": "bot", "scope": "send"}).raise_for_status().json()
        bots = b"Authorization: Bearer " + made["key"].encode()
        with connected(server) as connection:
            connection.sendall(call(bots))
            assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
            assert is_beside(server, connection)
            connection.sendall(call(b"Authorization: Bearer another"))
            assert one_answer(connection)[0] == b"HTTP/1.1 401 Unauthorized"
            connection.sendall(call(bots))
            assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
            http.delete(f"/v1/keys/{made['id']}").raise_for_status()
            connection.sendall(call(bots))
            assert one_answer(connection)[0] == b"HTTP/1.1 401 Unauthorized"
            connection.sendall(call())
            assert one_answer(connection)[0] == b"HTTP/1.1 401 Unauthorized"
            assert is_beside(server, connection)


def test_one_caller_without_a_key_does_not_speak_for_the_others(serving):
    own = b"Authorization: Bearer the-gateways-own-key"
    with serving(api_key="the-gateways-own-key") as server:
        opened(server, own)
        with connected(server) as known, connected(server) as stranger:
            for _ in range(20):
                known.sendall(call(own))
                stranger.sendall(call())
                assert one_answer(known)[0] == b"HTTP/1.1 202 Accepted"
                assert one_answer(stranger)[0] == b"HTTP/1.1 401 Unauthorized"


def test_who_hangs_up_before_anybody_looks_where_the_call_is_from_is_not_this_machine(serving, monkeypatch):
    with serving() as server:
        opened(server)
        accepted = server.gateway.answered.totals["events", "2xx"]
        monkeypatch.setattr(access, "_is_loopback", lambda _caller: False)  # all of them call from elsewhere
        process = server.gateway.receiver.beside.process
        os.kill(process, signal.SIGSTOP)
        with connected(server) as connection:
            given = noted(monkeypatch, server.gateway.receiver.beside, "give")
            connection.sendall(call(body=json.dumps(lead(booking_id="forged")).encode()))
            until(lambda: given == [True])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.kill(process, signal.SIGCONT)
        with connected(server) as connection:
            connection.sendall(call())
            assert one_answer(connection)[0] == b"HTTP/1.1 401 Unauthorized"
        assert server.gateway.answered.totals["events", "2xx"] == accepted


def test_a_stranger_who_says_nothing_about_the_call_is_not_this_machine(serving, monkeypatch):
    with serving() as server:
        opened(server)
        monkeypatch.setattr(access, "_is_loopback", lambda _caller: False)  # all of them call from elsewhere
        bare = b"POST /v1/events HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        with connected(server) as connection:
            for _ in range(2):
                connection.sendall(bare + BODY)
                assert one_answer(connection)[0] == b"HTTP/1.1 401 Unauthorized"
                assert is_beside(server, connection)


def test_what_is_decided_meanwhile_holds_for_the_next_call(serving):
    with serving() as server, server.client() as http:
        opened(server)
        with handed_over(server) as connection:
            http.put("/v1/consents", json={"phone": "628123456789", "state": "withdrawn"}).raise_for_status()
            for number in range(3):
                body = lead(booking_id=f"after-{number}", customer={"phone": "628123456789"})
                connection.sendall(call(body=json.dumps(body).encode()))
                said = json.loads(one_answer(connection)[2])
                assert "consent_withdrawn" in {note["code"] for note in said["notes"]}
            assert is_beside(server, connection)


@pytest.mark.parametrize(("error", "code"), [(StorageUnavailable("gone"), 503), (Overloaded(), 503)])
def test_what_the_outbox_has_against_all_is_told_to_each(server, monkeypatch, error, code):
    with handed_over(server) as connection:

        async def refuses(_events):
            raise error

        monkeypatch.setattr(server.gateway.receiver._outbox, "append", refuses)
        connection.sendall(call(body=json.dumps(lead(booking_id="refused")).encode()))
        status, headers, body = one_answer(connection)
        assert status.startswith(b"HTTP/1.1 %d" % code)
        assert b"retry-after" in headers
        assert json.loads(body)["code"] == error.code
        monkeypatch.undo()
        connection.sendall(call(body=json.dumps(lead(booking_id="refused")).encode()))
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"


def test_a_fault_that_nobody_foresaw_leaves_each_to_itself(server, monkeypatch):
    async def fails(_prepared, _under):
        raise OverflowError

    with handed_over(server) as connection:
        monkeypatch.setattr(server.gateway.receiver, "keep", fails)
        connection.sendall(call(body=json.dumps(lead(booking_id="unforeseen")).encode()))
        assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"


def test_when_the_process_dies_its_callers_are_cut_off_and_the_next_ones_served(serving):
    with serving() as server:
        opened(server)
        with handed_over(server) as connection:
            os.kill(server.gateway.receiver.beside.process, signal.SIGKILL)
            assert connection.recv(1) == b""
        until(lambda: server.gateway.receiver.beside.process is None)
        with connected(server) as connection:
            connection.sendall(call())
            assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"
            assert not is_beside(server, connection)


def test_one_that_has_stopped_is_ended_so_that_its_callers_may_call_again(serving, monkeypatch):
    with serving() as server:
        opened(server)
        process = server.gateway.receiver.beside.process
        with handed_over(server) as connection:
            os.kill(process, signal.SIGSTOP)
            monkeypatch.setattr(line, "_LOOK_SECONDS", 0.2)
            connection.sendall(call())
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        until(lambda: server.gateway.receiver.beside.process is None)
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_one_whose_callers_have_all_left_is_not_taken_for_one_that_has_stopped(serving, monkeypatch):
    monkeypatch.setattr(line, "_SILENT_LOOKS", 3)
    with serving() as server:
        opened(server)
        process = server.gateway.receiver.beside.process
        with handed_over(server):
            pass
        time.sleep(4)
        assert server.gateway.receiver.beside.process == process


def test_one_that_can_give_nobody_back_answers_its_callers_and_ends(serving):
    with serving() as server:
        opened(server)
        process = server.gateway.receiver.beside.process
        with handed_over(server) as idle, handed_over(server) as half:
            half.sendall(call()[:-1])
            hands = server.gateway.receiver.beside._line._hands  # as where there are no more descriptors
            server.loop.call_soon_threadsafe(hands.close)
            assert idle.recv(1) == b""
            half.sendall(call()[-1:])
            with suppress(ConnectionResetError):
                half.recv(1)
        until(lambda: server.gateway.receiver.beside.process is None)
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
        with connected(server) as connection:
            connection.sendall(call())
            assert one_answer(connection)[0] == b"HTTP/1.1 202 Accepted"


def test_stopping_answers_who_waits_and_hangs_up_on_who_does_not(serving, monkeypatch):
    with serving() as server:
        opened(server)
        idle, busy = handed_over(server), handed_over(server)
        append, may_go_on = server.gateway.receiver._outbox.append, threading.Event()

        async def slow(events):
            while not may_go_on.is_set():
                await asyncio.sleep(0.005)
            return await append(events)

        monkeypatch.setattr(server.gateway.receiver._outbox, "append", slow)
        busy.sendall(call(body=json.dumps(lead(booking_id="last")).encode()))
        until(lambda: server.door.under_way)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert idle.recv(1) == b""
        may_go_on.set()
        status, headers, _ = one_answer(busy)
        assert status == b"HTTP/1.1 202 Accepted"
        assert headers[b"connection"] == b"close"
        assert busy.recv(1) == b""
        stopping.join(PATIENCE)
        idle.close()
        busy.close()
