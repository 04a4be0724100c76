"""Where durability can't be promised, nothing is promised."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest
from api_harness import EVENTS, GUIDE, PATIENCE, booking, is_problem, lead, running

from konversi.errors import Overloaded, ShuttingDown, StorageUnavailable
from konversi.outbox.memory import MemoryOutbox

DOORS = [
    (EVENTS, {"json": lead()}),
    (EVENTS, {"json": {"events": [lead(), lead()]}}),
    (EVENTS, {"content": b'{"event": "Lead", "customer": {"phone": "628123456789"}}\n', "headers": {"content-type": "application/x-ndjson"}}),
    (GUIDE, {"json": booking()}),
]  # fmt: skip


class FailingOutbox(MemoryOutbox):
    """Can't take events, for a reason."""

    def __init__(self, reason=None):
        super().__init__()
        self.reason = reason

    async def append(self, events):
        if self.reason is not None:
            raise self.reason
        return await super().append(events)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (StorageUnavailable("SQLite: database or disk is full."), "storage_unavailable"),
        (Overloaded(), "overloaded"),
        (ShuttingDown(), "shutting_down"),
    ],
)
@pytest.mark.parametrize(("door", "body"), DOORS, ids=["one", "list", "lines", "guide"])
def test_what_can_not_be_stored_is_not_accepted_and_may_come_again(settings, reason, code, door, body):
    store = FailingOutbox(reason)
    with running(settings(), outbox=store) as server, server.client() as http:
        response = http.post(door, **body)
        is_problem(response, status=503, code=code)
        assert 1 <= int(response.headers["retry-after"]) <= 60
        store.reason = None
        assert http.post(door, **body).status_code in (200, 202)


@pytest.mark.parametrize(("door", "body"), DOORS, ids=["one", "list", "lines", "guide"])
def test_a_fault_of_our_own_is_a_problem_without_its_text_and_the_server_goes_on(settings, door, body, caplog):
    """The text of an unforeseen error may quote the customer."""
    store = FailingOutbox(ValueError("628123456789"))
    with running(settings(), outbox=store) as server, server.client() as http:
        response = http.post(door, **body)
        assert response.status_code == 500
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "internal"
        assert "628123456789" not in response.text
        store.reason = None
        assert http.post(door, **body).status_code in (200, 202)
    (line,) = [line for line in caplog.messages if "unforeseen" in line]
    assert "fault='ValueError' where='test_api_storage.py:" in line
    assert "628123456789" not in caplog.text


def test_a_fault_while_looking_is_a_problem_without_its_text_too(settings, caplog):
    class Blind(MemoryOutbox):
        async def search(self, search):
            raise ValueError("628123456789")

    with running(settings(), outbox=Blind()) as server, server.client() as http:
        response = http.get(EVENTS)
        assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
        assert http.get(GUIDE).status_code == 200
    assert "628123456789" not in response.text + caplog.text


def test_a_list_is_accepted_as_a_whole_or_not_at_all_where_the_storage_fails(settings):
    store = FailingOutbox(StorageUnavailable("x"))
    with running(settings(), outbox=store) as server, server.client() as http:
        assert http.post(EVENTS, json={"events": [lead(), lead(value=-1)]}).status_code == 503
        assert http.get(EVENTS).json()["events"] == []


@contextmanager
def a_strangers_lock(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        yield


def test_a_real_database_that_is_locked_by_somebody_else_is_said_to_be_unavailable(settings, tmp_path):
    some = {"events": [lead(booking_id="BK-1"), lead(booking_id="BK-2")]}
    with running(settings(database_url=f"sqlite:///{tmp_path}/k.db")) as server, server.client() as http:
        with a_strangers_lock(tmp_path / "k.db"):
            response = http.post(EVENTS, json=some, timeout=30)
            is_problem(response, status=503, code="storage_unavailable")
            assert response.headers["retry-after"]
        assert http.post(EVENTS, json=some).status_code == 202


def test_a_conversion_is_said_to_have_failed_only_where_it_is_not_kept(settings, tmp_path):
    """Whether it can be kept while somebody has the database depends on whether others wait for it already."""
    with running(settings(database_url=f"sqlite:///{tmp_path}/k.db")) as server, server.client() as http:
        with a_strangers_lock(tmp_path / "k.db"):
            response = http.post(GUIDE, json=booking(), timeout=30)
        kept = [event["event_id"] for event in http.get(EVENTS).json()["events"]]
    assert (response.status_code, kept) in [(503, []), (202, [response.json().get("eventId")])]


@pytest.mark.parametrize("reason", [StorageUnavailable("gone"), ShuttingDown()])
def test_whatever_keeps_one_from_seeing_what_becomes_of_it_it_is_queued(settings, monkeypatch, reason):
    async def blind(_outbox, _event):
        raise reason

    monkeypatch.setattr(MemoryOutbox, "find", blind)
    with running(settings(), outbox=MemoryOutbox()) as server, server.client() as http:
        response = http.post(GUIDE, json=booking())
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    assert response.json()["warning"].removeprefix("What became of it can't be read yet: ")


@pytest.mark.parametrize("door", [EVENTS, GUIDE])
def test_events_accepted_at_once_all_get_receipts_of_their_own(settings, tmp_path, door):
    receipts, at_once = [], 16
    with running(settings(database_url=f"sqlite:///{tmp_path}/k.db")) as server:

        def post(number):
            with server.client() as http:
                body = lead(booking_id=f"B{number}") if door == EVENTS else booking(bookingId=f"B{number}")
                receipts.append(http.post(door, json=body).json()["receipt"])

        threads = [threading.Thread(target=post, args=(number,)) for number in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert len(set(receipts)) == at_once


def test_a_caller_that_waits_while_the_gateway_stops_still_gets_an_answer(settings, meta):
    meta.hang()
    answers = []
    with running(settings(), meta=meta) as server:

        def ask():
            with server.client() as http:
                answers.append(http.post(GUIDE, json=booking(), headers={"prefer": "wait=1"}).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        assert meta.asked.wait(PATIENCE)
        server.begin_to_stop()
        asking.join(PATIENCE)
    assert answers == [202]


def test_what_was_accepted_while_the_gateway_stops_is_delivered_by_the_next(settings, meta, tmp_path):
    from api_harness import FakeMeta

    kept = settings(database_url=f"sqlite:///{tmp_path}/k.db")
    with running(settings(database_url=f"sqlite:///{tmp_path}/k.db", pixel_id=None, token=None)) as server:
        with server.client() as http:
            receipt = http.post(EVENTS, json=lead()).json()["receipt"]
        server.begin_to_stop()
    second = FakeMeta()
    with running(kept, meta=second) as server:
        assert server.ended(receipt)["state"] == "delivered"


def test_a_stopped_gateway_takes_no_calls(settings):
    with running(settings()) as server:
        port = server.port
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_the_first_start_makes_a_secret_that_only_its_owner_reads(settings, tmp_path):
    with running(settings()):
        pass
    secret = tmp_path / "data" / "secret"
    assert len(secret.read_text()) == 64
    if os.name == "posix":
        assert secret.stat().st_mode & 0o077 == 0


def test_a_repeat_is_known_after_a_restart(settings, tmp_path):
    kept = settings(database_url=f"sqlite:///{tmp_path}/k.db")
    with running(kept) as server, server.client() as http:
        first = http.post(EVENTS, json=lead(booking_id="BK-1")).json()
    with running(kept) as server, server.client() as http:
        began = time.monotonic()
        assert http.post(EVENTS, json=lead(booking_id="BK-1")).json() == {**first, "repeat": True}
        assert time.monotonic() - began < 5
        is_problem(http.post(EVENTS, json=lead(booking_id="BK-1", value=1)), status=409)
