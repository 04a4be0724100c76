"""The test bench: what would become of an event, without keeping it; and a test that is none of the customer's."""

import json
from html import unescape

import pytest
from api_harness import PIXEL, TOKEN, FakeMeta, running

from konversi.intake.pasted import SAMPLES
from konversi.settings import load

OURS = {"sec-fetch-site": "same-origin"}
GUIDE = {"type": "booking", "customerPhone": "0812-3456-7890", "customerName": "Budi", "totalValue": 150_000}
CLICKED = {
    "event": "Lead",
    "channel": "whatsapp",
    "booking_id": "BK-9",
    "customer": {"phone": "081234567890", "whatsapp_business_account_id": "102290129340398"},
    "click": {"ctwa_clid": "Aff-click"},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with running(
        load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path_factory.mktemp("bench")), meta=FakeMeta()
    ) as server:
        yield server


def checked(gateway, payload):
    text = payload if isinstance(payload, str) else json.dumps(payload)
    with gateway.client() as client:
        return client.post("/bench.json", data={"payload": text}, headers=OURS).json()["found"]


def listed(gateway):
    with gateway.client() as client:
        return client.get("/v1/events").json()["events"]


def test_a_check_shows_normal_forms_hashes_and_the_event_and_keeps_nothing(gateway):
    before = listed(gateway)
    found = checked(gateway, GUIDE)
    assert found["problems"] == []
    (phone,) = (one for one in found["fields"] if one["field"] == "customer.phone")
    assert phone["normalized"] == "6281234567890"
    assert found["event"]["sent_to_meta"]["user_data"]["ph"] == [phone["sha256"]]
    assert found["event"]["most_worth_adding"]["field"] == "customer.email"
    assert listed(gateway) == before


def test_each_channel_says_what_meta_would_hear(gateway):
    ways = {one["channel"]: one for one in checked(gateway, CLICKED)["channels"]}
    assert (ways["whatsapp"]["event"], ways["whatsapp"]["action_source"]) == ("LeadSubmitted", "business_messaging")
    assert ways["whatsapp"]["matched_by"] == "click"
    assert (ways["store"]["event"], ways["store"]["action_source"]) == ("Lead", "physical_store")


def test_problems_are_told_in_the_words_of_the_payload(gateway):
    (one,) = checked(gateway, {"type": "payment", "customerPhone": "081234567890"})["problems"]
    assert (one["field"], one["code"]) == ("totalValue", "value_required")
    assert one["remedy"]
    assert {one["code"] for one in checked(gateway, {**GUIDE, "phone": 1})["problems"]} == {"unknown_field"}


@pytest.mark.parametrize("sample", [*SAMPLES, '{"event": 1, "more": 2}', "{"])
def test_the_bench_is_all_in_the_language_of_the_page(gateway, sample):
    payload = json.dumps(SAMPLES[sample]) if sample in SAMPLES else sample
    found = checked(gateway, payload)
    told = [text for one in found["problems"] for text in (one["detail"], one["remedy"])]
    told += [text for one in found["fields"] for text in (*one["steps"], one["note"])]
    told += [text for one in found["channels"] for text in one.get("notes", [])]
    told += [note["text"] for note in (found["event"] or {"notes": []})["notes"]]
    with gateway.client() as client:
        page = client.post("/bench", data={"payload": payload}, headers={**OURS, "accept-language": "id"}).text
    read = unescape(page.partition('id="result"')[2])
    assert told
    assert [text for text in told if text and f"{text}<" in read] == []


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"x"', "{}", '{"type": null}'])
def test_whatever_is_pasted_gets_an_answer(gateway, text):
    assert checked(gateway, text)["problems"]


def test_a_test_send_has_an_id_of_its_own_so_that_the_booking_can_still_come(gateway):
    with gateway.client() as client:
        form = {"payload": json.dumps(CLICKED), "code": "TEST777"}
        sent = client.post("/bench/send", data=form, headers=OURS)
        assert sent.status_code == 303
        event = client.get(f"{sent.headers['location']}.json").json()["event"]
        assert (event["test_event_code"], event["journey"]) == ("TEST777", None)
        assert event["event_id"].startswith("bench-")
        real = client.post("/v1/events", json=CLICKED)
        assert real.status_code == 202
        assert "repeat" not in real.json()


@pytest.mark.parametrize("code", ["", "a b", "x|y", "x" * 51])
def test_a_test_code_that_can_be_none_is_refused(gateway, code):
    with gateway.client() as client:
        form = {"payload": json.dumps(GUIDE), "code": code}
        assert client.post("/bench/send", data=form, headers=OURS).status_code == 422


def test_nothing_is_sent_as_a_test_in_production(settings):
    given = settings(environment="production", api_key="a-long-enough-key-of-tests")
    key = {"authorization": "Bearer a-long-enough-key-of-tests"}
    with running(given, meta=FakeMeta()) as server, server.client(headers=key) as client:
        form = {"payload": json.dumps(GUIDE), "code": "TEST777"}
        assert client.post("/bench/send", data=form, headers=OURS).status_code == 409
        assert "formaction" not in client.get("/bench").text
        assert client.get("/v1/events").json()["events"] == []
