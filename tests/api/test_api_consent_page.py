"""Consent on the dashboard: a customer is looked up, and what was said is written down and counts."""

import pytest
from api_harness import EVENTS, lead, running

from konversi.access.roles import Role

PHONE = "0812-3456-789"  # of `lead`, as people write it
WORDS = "correct horse battery"
OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def server(settings, tmp_path):
    with running(settings(database_url=f"sqlite:///{tmp_path}/k.db")) as one:
        yield one


@pytest.fixture
def http(server):
    with server.client(headers=OURS) as client:
        yield client


def state_of(http, **named):
    (ads,) = http.post("/consent.json", data=named).json()["purposes"]
    return ads["state"], ads["sent_to_meta"]


def test_a_customer_is_looked_up_by_any_identity_and_the_page_says_what_it_means(http):
    assert state_of(http, phone=PHONE) == ("absent", True)
    told = {"phone": PHONE, "email": "sari@example.test", "state": "withdrawn", "source": "form", "at": 1_795_000_000}
    http.put("/v1/consents", json=told).raise_for_status()
    assert state_of(http, email="SARI@example.test ") == ("withdrawn", False)
    page = http.post("/consent", data={"phone": PHONE}).text
    assert "not any more" in page
    assert "<code>form</code>" in page
    assert "18 Nov 2026" in page
    assert "tidak lagi" in http.post("/consent?lang=id", data={"phone": PHONE}).text


def test_what_is_written_down_counts_at_once(http, server):
    said = {"phone": PHONE, "state": "denied", "purpose": "ads", "source": "counter"}
    answer = http.post("/consent/record", data=said)
    assert answer.status_code == 200
    assert "counts from now on" in answer.text
    receipt = http.post(EVENTS, json=lead()).json()["receipt"]
    assert "(counter, " in http.get(f"{EVENTS}/{receipt}").json()["reason"]
    http.post("/consent/record", data={**said, "state": "granted"})
    assert state_of(http, phone=PHONE) == ("granted", True)
    assert {(one["state"], one["decisions"]) for one in http.get("/consent.json").json()["decisions"]} == {
        ("denied", 1),
        ("granted", 1),
    }


def test_when_it_was_said_is_in_the_visitors_time_zone(http):
    said = {"phone": PHONE, "state": "granted", "purpose": "newsletter", "at": "2026-11-01T10:00"}
    http.post("/consent/record", data=said, headers={"cookie": "tz=Asia%2FJakarta"})
    _, letters = http.post("/consent.json", data={"phone": PHONE}).json()["purposes"]
    assert letters["said"] == [
        {"purpose": "newsletter", "state": "granted", "at": "2026-11-01T03:00:00.000+00:00", "source": "dashboard"}
    ]


def test_an_older_word_is_kept_and_the_page_says_that_it_does_not_count(http):
    http.post("/consent/record", data={"phone": PHONE, "state": "denied"})
    older = http.post("/consent/record", data={"phone": PHONE, "state": "granted", "at": "2026-01-01T10:00"})
    assert "What the customer said later counts." in older.text
    assert state_of(http, phone=PHONE) == ("denied", False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Name the customer by one identity at least."),
        ({"phone": "12"}, "phone: "),
        ({"phone": PHONE, "state": "maybe"}, "Choose what was said."),
        ({"phone": PHONE, "state": "granted", "purpose": "Not a word"}, "Choose what was said."),
        ({"phone": PHONE, "state": "granted", "at": "some day"}, "at: "),
        ({"phone": "1" * 501}, "longer than any identity"),
    ],
)
def test_what_can_not_be_kept_is_said_on_the_page(http, given, said):
    answer = http.post("/consent/record", data={"state": "granted", **given})
    assert answer.status_code == 422
    assert said in answer.text
    assert http.get("/consent.json").json()["decisions"] == []


def test_somebody_forgotten_is_shown_as_such_and_nothing_is_kept(http):
    http.post("/v1/erasures", json={"phone": PHONE}).raise_for_status()
    assert state_of(http, phone=PHONE) == ("erased", False)
    assert http.post("/consent/record", data={"phone": PHONE, "state": "granted"}).status_code == 422


def test_it_takes_an_operator_and_the_record_of_changes_names_no_customer(server):
    for name, role in (("vera", Role.VIEWER), ("omar", Role.OPERATOR)):
        server.call(server.gateway.entrance.users.add(name, WORDS, role))
    answers = {}
    for name in ("vera", "omar"):
        with server.client(headers=OURS) as http:
            http.post("/login", data={"name": name, "password": WORDS})
            said = {"phone": PHONE, "state": "denied"}
            answers[name] = [http.get("/consent"), http.post("/consent/record", data=said)]
    assert [one.status_code for one in answers["vera"]] == [403, 403]
    assert [one.status_code for one in answers["omar"]] == [200, 200]
    (line,) = [
        row for row in server.call(server.gateway.entrance.audit.shown(20)) if row["action"] == "consent_recorded"
    ]
    assert line["actor"] == "omar"
    assert "3456" not in str(line)
