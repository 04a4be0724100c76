"""What payment providers tell while many call is read by the process beside, and nobody can tell by the answer."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter

import pytest
from api_harness import PATIENCE, PIXEL, TOKEN, FakeMeta, lead, until
from api_payments import KEYS, book, payments, purchases, told, with_providers
from api_raw import call, connected, one_answer
from api_side_door import everybody_handed_over, handed_over, here, is_beside

from konversi.errors import Overloaded, StorageUnavailable
from konversi.intake.payments import samples
from konversi.settings import load

pytest.importorskip("httptools")

EACH = pytest.mark.parametrize("provider", samples.PROVIDERS)
NUMBERS = iter(range(10**6))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with everybody_handed_over(with_providers(tmp_path_factory.mktemp("side")), FakeMeta()) as one:
        yield one


@pytest.fixture
def http(server):
    with server.client() as client:
        yield client


@pytest.fixture
def new():
    """A payment and a booking that no other test has."""
    number = next(NUMBERS)
    return f"pay-{number:06d}", f"BK-{number:06d}"


def raw(provider, signed, **changed):
    """A provider's call as it goes over a connection."""
    fields = {**signed.headers, **changed}
    said = [f"{name}: {value}".encode() for name, value in fields.items() if name != "content-type"]
    return call(*said, body=signed.body, path=f"/webhooks/{provider}".encode())


def signed(provider, state, payment, booking, **more):
    return samples.call(provider, told(state, payment, booking, **more), KEYS[provider])


def asked(connection, sent):
    connection.sendall(sent)
    return one_answer(connection)


def tallied(server, provider):
    return Counter({what: n for (who, what), n in server.gateway.told_payments.items() if who == provider})


@EACH
def test_a_notification_is_taken_there_and_counted_as_always(server, http, new, provider):
    payment, booking = new
    book(http, booking)
    before, lists = tallied(server, provider), server.gateway.receiver.beside.lists
    with handed_over(server) as connection:
        said = [asked(connection, raw(provider, signed(provider, "paid", payment, booking))) for _ in range(2)]
        assert is_beside(server, connection)
    assert [status for status, _, _ in said] == [b"HTTP/1.1 200 OK"] * 2
    assert [json.loads(body) for _, _, body in said] == [
        {"accepted": 1, "repeated": 0, "ignored": 0},
        {"accepted": 0, "repeated": 1, "ignored": 0},
    ]
    assert tallied(server, provider) - before == Counter(accepted=1, repeated=1)
    assert server.gateway.receiver.beside.lists == lists + 3, "the event that the connection began with, and these two"
    assert server.gateway.heard()[provider]["heard_at"] is not None
    (found,) = purchases(http, booking_id=booking)
    assert found["payments"][0]["state"] == "paid"


def strange(provider):
    """Calls that have to be answered with words, or with nothing done."""
    paid = signed(provider, "paid", f"strange-{provider}", f"BK-strange-{provider}")
    if provider == "stripe":
        other = samples.stripe_call(
            "customer.created", {"id": "cus_1"}, secret=KEYS["stripe"], at=told("paid", "", "").at
        )
        a_list = samples.Signed(b"[]", {**paid.headers, "stripe-signature": signature_of(b"[]")})
        no_json = samples.Signed(b"{", {**paid.headers, "stripe-signature": signature_of(b"{")})
    else:
        other = (
            samples.midtrans_call(
                "x",
                "y",
                gross_amount="1.00",
                secret=KEYS["midtrans"],
                at=1,
                status_code="200",
                transaction_status="new",
            )
            if provider == "midtrans"
            else samples.xendit_call({"event": "unheard.of"}, KEYS["xendit"])
        )
        a_list, no_json = paid._replace(body=b"[]"), paid._replace(body=b"{")
    forged = samples.call(provider, told("paid", "forged", "BK-forged"), "another-secret")
    return {"about no payment": other, "a list": a_list, "no JSON": no_json, "forged": forged}


def signature_of(body):
    return samples.stripe_signature(body, KEYS["stripe"], told("paid", "", "").at)


@EACH
@pytest.mark.parametrize("what", ["about no payment", "a list", "no JSON", "forged"])
def test_it_gives_the_same_answer_as_the_gateway(server, provider, what):
    sent = raw(provider, strange(provider)[what])
    with handed_over(server) as connection:
        there = asked(connection, sent)
        assert is_beside(server, connection)
    its_own = here(server, sent)
    assert (there[0], there[2]) == (its_own[0], its_own[2])
    assert set(there[1]) == {*its_own[1], b"date"}
    assert there[0].startswith(b"HTTP/1.1 200" if what == "about no payment" else b"HTTP/1.1 4")


@EACH
def test_a_forged_call_is_counted_among_the_refused(server, provider):
    def refused():
        return server.gateway.refused_calls.totals[provider, "webhook_unsigned"]

    before = refused()
    with handed_over(server) as connection:
        asked(connection, raw(provider, strange(provider)["forged"]))
    assert refused() == before + 1


def test_a_provider_that_is_not_set_up_is_told_so_by_the_gateway(tmp_path):
    given = load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, midtrans_server_key=KEYS["midtrans"])
    with everybody_handed_over(given, FakeMeta()) as server, handed_over(server) as connection:
        status, _, body = asked(connection, raw("xendit", signed("xendit", "paid", "p", "BK")))
        assert status == b"HTTP/1.1 503 Service Unavailable"
        assert json.loads(body)["code"] == "webhook_not_set_up"
        assert asked(connection, raw("midtrans", signed("midtrans", "paid", "p", "BK")))[0] == b"HTTP/1.1 200 OK"


def test_no_secret_is_shown_with_what_the_process_is_told(server):
    said = repr(server.gateway.receiver.beside._doors.trusted)
    assert "booking_id" in said
    assert not any(secret in said for secret in KEYS.values())


def test_events_and_notifications_come_over_one_connection(server, http, new):
    payment, booking = new
    with handed_over(server) as connection:
        asked(connection, call(body=json.dumps(lead(booking_id=booking)).encode()))
        for provider in samples.PROVIDERS:
            one = signed(provider, "paid", f"{provider}-{payment}", booking)
            assert asked(connection, raw(provider, one))[0] == b"HTTP/1.1 200 OK"
        assert is_beside(server, connection)
    assert {one["provider"] for one in payments(http, booking_id=booking)} == set(samples.PROVIDERS)


def test_many_at_a_time_are_each_taken_once_and_answered_each(server, http, new):
    _, booking = new
    callers, each = 12, 10
    answers: Counter[str] = Counter()

    def calls(caller: int) -> None:
        with connected(server) as connection:
            for number in range(each):
                # every payment is told by two of them, perhaps in one list
                payment = f"many-{booking}-{caller // 2}-{number}"
                sent = raw("midtrans", signed("midtrans", "paid", payment, f"{payment}-order"))
                status, _, body = asked(connection, sent)
                assert status == b"HTTP/1.1 200 OK"
                answers.update(json.loads(body))

    threads = [threading.Thread(target=calls, args=(caller,)) for caller in range(callers)]
    before = tallied(server, "midtrans")
    for one in threads:
        one.start()
    for one in threads:
        one.join(PATIENCE)
    half = callers * each // 2
    assert tallied(server, "midtrans") - before == Counter(accepted=half, repeated=half)
    kept = [one["payment_id"] for one in payments(http, limit=500)]
    assert len([one for one in kept if one.startswith(f"many-{booking}-")]) == half


@pytest.mark.parametrize("error", [StorageUnavailable("gone"), Overloaded()])
def test_what_the_storage_has_against_all_is_told_to_each(server, monkeypatch, new, error):
    async def refuses(_told):
        raise error

    payment, booking = new
    sent = raw("midtrans", signed("midtrans", "paid", payment, booking))
    before = server.gateway.refused_calls.totals["midtrans", error.code]
    with handed_over(server) as connection:
        monkeypatch.setattr(server.gateway.till.payments, "take", refuses)
        status, headers, body = asked(connection, sent)
        assert status == b"HTTP/1.1 503 Service Unavailable"
        assert b"retry-after" in headers
        assert json.loads(body)["code"] == error.code
        assert server.gateway.refused_calls.totals["midtrans", error.code] == before + 1
        monkeypatch.undo()
        assert json.loads(asked(connection, sent)[2])["accepted"] == 1


def test_a_fault_that_nobody_foresaw_leaves_each_to_itself(server, monkeypatch, new):
    take = server.gateway.till.payments.take
    failed = []

    async def fails_once(told):
        if not failed:
            failed.append(told)
            raise OverflowError
        return await take(told)

    payment, booking = new
    with handed_over(server) as connection:
        monkeypatch.setattr(server.gateway.till.payments, "take", fails_once)
        answer = asked(connection, raw("midtrans", signed("midtrans", "paid", payment, booking)))
    assert failed
    assert json.loads(answer[2])["accepted"] == 1


def test_a_payment_is_kept_without_its_payer_where_he_asked_to_be_forgotten(server, http, new):
    payment, booking = new
    http.post("/v1/erasures", json={"email": "budi@example.com"}).raise_for_status()
    with handed_over(server) as connection:
        one = signed("xendit", "paid", payment, booking, email="budi@example.com")
        assert asked(connection, raw("xendit", one))[0] == b"HTTP/1.1 200 OK"
    (found,) = payments(http, provider="xendit", limit=1)
    assert (found["payment_id"], found["state"]) == (payment, "paid")
    assert (found["flag"], found["event_id"]) == ("unjoined", None), "his e-mail would have joined it"


def test_what_is_being_kept_when_the_process_dies_is_delivered_at_once_all_the_same(tmp_path):
    meta = FakeMeta()
    held, release = threading.Event(), threading.Event()
    with everybody_handed_over(with_providers(tmp_path), meta) as server, server.client() as http:
        book(http, "BK-1")
        gateway, beside = server.gateway, server.gateway.receiver.beside
        writer = gateway.till.payments._database.writer
        holding = threading.Thread(target=lambda: writer.alone(lambda _: (held.set(), release.wait(PATIENCE))))
        with handed_over(server) as connection:
            holding.start()
            assert held.wait(PATIENCE)
            connection.sendall(raw("xendit", signed("xendit", "paid", "pay-1", "BK-1")))
            until(lambda: gateway.till.payments._calls._queued)
            process, gone = beside.process, beside._line._gone
            os.kill(process, signal.SIGKILL)
            until(gone.is_set)
            release.set()
            holding.join(PATIENCE)
        until(lambda: any(one["event_name"] == "Purchase" for one in meta.events))
        until(lambda: tallied(server, "xendit") == Counter(accepted=1))
