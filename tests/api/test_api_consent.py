"""Consent over the doors: no consent, no send, and everybody can see why."""

import pytest
from api_harness import EVENTS, GUIDE, FakeMeta, booking, is_problem, lead, running

CONSENTS = "/v1/consents"
PHONE = "0812-3456-789"  # of `lead` and `booking`, as people write it


@pytest.fixture
def server(settings, tmp_path):
    with running(settings(database_url=f"sqlite:///{tmp_path}/k.db")) as one:
        yield one


@pytest.fixture
def http(server):
    with server.client() as client:
        yield client


def say(http, state, **given):
    answer = http.put(CONSENTS, json={"phone": PHONE, "state": state, **given})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_no_consent_no_send_and_the_event_says_why(http, server):
    assert say(http, "withdrawn", source="form")["counts"] is True
    accepted = http.post(EVENTS, json=lead(event_id="L-1"))
    assert accepted.status_code == 202
    assert "consent_withdrawn" in accepted.text
    found = http.get(f"{EVENTS}/{accepted.json()['receipt']}").json()
    assert found["state"] == "withheld"
    assert found["reason"].startswith("consent_withdrawn: The customer withdrew consent (form, ")
    allowed = http.post(EVENTS, json=lead(event_id="L-2", customer={"phone": "+6281999888777"})).json()
    assert server.ended(allowed["receipt"])["state"] == "delivered"
    assert [one["event_id"] for one in server.meta.events] == ["L-2"]


def test_a_yes_after_a_no_lets_events_through_and_the_withheld_one_can_be_replayed(http, server):
    say(http, "denied", at=1_700_000_000)
    held_back = http.post(EVENTS, json=lead(event_id="L-1")).json()["receipt"]
    say(http, "granted")
    later = http.post(EVENTS, json=lead(event_id="L-2")).json()["receipt"]
    assert server.ended(later)["state"] == "delivered"
    assert http.post(f"{EVENTS}/{held_back}/replay").status_code == 200
    assert server.ended(held_back)["state"] == "delivered"


def test_a_replayed_event_of_somebody_who_still_objects_is_withheld_again(http, server):
    say(http, "withdrawn")
    held_back = http.post(EVENTS, json=lead()).json()["receipt"]
    assert http.post(f"{EVENTS}/{held_back}/replay").json()["state"] == "waiting"
    other = http.post(EVENTS, json=lead(customer={"phone": "+6281999888777"})).json()["receipt"]
    assert server.ended(other)["state"] == "delivered"
    assert http.get(f"{EVENTS}/{held_back}").json()["state"] == "withheld"
    assert len(server.meta.events) == 1


def test_the_guides_bot_hears_of_a_withheld_booking_as_of_no_error(http):
    say(http, "withdrawn")
    answer = http.post(GUIDE, json=booking())
    said = answer.json()
    assert (answer.status_code, said["success"], said["status"]) == (200, True, "withheld")
    assert said["warning"].startswith("consent_withdrawn: ")


def test_without_anybodys_word_the_guides_interface_goes_on_word_for_word(http, server):
    answer = http.post(GUIDE, json=booking())
    assert (answer.status_code, answer.json()["success"], answer.json()["eventsReceived"]) == (200, True, 1)


def test_where_consent_is_required_silence_is_withheld(settings, tmp_path):
    given = settings(database_url=f"sqlite:///{tmp_path}/k.db", consent="required")
    with running(given, meta=FakeMeta()) as server, server.client() as http:
        assert http.get(CONSENTS).json() == {"absent": "required", "decisions": []}
        held_back = http.post(EVENTS, json=lead(event_id="L-1")).json()["receipt"]
        assert http.get(f"{EVENTS}/{held_back}").json()["reason"].startswith("consent_absent: ")
        say(http, "granted")
        sent = http.post(EVENTS, json=lead(event_id="L-2")).json()["receipt"]
        assert server.ended(sent)["state"] == "delivered"


def test_what_a_customer_said_is_shown_by_purpose(http):
    say(http, "granted", at="2026-11-01T10:00:00+07:00", source="form")
    say(http, "withdrawn", at="2026-11-02T10:00:00+07:00")
    say(http, "denied", purpose="newsletter")
    older = say(http, "granted", at=1_700_000_000, source="crm")
    assert (older["state"], older["counts"]) == ("withdrawn", False)
    ads, letters = http.post(f"{CONSENTS}/show", json={"phone": "+62 812 3456 789"}).json()["purposes"]
    assert (ads["purpose"], ads["state"], ads["sent_to_meta"]) == ("ads", "withdrawn", False)
    assert [one["source"] for one in ads["said"]] == ["api", "form", "crm"]
    assert (letters["purpose"], letters["state"], letters["sent_to_meta"]) == ("newsletter", "denied", None)
    absent = http.post(f"{CONSENTS}/show", json={"email": "nobody@example.test"}).json()["purposes"]
    assert absent == [{"purpose": "ads", "state": "absent", "sent_to_meta": True, "said": []}]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"phone": None}, "phone"),
        ({"phone": "12"}, "phone"),
        ({"state": "maybe"}, "state"),
        ({"at": 4e9}, "at"),
        ({"at": "2026-11-01T10:00:00"}, "at"),
        ({"purpose": "Not A Word"}, "purpose"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_cannot_be_kept_is_refused_without_repeating_it(http, changed, field):
    answer = http.put(CONSENTS, json={"phone": PHONE, "state": "granted", **changed})
    said = is_problem(answer, status=422)
    assert [one["field"] for one in said["errors"]] == [field]
    assert PHONE not in answer.text


def test_a_key_that_sends_may_record_consent_and_not_look_it_up(settings, tmp_path):
    given = settings(database_url=f"sqlite:///{tmp_path}/k.db", api_key="an-admins-own-key-for-the-tests")
    with running(given) as server, server.client() as http:
        admin = {"authorization": "Bearer an-admins-own-key-for-the-tests"}
        key = http.post("/v1/keys", json={"name": "bot", "scope": "send"}, headers=admin).json()["key"]
        bot = {"authorization": f"Bearer {key}"}
        said = {"phone": PHONE, "state": "granted"}
        assert http.put(CONSENTS, json=said).status_code == 401
        assert http.put(CONSENTS, json=said, headers=bot).status_code == 200
        is_problem(http.post(f"{CONSENTS}/show", json={"phone": PHONE}, headers=bot), status=403)
