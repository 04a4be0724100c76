"""Decisions about many events, and files of them: over HTTP, and in the terminal."""

from __future__ import annotations

import csv
import io
import json

import pytest
from api_chats import until
from api_harness import EVENTS, FakeMeta, graph_error, is_problem, lead, running

from konversi.cli import deciding
from konversi.cli.options import Matching

DECIDE = f"{EVENTS}/decide"
NOBODY_ASKS = deciding.Which(Matching(), all=False, yes=True)


@pytest.fixture
def server(settings, tmp_path):
    meta = FakeMeta()
    meta.answer = graph_error(100, 2804050)
    with running(settings(database_url=f"sqlite:///{tmp_path / 'many.db'}"), meta=meta) as one:
        yield one


@pytest.fixture
def http(server):
    with server.client(headers={"sec-fetch-site": "same-origin"}) as client:
        yield client


@pytest.fixture
def receipts(server, http):
    """Five that Meta refused: two are Leads, three Schedules."""
    names = ["Lead", "Lead", "Schedule", "Schedule", "Schedule"]
    sent = [http.post(EVENTS, json=lead(event=name, event_id=f"m-{n}", value=n + 1)) for n, name in enumerate(names)]
    found = [one.json()["receipt"] for one in sent]
    until(lambda: {state_of(http, one) for one in found} == {"dead"}, "each was refused, alone in the end")
    return found


def state_of(http, receipt):
    return http.get(f"{EVENTS}/{receipt}").json()["state"]


def test_all_that_match_are_counted_first_and_then_discarded_with_the_reason(http, receipts):
    asked = {"what": "discard", "event": "Lead", "because": "a test"}
    assert http.post(DECIDE, json={**asked, "dry_run": True}).json() == {
        "matching": 2, "done": 0, "left": 0, "after": None
    }  # fmt: skip
    assert {state_of(http, one) for one in receipts} == {"dead"}
    assert http.post(DECIDE, json=asked).json()["done"] == 2
    assert [state_of(http, one) for one in receipts] == ["discarded"] * 2 + ["dead"] * 3
    assert http.get(f"{EVENTS}/{receipts[0]}").json()["reason"] == "Discarded: a test"


def test_some_are_decided_about_by_their_receipts_and_the_rest_stays(server, http, receipts):
    server.meta.answer = FakeMeta().answer
    done = http.post(DECIDE, json={"what": "replay", "receipts": [receipts[0], receipts[4], "rc_000000000099"]})
    assert done.json()["done"] == 2
    until(lambda: state_of(http, receipts[4]) == "delivered", "it is delivered")
    assert state_of(http, receipts[1]) == "dead"


def test_what_can_be_no_decision_is_refused(http, receipts):
    is_problem(http.post(DECIDE, json={"what": "discard", "event": "Lead"}), status=422)
    is_problem(http.post(DECIDE, json={"what": "replay", "state": "lost"}), status=422)
    is_problem(http.post(DECIDE, json={"what": "forget"}), status=422)
    is_problem(http.post(DECIDE, json={"what": "replay", "nonsense": "x"}), status=422)
    assert {state_of(http, one) for one in receipts} == {"dead"}


def test_more_than_one_call_takes_go_on_behind_the_last(server, http, receipts, monkeypatch):
    monkeypatch.setattr("konversi.intake.deciding.MOST", 2)
    asked, done = {"what": "discard", "because": "many"}, []
    while True:
        found = http.post(DECIDE, json=asked).json()
        done.append(found["done"])
        if found["after"] is None:
            break
        asked["after"] = found["after"]
    assert done == [2, 2, 1]


def test_the_file_of_those_selected_has_these_and_no_others(http, receipts):
    chosen = [("receipt", receipts[0]), ("receipt", receipts[3]), ("state", "delivered"), ("chosen", "yes")]
    rows = list(csv.DictReader(io.StringIO(http.get("/events/export.csv", params=chosen).text)))
    assert [row["receipt"] for row in rows] == [receipts[0], receipts[3]]
    lines = http.get("/events/export.ndjson", params=chosen).text.splitlines()
    assert [json.loads(line)["receipt"] for line in lines] == [receipts[0], receipts[3]]
    assert http.get("/events/export.ndjson", params={"chosen": "yes"}).text == ""
    assert len(http.get("/events/export.ndjson", params={"event": "Schedule"}).text.splitlines()) == 3


def test_in_the_terminal_all_that_match_or_some(server, http, receipts, capsys, monkeypatch):
    there = server.settings.model_copy(update={"url": server.url})
    matching = Matching(event="Lead", state="dead")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert deciding.decide(there, "discard", (), deciding.Which(matching, True, False), "x", as_json=False) == 2
    assert "Discard 2 events?" in capsys.readouterr().err
    assert state_of(http, receipts[0]) == "dead"
    assert deciding.decide(there, "discard", (), deciding.Which(matching, True, True), "x", as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"matching": 2, "done": 2, "left": 0}
    assert deciding.decide(there, "discard", receipts[1:4], NOBODY_ASKS, "x", as_json=True) == 1  # one was already
    assert json.loads(capsys.readouterr().out) == {"matching": 2, "done": 2, "left": 1}
    assert deciding.decide(there, "discard", receipts[4:], NOBODY_ASKS, "x", as_json=True) == 0
    for wrong in (((), NOBODY_ASKS), (receipts, deciding.Which(Matching(), True, True))):
        assert deciding.decide(there, "replay", *wrong, "", as_json=False) == 2


def test_in_the_terminal_a_file(server, receipts, capfdbinary):
    there = server.settings.model_copy(update={"url": server.url})
    assert deciding.export(there, Matching(event="Schedule"), "ndjson") == 0
    lines = capfdbinary.readouterr().out.splitlines()
    assert [json.loads(line)["receipt"] for line in lines] == receipts[:1:-1]
