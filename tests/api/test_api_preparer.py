"""Long lists that a process of its own prepares: the same answers, and no list lost with it."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from api_harness import EVENTS, PATIENCE, lead, running, until

from konversi.intake.http import beside as doors
from konversi.intake.preparer import beside, line
from konversi.wiring import preparing

MANY = 400  # events: a long list


@pytest.fixture(autouse=True)
def there_is_a_second_core(monkeypatch):
    monkeypatch.setattr(preparing, "has_room", lambda: True)


@pytest.fixture
def gateway(settings, meta):
    with running(settings(), meta=meta, beside=True) as server, server.client() as http:
        http.post(EVENTS, json=events("first", MANY))
        until(lambda: server.gateway.receiver.beside.process)
        yield server


def events(name, number, **more):
    return {"events": [lead(booking_id=f"{name}-{n}", **more) for n in range(number)]}


def varied():
    odd = [
        lead(customer={}),
        lead(value=-1),
        lead(event="Purchase", value=...),
        lead(currency="XXX"),
        lead(dataset="nobody's"),
    ]
    same = lead(booking_id="twice"), lead(booking_id="twice"), lead(booking_id="twice", value=7)
    return {
        "events": [
            *events("b", MANY)["events"],
            *odd,
            *same,
            lead(booking_id="told", custom={"note": "call 081234567890"}),
        ]
    }


def test_a_list_is_answered_as_if_it_were_prepared_here(gateway, http, settings, tmp_path):
    there = http.post(EVENTS, json=varied())
    shown = http.get("/metrics").text
    assert 'konversi_preparer_running{process="0"} 1.0' in shown
    assert 'konversi_prepared_lists_total{process="0"} 1.0' in shown
    with running(settings(data_dir=tmp_path / "other")) as other, other.client() as its:
        its.post(EVENTS, json=events("first", MANY))
        here = its.post(EVENTS, json=varied())
    assert there.status_code == here.status_code
    for one, other in zip(there.json()["events"], here.json()["events"], strict=True):
        assert one == other
    assert there.json()["refused"] == 6


def test_one_that_is_short_is_prepared_here(gateway, http):
    assert http.post(EVENTS, json=events("few", 5)).json()["accepted"] == 5
    assert gateway.gateway.receiver.beside.lists == 0


def test_a_list_with_a_fault_in_its_form_is_refused_in_the_usual_words(gateway, http):
    said = http.post(EVENTS, content=b'{"events": [' + b" " * 20_000 + b"}")
    assert (said.status_code, said.json()["code"]) == (400, "malformed_json")


def test_payments_in_a_list_count_once_as_always(gateway, http):
    paid = [lead(event="Purchase", payment_id=f"p-{n % 100}", value=1000) for n in range(MANY)]
    said = http.post(EVENTS, json={"events": paid}).json()
    assert said["accepted"] == MANY
    assert sum("repeat" in one for one in said["events"]) == MANY - 100


def test_a_list_under_way_when_the_preparer_is_killed_is_accepted_all_the_same(gateway, http):
    process = gateway.gateway.receiver.beside.process
    os.kill(process, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as callers:
        answer = callers.submit(http.post, EVENTS, json=events("under-way", MANY))
        until(lambda: gateway.gateway.receiver.beside._line.under_way)
        os.kill(process, signal.SIGKILL)
        assert answer.result(PATIENCE).json()["accepted"] == MANY
    assert http.post(EVENTS, json=events("after", MANY)).json()["accepted"] == MANY
    assert gateway.gateway.receiver.beside.process is None


def test_one_that_does_not_answer_is_ended_and_the_list_is_accepted(gateway, http, monkeypatch):
    monkeypatch.setattr(line, "_ANSWER_SECONDS", 0.2)
    process = gateway.gateway.receiver.beside.process
    os.kill(process, signal.SIGSTOP)
    assert http.post(EVENTS, json=events("silent", MANY)).json()["accepted"] == MANY
    until(lambda: gateway.gateway.receiver.beside.process is None)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_another_one_takes_its_place_after_a_rest(gateway, http, monkeypatch):
    monkeypatch.setattr(beside, "_REST_SECONDS", 0.0)
    first = gateway.gateway.receiver.beside.process
    os.kill(first, signal.SIGKILL)
    until(lambda: gateway.gateway.receiver.beside.process is None)
    http.post(EVENTS, json=events("wakes", MANY))
    until(lambda: gateway.gateway.receiver.beside.process)
    assert gateway.gateway.receiver.beside.process != first
    http.post(EVENTS, json=events("again", MANY))
    assert gateway.gateway.receiver.beside.lists == 1


def test_a_ctrl_c_in_the_gateways_terminal_does_not_reach_it(gateway):
    assert os.getpgid(gateway.gateway.receiver.beside.process) != os.getpgid(0)


def test_it_ends_with_the_gateway(settings):
    with running(settings(), beside=True) as server, server.client() as http:
        http.post(EVENTS, json=events("first", MANY))
        until(lambda: server.gateway.receiver.beside.process)
        process = server.gateway.receiver.beside.process
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize(
    "changed", [{"preparer": "off"}, {"traces": True}, {"database_url": "postgresql://user@localhost/there"}]
)
async def test_there_is_none_where_it_would_not_pay(settings, changed):
    async with preparing.preparer_of(settings(**changed), wanted=True) as preparer:
        assert preparer is None


async def test_there_is_none_on_a_single_core(settings, monkeypatch):
    monkeypatch.setattr(preparing, "has_room", lambda: False)
    async with preparing.preparer_of(settings(), wanted=True) as preparer:
        assert preparer is None


def test_single_events_that_come_together_are_each_answered_as_if_they_had_come_alone(gateway, monkeypatch):
    monkeypatch.setattr(doors, "_BUSY", 0)  # however they arrive
    good = [lead(booking_id=f"alone-{n}") for n in range(60)]
    odd = [lead(customer={}), lead(value=-1), lead(booking_id="alone-1", value=7), {"x": 1, "events": good[:2]}]
    paid = [lead(event="Purchase", payment_id=f"p-{n}", value=5) for n in range(3)]
    then = [*odd, *paid, *good[:10]]  # not among the first: of two calls at once either may be the earlier one

    async def at_once():
        async with httpx2.AsyncClient(base_url=gateway.url, timeout=PATIENCE, trust_env=False) as client:
            first = await asyncio.gather(*(client.post(EVENTS, json=one) for one in good))
            return [*first, *await asyncio.gather(*(client.post(EVENTS, json=one) for one in then))]

    said = asyncio.run(at_once())
    assert [one.status_code for one in said] == [202] * 60 + [422, 422, 409, 422] + [202] * 13
    assert [one.json()["event_id"] for one in said[:60]] == [f"Lead:alone-{n}" for n in range(60)]
    assert len({one.json()["receipt"] for one in said[:60]}) == 60
    assert [one.json()["errors"][0]["field"] for one in said[60:62]] == ["customer", "value"]
    again = [one.json()["receipt"] for one in said[67:]]
    assert again == [one.json()["receipt"] for one in said[:10]]
    assert gateway.gateway.receiver.beside.lists >= 1


def test_a_customer_who_does_not_consent_is_heeded_there_as_well(settings, meta):
    with running(settings(consent="required"), meta=meta, beside=True) as server, server.client() as http:
        http.post(EVENTS, json=events("first", MANY))
        until(lambda: server.gateway.receiver.beside.process)
        said = http.post(EVENTS, json=events("second", MANY)).json()
        assert server.gateway.receiver.beside.lists == 1
        assert {note["code"] for one in said["events"] for note in one["notes"]} == {"consent_absent"}
        assert not meta.events


def test_the_first_no_of_all_is_heeded_for_a_list_that_is_under_way(gateway, http):
    process = gateway.gateway.receiver.beside.process
    os.kill(process, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as callers:
        answer = callers.submit(http.post, EVENTS, json=events("under-way", MANY))
        until(lambda: gateway.gateway.receiver.beside._line.under_way)
        http.put("/v1/consents", json={"phone": "628123456789", "state": "withdrawn"}).raise_for_status()
        os.kill(process, signal.SIGCONT)
        said = answer.result(PATIENCE).json()
    assert {note["code"] for one in said["events"] for note in one["notes"]} == {"consent_withdrawn"}
