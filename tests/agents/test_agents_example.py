"""The example as its users run it: a local Meta, Konversi in front, the bot; each test is another customer.

Run it as `nox --session example`, which has its packages and knows where the example is.
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from itertools import count

import httpx2
import pytest

from whatsapp_booking.customers import call_of, new_person, post, says
from whatsapp_booking.stage import LINE, stage, until

CLICK_ID = "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4_0NiNhEgpGo0AHemvuSoifXaytfTzcchptiErTKCqTrJ5nW1h7IHYe"
_days = count()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with stage(tmp_path_factory.mktemp("example")) as opened:
        yield opened


@pytest.fixture
def person():
    return new_person()


@pytest.fixture
def day():
    """A day on which nobody else books, as the customer writes it."""
    return (date(2040, 1, 1) + timedelta(days=next(_days))).isoformat()


def test_the_bot_says_that_it_has_started(scene):
    said = (scene.folder / "whatsapp_booking.log").read_text()
    assert f"listens on {scene.bot}/webhook" in said
    assert f"told to the Konversi at {scene.konversi}" in said


def code_in(reply):
    return reply.rpartition("Kode booking: ")[2]


def events_of(scene, booking):
    return [event for event in scene.events() if event["event_id"] == f"Lead:{booking}"]


def event_of(scene, booking):
    return until(f"the event of {booking}", lambda: events_of(scene, booking))[0]


def journey_of(scene, person):
    """The newest conversation of somebody with these last digits."""
    return next(one for one in scene.journeys() if one["customer"].endswith(person.phone[-4:]))


def calls_of(scene, person, tool):
    """How the person's calls of a tool ended, in order."""
    timeline = journey_of(scene, person)["timeline"]
    return [entry["outcome"] for entry in timeline if entry["kind"] == "tool_call" and entry["tool"] == tool]


def test_a_booking_after_an_ad_click_reaches_meta_with_the_clicks_id(scene, person, day):
    says(scene, person, "Halo kak, mau repaint motor 😊", "ad-click", CLICK_ID)
    says(scene, person, f"{day} masih kosong?")
    reply = says(scene, person, f"Booking velg {day} jam 10 ya kak")

    event = event_of(scene, code_in(reply))

    assert event["event_name"] == "LeadSubmitted"
    assert event["action_source"] == "business_messaging"
    assert event["messaging_channel"] == "whatsapp"
    assert event["user_data"]["ctwa_clid"] == CLICK_ID
    assert event["user_data"]["ph"] == [hashlib.sha256(person.phone.encode()).hexdigest()]
    assert event["custom_data"]["value"] == 200_000
    assert event["custom_data"]["currency"] == "IDR"


def test_the_journey_shows_the_click_the_tools_and_the_delivered_event(scene, person, day):
    says(scene, person, "Halo kak", "ad-click", CLICK_ID)
    says(scene, person, "Berapa harganya?")
    says(scene, person, f"Booking velg {day} jam 9")

    def told():
        timeline = journey_of(scene, person)["timeline"]
        found = {entry["kind"] for entry in timeline} | {entry.get("tool") for entry in timeline}
        found |= {entry.get("state") for entry in timeline}
        return {"click", "first_message", "listServices", "createBooking", "delivered"} <= found

    assert until("the whole journey", told)


def test_a_slot_that_is_taken_is_no_conversion(scene, person, day):
    other = new_person("Sari Dewi")
    says(scene, person, f"Booking velg {day} jam 10")

    refusal = says(scene, other, f"Booking bodi halus {day} jam 10", "ad-click", CLICK_ID)
    accepted = says(scene, other, "Kalau jam 13 aja kak")

    event_of(scene, code_in(accepted))
    assert "sudah terisi" in refusal
    assert until("both calls", lambda: len(calls_of(scene, other, "createBooking")) == 2)
    assert calls_of(scene, other, "createBooking") == ["failed", "succeeded"]
    about_other = [entry for entry in journey_of(scene, other)["timeline"] if entry["kind"] == "event"]
    assert [entry["booking_id"] for entry in about_other] == [code_in(accepted)]


def test_asking_for_the_same_booking_twice_is_one_event(scene, person, day):
    first = says(scene, person, f"Booking bodi kasar {day} jam 14", "ad-click", CLICK_ID)
    again = says(scene, person, f"Booking bodi kasar {day} jam 14 ya kak, jadi kan")

    assert code_in(first) == code_in(again)
    assert until("both calls", lambda: calls_of(scene, person, "createBooking") == ["succeeded", "succeeded"])
    event_of(scene, code_in(first))
    assert len(events_of(scene, code_in(first))) == 1
    assert [entry["kind"] for entry in journey_of(scene, person)["timeline"]].count("event") == 1


def test_a_booking_without_an_ad_click_is_a_lead_in_a_chat(scene, person, day):
    reply = says(scene, person, f"Booking full body {day} jam 15")

    event = event_of(scene, code_in(reply))

    assert (event["event_name"], event["action_source"]) == ("Lead", "chat")
    assert "ctwa_clid" not in event["user_data"]


def test_a_customer_without_a_phone_is_answered_and_counts(scene, person, day):
    call = call_of(person, f"Booking velg {day} jam 11", "username", CLICK_ID)

    post(f"{scene.konversi}/webhooks/whatsapp", call).raise_for_status()
    reply = until("a reply", lambda: scene.replies(person.user_id))[0]

    event = event_of(scene, code_in(reply))
    assert event["user_data"]["ctwa_clid"] == CLICK_ID
    assert "ph" not in event["user_data"]


@pytest.mark.parametrize("door", ["Konversi", "the bot"])
def test_a_call_that_comes_twice_is_answered_once(scene, person, door):
    url = f"{scene.konversi}/webhooks/whatsapp" if door == "Konversi" else f"{scene.bot}/webhook"
    call = call_of(person, "Berapa harganya?")

    answers = [post(url, call).status_code for _ in range(2)]
    until("the first reply", lambda: scene.replies(person.phone))
    says(scene, person, "Makasih kak!")

    assert answers == [200, 200]
    assert [reply.split()[0] for reply in scene.replies(person.phone)] == ["Ini", "Sama-sama"]


def test_what_was_said_before_is_known_in_the_next_turn(scene, person, day):
    says(scene, person, f"Mau booking dong buat {day}")
    asked = says(scene, person, "bodi halus kak")
    reply = says(scene, person, "jam 13")

    assert "masih kosong jam" in asked
    assert "Repaint Bodi Halus" in reply
    assert code_in(reply)


def test_a_call_that_meta_did_not_sign_is_refused(scene, person):
    call = call_of(person, "Berapa harganya?")
    headers = {"x-hub-signature-256": f"sha256={'0' * 64}"}

    refused = [
        httpx2.post(f"{scene.bot}/webhook", content=call, headers=with_or_without, trust_env=False).status_code
        for with_or_without in (headers, {})
    ]
    says(scene, person, "Makasih kak!")

    assert refused == [401, 401]
    assert len(scene.replies(person.phone)) == 1


def test_metas_handshake_is_answered_with_its_challenge(scene):
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    url = f"{scene.bot}/webhook"

    known = httpx2.get(url, params={**asked, "hub.verify_token": "verify-token-of-the-example"}, trust_env=False)
    unknown = httpx2.get(url, params={**asked, "hub.verify_token": "guessed"}, trust_env=False)

    assert (known.status_code, known.text) == (200, "1158201444")
    assert unknown.status_code == 403


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"entry": [7, {"changes": {}}]}', b"\xff"])
def test_a_signed_call_of_another_shape_harms_nothing(scene, person, body):
    answer = post(f"{scene.bot}/webhook", body)

    assert answer.status_code in {200, 400}
    assert says(scene, person, "Makasih kak!")


def test_replies_leave_by_the_line_that_was_written_to(scene, person):
    says(scene, person, "Halo")

    sent = httpx2.get(f"{scene.meta}/_sandbox/messages", params={"to": person.phone}, trust_env=False).json()

    assert [message["phone_number_id"] for message in sent["messages"]] == [LINE]
