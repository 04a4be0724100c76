"""The WhatsApp Cloud API's side: what a bot sends, how it is answered, where it can be read."""

import json
import re

import httpx2
import pytest
from sandbox_events import DATASET, TOKEN, lead

LINE = "106540352242922"
PHONE = "6281234567890"
BSUID = "ID.13491208655302741918"


def message(**changes):
    body = {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "Siap, kak!"}, **changes}
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
def say(http):
    """`say(message)`: the answer of the Cloud API."""

    def post(body, line=LINE, **options):
        return http.post(f"/v26.0/{line}/messages", json=body, **options)

    return post


def test_a_text_is_answered_as_the_cloud_api_does(say):
    answer = say(message())
    assert answer.status_code == 200
    body = answer.json()
    (sent,) = body.pop("messages")
    assert re.fullmatch(r"wamid\.HBg[A-Za-z0-9+/=]{20,}", sent["id"])
    assert body == {"messaging_product": "whatsapp", "contacts": [{"input": PHONE, "wa_id": PHONE}]}


def test_a_phone_may_be_written_for_people(say):
    (contact,) = say(message(to="+62 812-3456-7890")).json()["contacts"]
    assert contact == {"input": "+62 812-3456-7890", "wa_id": PHONE}


def test_a_customer_without_a_phone_is_reached_by_the_business_scoped_id(say, meta):
    (contact,) = say(message(to=None, recipient=BSUID)).json()["contacts"]
    assert contact == {"input": BSUID, "user_id": BSUID}
    assert meta.messages(to=BSUID)[0]["text"] == "Siap, kak!"


def test_a_phone_wins_over_a_business_scoped_id(say, meta):
    assert say(message(recipient=BSUID)).json()["contacts"][0]["wa_id"] == PHONE
    assert meta.messages()[0]["recipient"] is None


def test_messages_are_read_newest_first(say, meta):
    ids = [say(message(text={"body": str(number)})).json()["messages"][0]["id"] for number in range(3)]
    found = meta.messages()
    assert [each["text"] for each in found] == ["2", "1", "0"]
    assert [each["id"] for each in found] == ids[::-1]
    assert {each["phone_number_id"] for each in found} == {LINE}
    assert len(set(ids)) == 3


def test_messages_are_read_over_http_for_one_customer(say, meta):
    say(message())
    say(message(to="6289876543210", text={"body": "lain"}))
    url = f"{meta.url}/_sandbox/messages"
    assert [each["text"] for each in httpx2.get(url, params={"to": PHONE}).json()["messages"]] == ["Siap, kak!"]
    assert [each["text"] for each in httpx2.get(url, params={"limit": 1}).json()["messages"]] == ["lain"]
    assert httpx2.delete(url).json() == {"messages": []}
    assert meta.messages() == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 10**30}, {"limit": "all"}, {"colour": "red"}])
def test_a_question_for_messages_that_makes_no_sense_is_refused(meta, query):
    assert httpx2.get(f"{meta.url}/_sandbox/messages", params=query).status_code == 422


def test_a_token_in_the_body_is_not_kept(http, meta):
    del http.headers["authorization"]
    assert http.post(f"/v26.0/{LINE}/messages", json=message(access_token=TOKEN)).status_code == 200
    assert TOKEN not in json.dumps(meta.messages())


def test_a_form_holds_the_text_as_json(http, meta):
    form = message(text=json.dumps({"body": "dari formulir"}))
    assert http.post(f"/v26.0/{LINE}/messages", data=form).status_code == 200
    assert meta.messages()[0]["text"] == "dari formulir"


@pytest.mark.parametrize(
    "content",
    [
        {"type": "template", "template": {"name": "pengingat", "language": {"code": "id"}}},
        {"type": "interactive", "interactive": {"type": "button", "body": {"text": "Pilih"}}},
        {"type": "image", "image": {"link": "https://example.com/a.jpg"}},
        {"type": "contacts", "contacts": [{"name": {"formatted_name": "Budi"}}]},
        {"type": "TEXT"},
        {"type": None},
    ],
)
def test_other_messages_are_taken_too(say, meta, content):
    assert say(message(**content)).status_code == 200
    assert meta.messages()[0]["type"] == (content["type"] or "text").lower()


def test_a_message_is_marked_as_read(say, meta):
    answer = say({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.HBgMN"})
    assert answer.json() == {"success": True}
    assert meta.messages() == []


REFUSED = {
    "no product": (message(messaging_product=None), 100, "messaging_product"),
    "another product": (message(messaging_product="telegram"), 100, "messaging_product"),
    "a product that is no text": (message(messaging_product=["whatsapp"]), 100, "messaging_product"),
    "no receiver": (message(to=None), 100, "to"),
    "an empty receiver": (message(to=""), 100, "to"),
    "words for a phone": (message(to="Budi"), 131009, "to"),
    "a list for a phone": (message(to=[PHONE]), 131009, "to"),
    "a truth value for a phone": (message(to=True), 131009, "to"),
    "a number for a business-scoped id": (message(to=None, recipient=PHONE), 131009, "recipient"),
    "an unknown type": (message(type="telepathy"), 100, "type"),
    "a type that is no text": (message(type={"a": 1}), 100, "type"),
    "no text": (message(text=None), 100, "text"),
    "a text that is no object": (message(text="hai"), 100, "text"),
    "a text without its body": (message(text={"preview_url": True}), 100, "text[body]"),
    "a blank text": (message(text={"body": "  "}), 100, "text[body]"),
    "a body that is no text": (message(text={"body": 5}), 100, "text[body]"),
    "a text that is too long": (message(text={"body": "x" * 4097}), 100, "text[body]"),
    "a template that is missing": (message(type="template"), 100, "template"),
    "a template that is no object": (message(type="template", template="pengingat"), 100, "template"),
    "too much of anything": (message(type="template", template={"name": "x" * 70_000}), 131009, "body"),
    "another status": ({"messaging_product": "whatsapp", "status": "unread"}, 131009, "status"),
    "nothing to mark": ({"messaging_product": "whatsapp", "status": "read"}, 100, "message_id"),
    "a wrong message to mark": (
        {"messaging_product": "whatsapp", "status": "read", "message_id": 5},
        131009,
        "message_id",
    ),
}


@pytest.mark.parametrize(("body", "code", "field"), REFUSED.values(), ids=REFUSED)
def test_a_message_that_is_wrong_is_refused(say, meta, body, code, field):
    answer = say(body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], answer.headers["x-sandbox-field"]) == (400, code, field)
    assert ("error_data" in error) == (code == 131009)
    assert meta.messages() == []


def test_a_missing_parameter_is_named_as_the_cloud_api_names_it(say):
    said = [say(body).json()["error"]["message"] for body in ({}, message(to=None), message(text={"body": ""}))]
    assert said == [
        "(#100) The parameter messaging_product is required.",
        "The parameter to is required.",
        "(#100) The parameter text['body'] is required.",
    ]
    assert say(message(type="x")).json()["error"]["message"].endswith("TEMPLATE, TEXT, VIDEO}.")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'"x"', b"[" * 5000])
def test_a_body_that_is_no_object_is_refused(http, body):
    answer = http.post(f"/v26.0/{LINE}/messages", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize(("token", "subcode"), [("short", None), ("expired-and-long", 463)])
def test_sending_needs_a_good_token(say, meta, token, subcode):
    answer = say(message(), headers={"authorization": f"Bearer {token}"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (401, 190, subcode)
    assert meta.messages() == []


@pytest.mark.parametrize("line", ["123", "my-line", "120210000000001001"])
def test_nothing_is_sent_from_what_is_no_phone_number(say, line):
    error = say(message(), line=line).json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 33)


def test_nothing_is_sent_from_an_account_or_a_dataset(own):
    own.declare(f"{DATASET}:waba=777777")
    for known, status in ((DATASET, 400), ("777777", 400), (LINE, 200)):
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx2.post(f"{own.url}/v26.0/{known}/messages", json=message(), headers=headers)
        assert answer.status_code == status


@pytest.mark.parametrize(("kind", "code"), [("recipient_not_allowed", 131030), ("message_limit", 130429)])
def test_whatsapp_has_faults_of_its_own(say, send, meta, kind, code):
    meta.fault(kind, requests=1)
    assert send(lead()).status_code == 200
    answer = say(message())
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert error["error_data"]["messaging_product"] == "whatsapp"
    assert error["error_data"]["details"]
    assert "error_subcode" not in error
    assert meta.messages() == []
    assert say(message()).status_code == 200


def test_a_fault_can_be_for_messages_alone(say, send, meta):
    meta.fault("server_error", edge="messages")
    assert say(message()).status_code == 500
    assert send(lead()).status_code == 200


def test_a_fault_can_be_for_one_phone_number(say, meta):
    meta.fault("rate_limit", dataset=LINE)
    assert say(message()).json()["error"]["code"] == 4
    assert say(message(), line="106540352242923").status_code == 200


def test_a_cut_line_leaves_the_message_sent(say, meta):
    meta.fault("reset_after_accept", requests=1)
    with pytest.raises(httpx2.TransportError):
        say(message())
    assert len(meta.messages()) == 1


def test_only_the_newest_thousand_messages_are_kept(say, meta):
    for number in range(1_010):
        say(message(text={"body": str(number)}))
    kept = meta.messages()
    assert len(kept) == 1_000
    assert (kept[0]["text"], kept[-1]["text"]) == ("1009", "10")


def test_emptying_the_sandbox_forgets_its_messages(say, meta):
    say(message())
    meta.clear()
    assert meta.messages() == []


def test_the_page_shows_messages_as_words_only(say, meta):
    say(message(text={"body": "<script>alert(1)</script>"}))
    page = httpx2.get(meta.url).text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert PHONE in page


def test_a_request_that_is_too_large_is_refused_as_one(http, meta):
    answer = http.post(f"/v26.0/{LINE}/messages", content=b" " * 33_000_000)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, 100)
    assert meta.messages() == []
