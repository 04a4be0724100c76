"""The chat platforms' doors: who may call, what they take, and that nothing they are given breaks them."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from urllib.parse import urlencode

import pytest
from api_chats import (
    APP_SECRET,
    BAILEYS,
    BAILEYS_SECRET,
    JOURNEYS,
    MESSENGER,
    MESSENGER_SECRET,
    PUBLIC_URL,
    SECRETS,
    TWILIO,
    VERIFY_TOKEN,
    WHATSAPP,
    as_json,
    baileys,
    listed,
    message,
    message_in,
    messenger,
    now,
    phone_of,
    signature,
    signed,
    twilio,
    twilio_signature,
    unused,
    whatsapp,
)
from api_harness import EVENTS, PATIENCE, PIXEL, TOKEN, FakeMeta, is_problem, lead, running
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from konversi.intake.whatsapp import samples
from konversi.settings import load

KEY = "a-key-of-this-test"
MOST = 4 * 1_048_576
HANDSHAKE = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}
MARK = "rahasia-62899999"  # stands in bodies that must not show anywhere


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """All webhooks set up, and an API key for the other doors."""
    folder = tmp_path_factory.mktemp("webhooks")
    given = load(pixel_id=PIXEL, token=TOKEN, data_dir=folder, api_key=KEY, **SECRETS)
    with running(given, meta=FakeMeta()) as one:
        yield one


@pytest.fixture
def http(server):
    """Without the API key, as the platforms call."""
    with server.client() as client:
        yield client


@pytest.fixture
def own(server):
    """With it, to look what became of a call."""
    with server.client(headers={"authorization": f"Bearer {KEY}"}) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_unforeseen(caplog):
    yield
    assert "unforeseen" not in caplog.text
    assert MARK not in caplog.text


def count(own):
    return len(listed(own))


def said(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def told(received=0, repeated=0, ignored=0):
    return {"received": received, "repeated": repeated, "ignored": ignored}


def journey_of_ad(own, call):
    """The conversation that the call's ad opened, in full."""
    (one,) = listed(own, ad_id=message_in(call)["referral"]["source_id"])
    return own.get(f"{JOURNEYS}/{one['journey']}").json()


def click_in(shown):
    (click,) = [one for one in shown["timeline"] if one["kind"] == "click"]
    return click


# The handshake.


@pytest.mark.parametrize("path", [WHATSAPP, MESSENGER])
def test_metas_handshake_gets_its_challenge_back(http, path):
    answer = http.get(path, params=HANDSHAKE)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("challenge", ["1+1=2 & <b>x</b>", "", "\N{RACING MOTORCYCLE}", "a" * 2_000])
def test_the_challenge_goes_back_as_it_came(http, challenge):
    answer = http.get(WHATSAPP, params={**HANDSHAKE, "hub.challenge": challenge})
    assert (answer.status_code, answer.text) == (200, challenge)


@pytest.mark.parametrize(
    "changed",
    [
        {"hub.verify_token": "another"},
        {"hub.verify_token": ""},
        {"hub.verify_token": None},
        {"hub.verify_token": VERIFY_TOKEN + " "},
        {"hub.mode": "unsubscribe"},
        {"hub.mode": None},
    ],
)
@pytest.mark.parametrize("path", [WHATSAPP, MESSENGER])
def test_another_verify_token_is_refused_and_its_challenge_never_repeated(http, path, changed):
    query = {name: value for name, value in {**HANDSHAKE, **changed}.items() if value is not None}
    answer = http.get(path, params=query)
    is_problem(answer, status=403, code="webhook_not_verified")
    assert "1158201444" not in answer.text


@pytest.mark.parametrize("query", ["", "hub.mode", "&".join(f"a{n}=1" for n in range(500)), "%ff%00=%zz&hub.mode=%F0"])
def test_a_handshake_with_any_query_is_answered(http, query):
    assert http.get(f"{WHATSAPP}?{query}").status_code in (400, 403)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", TWILIO), ("GET", BAILEYS), ("PUT", WHATSAPP), ("DELETE", MESSENGER), ("PATCH", TWILIO)],
)
def test_other_methods_are_refused(http, method, path):
    is_problem(http.request(method, path), status=405)


@pytest.mark.parametrize("path", ["/webhooks/telegram", "/webhooks/", "/webhooks/whatsapp/x", "/webhooks/../v1/status"])
def test_other_addresses_below_webhooks_are_nothing(http, path):
    assert http.post(path, content=b"{}").status_code in (401, 404)
    assert http.get(path).status_code in (401, 404)


# Who may call.


def test_webhooks_need_no_key_and_the_other_doors_keep_theirs(http, own):
    assert said(whatsapp(http, message()))["received"] == 1
    for path in (EVENTS, JOURNEYS, "/v1/status", "/v1/datasets"):
        assert http.get(path).status_code == 401
        assert own.get(path).status_code == 200
    assert http.post(EVENTS, json=lead()).status_code == 401
    assert http.post("/v1/agent/turns", json={"reply": "Halo"}).status_code == 401
    assert http.post("/v1/agent/records", json={}).status_code == 401


@pytest.mark.parametrize("from_elsewhere", [{"x-forwarded-for": "203.0.113.9"}, {"host": "chat.example.test"}])
def test_a_platform_may_call_through_a_proxy_although_there_is_no_key(tmp_path, from_elsewhere):
    given = load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, **SECRETS)
    with running(given) as server, server.client() as http:
        body = samples.as_sent(message())
        assert http.post(WHATSAPP, content=body, headers=signed(body) | from_elsewhere).status_code == 200
        assert http.get(JOURNEYS, headers=from_elsewhere).status_code == 401


WRONG = {
    "another secret": lambda body: signature(body, "another"),
    "another body": lambda body: signature(body + b" "),
    "SHA-1": lambda body: "sha1=" + hashlib.sha1(body).hexdigest(),
    "no prefix": lambda body: signature(body).removeprefix("sha256="),
    "cut": lambda body: signature(body)[:-1],
    "longer": lambda body: signature(body) + "0",
    "empty": lambda _: "",
    "nonsense": lambda _: "sha256=" + "g" * 64,
    "not ASCII": lambda _: "sha256=" + "é" * 64,
    "unsigned digest": lambda body: "sha256=" + hashlib.sha256(body).hexdigest(),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(("path", "header"), [(WHATSAPP, "x-hub-signature-256"), (MESSENGER, "x-hub-signature-256")])
def test_a_call_that_is_not_metas_does_nothing(http, own, path, header, make):
    before = count(own)
    body = samples.as_sent(message(text=MARK))
    headers = {"content-type": "application/json", header: make(body).encode("latin-1")}
    answer = http.post(path, content=body, headers=headers)
    is_problem(answer, status=401, code="webhook_unsigned")
    assert MARK not in answer.text
    assert count(own) == before


@pytest.mark.parametrize("path", [WHATSAPP, MESSENGER, TWILIO, BAILEYS])
@pytest.mark.parametrize("body", [b"", b"{}", b"\x00\xff", MARK.encode(), b"[" * 60_000])
def test_a_call_without_a_signature_does_nothing(http, own, path, body):
    before = count(own)
    is_problem(http.post(path, content=body), status=401, code="webhook_unsigned")
    assert count(own) == before


def test_the_secret_of_one_platform_opens_no_other(http):
    body = samples.as_sent(message())
    is_problem(http.post(MESSENGER, content=body, headers=signed(body, APP_SECRET)), status=401)
    is_problem(http.post(WHATSAPP, content=body, headers=signed(body, MESSENGER_SECRET)), status=401)
    is_problem(http.post(BAILEYS, content=body, headers={"authorization": f"Bearer {KEY}"}), status=401)


@pytest.mark.parametrize(
    ("method", "path", "variable"),
    [
        ("POST", WHATSAPP, "WHATSAPP_APP_SECRET"),
        ("GET", WHATSAPP, "WHATSAPP_VERIFY_TOKEN"),
        ("POST", MESSENGER, "MESSENGER_APP_SECRET"),
        ("GET", MESSENGER, "MESSENGER_VERIFY_TOKEN"),
        ("POST", TWILIO, "TWILIO_AUTH_TOKEN"),
        ("POST", BAILEYS, "BAILEYS_WEBHOOK_SECRET"),
    ],
)
def test_a_door_without_its_secret_is_closed_and_names_the_variable(gateway, method, path, variable):
    body = samples.as_sent(message(text=MARK))
    with gateway.client() as http:
        answer = http.request(method, path, content=body, headers=signed(body, ""), params=HANDSHAKE)
        problem = is_problem(answer, status=503, code="webhook_not_set_up")
    assert variable in problem["detail"]
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("secret", ["", " ", ","])
def test_an_empty_secret_lets_nobody_in(settings_of, secret):
    given = settings_of(whatsapp_app_secret=secret, baileys_secret=secret.strip(","))
    with running(given) as server, server.client() as http:
        body = samples.as_sent(message())
        for key in ("", " ", ","):
            assert http.post(WHATSAPP, content=body, headers=signed(body, key)).status_code in (401, 503)
        for headers in ({"authorization": "Bearer"}, {"x-webhook-secret": ""}, {}):
            assert http.post(BAILEYS, content=body, headers=headers).status_code in (401, 503)


@pytest.fixture
def settings_of(tmp_path):
    return lambda **changed: load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, **{**SECRETS, **changed})


def test_while_a_secret_is_replaced_both_are_good(settings_of):
    with running(settings_of(whatsapp_app_secret="old, new")) as server, server.client() as http:
        for secret in ("old", "new"):
            body = samples.as_sent(message())
            assert http.post(WHATSAPP, content=body, headers=signed(body, secret)).status_code == 200
        is_problem(http.post(WHATSAPP, content=body, headers=signed(body, "old, new")), status=401)


def test_a_call_that_twilio_did_not_sign_is_told_of_the_address_that_is_signed(http):
    problem = is_problem(twilio(http, form(), signature="A" * 27 + "="), status=401, code="webhook_unsigned")
    assert "KONVERSI_PUBLIC_URL" in problem["detail"]


# The bytes that were signed.


SPELLINGS = {
    "escaped, slashes too": samples.as_sent,
    "letters as they are": as_json,
    "with spaces": lambda call: json.dumps(call, indent=3).encode(),
    "upper-case escapes": lambda call: samples.as_sent(call).replace(b"\\ud83c", b"\\uD83C"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_the_signature_is_over_the_very_bytes_whatever_letters_they_hold(http, own, spelling):
    call = message(headline="Diskon \N{RACING MOTORCYCLE} 50% – cat “halus” / Ñandú", name="\N{WAVING HAND SIGN} Budi")
    assert said(whatsapp(http, spelling(call))) == told(1)
    click = click_in(journey_of_ad(own, call))
    assert click["headline"] == "Diskon \N{RACING MOTORCYCLE} 50% – cat “halus” / Ñandú"


LONELY = {
    "a lone high half": b'"Motor \\ud83c"',
    "a lone low half": b'"Motor \\udfcd"',
    "halves the wrong way round": b'"Motor \\udfcd\\ud83c"',
    "a half before an escape": b'"Motor \\ud83c\\n"',
    "bytes of a half": b'"Motor \xed\xa0\xbc"',
    "no UTF-8": b'"Motor \xff\xfe"',
    "NUL": b'"Motor \\u0000"',
    "control characters": b'"Motor \\u0001\\u007f\\r\\n"',
}


@pytest.mark.parametrize("headline", LONELY.values(), ids=LONELY)
def test_a_text_that_is_no_unicode_does_not_cost_the_click(http, own, headline):
    call = message(headline="HERE")
    body = samples.as_sent(call).replace(b'"HERE"', headline)
    assert said(whatsapp(http, body)) == told(1)
    click = click_in(journey_of_ad(own, call))
    assert click["headline"].startswith("Motor")


def test_an_escape_that_only_looks_like_a_half_emoji_stays_what_it_is(http, own):
    call = message(headline="HERE")
    body = samples.as_sent(call).replace(b'"HERE"', b'"\\\\ud83c Motor \\ud83c"')
    assert said(whatsapp(http, body)) == told(1)
    click = click_in(journey_of_ad(own, call))
    assert click["headline"] == "\\ud83c Motor \N{REPLACEMENT CHARACTER}"


# Bodies that are large, deep, or none.


MALFORMED = {
    "nothing": b"",
    "a comma too much": b'{"entry": [1,]}',
    "cut": samples.as_sent(samples.message("ad-click", message_id="wamid.cut", at=now()))[:-40],
    "two values": b"{} {}",
    "not JSON": b"<xml/>",
    "a form": b"entry=1",
    "NUL bytes": b"\x00" * 50,
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"entry": []}'.encode("utf-16"),
    "a half escape": b'{"entry": "\\u12',
    "very deep": b"[" * 200_000,
    "very deep and closed": b"[" * 200_000 + b"]" * 200_000,
    "deep objects": b'{"entry":' * 50_000 + b"1" + b"}" * 50_000,
    "NaN": b'{"entry": NaN}',
    "Infinity": b'{"entry": [], "x": [Infinity, -Infinity]}',
    "a number of many digits": b'{"entry": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize(("path", "secret"), [(WHATSAPP, APP_SECRET), (MESSENGER, MESSENGER_SECRET)])
def test_a_signed_body_that_is_no_json_is_refused_with_the_reason(http, path, secret, body):
    answer = http.post(path, content=body, headers=signed(body, secret))
    is_problem(answer, status=400, code="malformed_json")


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_bridges_body_that_is_no_json_is_refused_with_the_reason(http, body):
    is_problem(http.post(BAILEYS, content=body, headers={"x-webhook-secret": BAILEYS_SECRET}), status=400)


HARMLESS = {
    "null": b"null",
    "a number": b"7",
    "a text": b'"entry"',
    "a list": b"[]",
    "no entries": b'{"object": "whatsapp_business_account"}',
    "a huge number": b'{"entry": 1e400, "x": -1e999}',
    "entries of nothing": b'{"entry": [null, 1, "x", [], {}, {"changes": [null, {}, {"value": []}]}]}',
    "deep but readable": b'{"entry":' + b"[" * 900 + b"]" * 900 + b"}",
}


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS)
def test_json_that_tells_nothing_is_taken_and_nothing_comes_of_it(http, own, body):
    before = count(own)
    assert said(whatsapp(http, body))["received"] == 0
    assert messenger(http, body).status_code == 200
    assert http.post(BAILEYS, content=body, headers={"x-webhook-secret": BAILEYS_SECRET}).status_code == 200
    assert count(own) == before


def test_numbers_that_are_none_do_not_cost_the_message(http, own):
    call = message()
    message_in(call)["timestamp"] = "HERE"
    body = samples.as_sent(call)
    for number, timestamp in enumerate((b"-0.0", b"1e400", b"-1", b"9" * 30, b'"1e5"', b"true", b"{}")):
        one = body.replace(b'"HERE"', timestamp).replace(b"wamid.test", b"wamid.%d" % number)
        assert said(whatsapp(http, one)) == told(1), timestamp
    assert journey_of_ad(own, call)["messages"] == 7


def test_of_a_name_that_comes_twice_the_last_one_counts(http, own):
    call = message()
    body = samples.as_sent(call).replace(b'"referral":', b'"referral":{"source_id":"1"},"referral":')
    assert said(whatsapp(http, body)) == told(1)
    assert journey_of_ad(own, call)["messages"] == 1


def padded(call, size):
    """The call, with a text that makes it so many bytes."""
    message_in(call)["text"]["body"] = ""
    message_in(call)["text"]["body"] = "x" * (size - len(samples.as_sent(call)))
    return samples.as_sent(call)


def test_a_body_of_4_mib_is_taken_and_one_byte_more_is_not(http):
    largest = padded(message(), MOST)
    assert len(largest) == MOST
    assert said(whatsapp(http, largest)) == told(1)
    is_problem(whatsapp(http, padded(message(), MOST + 1)), status=413)


# What could be a call's of any platform, as far as its headers tell.
PLAUSIBLE = b"X-Hub-Signature-256: sha256=%s\r\nX-Twilio-Signature: %s=\r\nX-Webhook-Secret: %s\r\n\r\n" % (
    b"0" * 64, b"A" * 27, BAILEYS_SECRET.encode(),
)  # fmt: skip


@pytest.mark.parametrize("path", [WHATSAPP, MESSENGER, TWILIO, BAILEYS])
def test_a_body_that_never_ends_is_refused_before_it_is_all_there_whoever_sends_it(server, path):
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as caller:
        caller.sendall(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + PLAUSIBLE)
        for _ in range(MOST // 65_536 + 1):
            caller.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        assert caller.recv(1_000).startswith(b"HTTP/1.1 413 ")


# Messages: each once.


def test_a_repeated_call_is_known_and_changes_nothing(http, own):
    call = message()
    assert said(whatsapp(http, call)) == told(1)
    assert said(whatsapp(http, call)) == told(repeated=1)
    shown = journey_of_ad(own, call)
    assert shown["messages"] == 1
    assert [one["kind"] for one in shown["timeline"]].count("click") == 1


def test_one_message_twice_in_a_call_counts_once(http, own):
    call = message()
    call["entry"].append(call["entry"][0])
    assert said(whatsapp(http, call)) == told(1, repeated=1)
    assert journey_of_ad(own, call)["messages"] == 1


def test_calls_in_any_order_tell_the_same_conversation(http, own):
    customer, at = {"phone": phone_of(unused()), "user_id": f"ID.{unused()}9999"}, now() - 600
    click = message(at=at, **customer)
    later = [message("organic", at=at + 60 * n, **customer) for n in range(1, 4)]
    for call in (later[2], later[0], click, later[1], click, later[2]):
        assert whatsapp(http, call).status_code == 200
    shown = journey_of_ad(own, click)
    assert shown["messages"] == 4
    assert shown["opened_at"] < shown["last_message_at"]
    assert [one["kind"] for one in shown["timeline"]].count("click") == 1


def test_several_entries_changes_and_messages_in_one_call_are_all_taken(http, own):
    calls = [message(account=f"10229012934{n:04d}") for n in range(6)]
    changes = [call["entry"][0]["changes"][0] for call in calls]
    changes[0]["value"]["messages"] += changes[1]["value"]["messages"]
    changes[0]["value"]["contacts"] += changes[1]["value"]["contacts"]
    whole = {
        "object": "whatsapp_business_account",
        "entry": [
            {"id": calls[0]["entry"][0]["id"], "changes": [changes[0], changes[2], {"field": "account_update"}]},
            {"id": calls[3]["entry"][0]["id"], "changes": [changes[3]]},
            {"id": calls[4]["entry"][0]["id"], "changes": [changes[4], changes[5]]},
        ],
    }
    assert said(whatsapp(http, whole)) == told(6, ignored=1)
    assert [journey_of_ad(own, call)["messages"] for call in calls] == [1] * 6
    assert journey_of_ad(own, calls[2])["account"] == calls[0]["entry"][0]["id"]


def test_a_thousand_messages_in_a_call_are_taken_while_others_are_answered(http, server):
    whole = message()
    value = whole["entry"][0]["changes"][0]["value"]
    for _ in range(999):
        one = message()["entry"][0]["changes"][0]["value"]
        value["messages"] += one["messages"]
        value["contacts"] += one["contacts"]
    assert said(whatsapp(http, whole)) == told(1_000)
    assert said(whatsapp(http, whole)) == told(repeated=1_000)


TYPES = {
    "text": {"text": {"body": "Halo"}},
    "image": {"image": {"id": "1", "mime_type": "image/jpeg", "sha256": "x", "caption": "Motor saya"}},
    "audio": {"audio": {"id": "1", "voice": True}},
    "video": {"video": {"id": "1"}},
    "document": {"document": {"id": "1", "filename": "foto.pdf"}},
    "sticker": {"sticker": {"id": "1", "animated": False}},
    "location": {"location": {"latitude": -6.2, "longitude": 106.8}},
    "contacts": {"contacts": [{"name": {"formatted_name": "Ani"}, "phones": [{"phone": "+62899"}]}]},
    "interactive": {"interactive": {"type": "button_reply", "button_reply": {"id": "ya", "title": "Ya"}}},
    "button": {"button": {"payload": "ya", "text": "Ya"}},
    "reaction": {"reaction": {"message_id": "wamid.x", "emoji": "\N{THUMBS UP SIGN}"}},
    "order": {"order": {"catalog_id": "1", "product_items": [{"item_price": 150_000}]}},
    "unsupported": {"errors": [{"code": 131051, "title": "Message type unknown"}]},
    "request_welcome": {},
    "ephemeral": {},
    "edit": {"edit": {"original_message_id": "wamid.x"}},
    "hologram": {"hologram": {"depth": 3}},
}


@pytest.mark.parametrize("kind", TYPES)
def test_the_click_is_read_from_a_message_of_every_type(http, own, kind):
    call = message()
    told_of = message_in(call)
    del told_of["text"]
    told_of |= {"type": kind, **TYPES[kind]}
    assert said(whatsapp(http, call)) == told(1)
    assert click_in(journey_of_ad(own, call))["click_id_known"] is True


@pytest.mark.parametrize("kind", [None, 7, "", "x" * 10_000, {"a": 1}, ["text"], "te\x00xt"])
def test_a_type_that_is_no_word_does_not_cost_the_message(http, own, kind):
    call = message()
    message_in(call)["type"] = kind
    assert said(whatsapp(http, call)) == told(1)
    assert journey_of_ad(own, call)["messages"] == 1


def test_statuses_echoes_and_other_fields_are_counted_and_ignored(http, own):
    before = count(own)
    status = {"id": "wamid.s", "status": "delivered", "timestamp": str(now()), "recipient_id": "62812"}
    value = {"messaging_product": "whatsapp", "metadata": {}, "statuses": [status, status]}
    call = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}  # fmt: skip
    assert said(whatsapp(http, call)) == told(ignored=2)
    assert count(own) == before


def test_what_meta_saw_by_itself_is_noted_once(http, own):
    call = message()
    whatsapp(http, call)
    told_of = message_in(call)
    saw = {
        "id": told_of["id"],
        "event_name": "LeadSubmitted",
        "timestamp": now(),
        "ctwa_clid": told_of["referral"]["ctwa_clid"],
        "custom_data": {"currency": "USD", "value": 25_000},
    }
    value = {"messaging_product": "whatsapp", "automatic_events": [saw]}
    automatic = {"entry": [{"id": "1", "changes": [{"field": "automatic_events", "value": value}]}]}
    assert said(whatsapp(http, automatic)) == told(1)
    assert said(whatsapp(http, automatic)) == told(repeated=1)
    sightings = [one for one in journey_of_ad(own, call)["timeline"] if one["kind"] == "automatic_event"]
    assert [one["event"] for one in sightings] == ["LeadSubmitted"]


def test_a_customer_without_a_phone_has_a_conversation(http, own):
    call = message("username", user_id="ID.555000111222")
    assert said(whatsapp(http, call)) == told(1)
    assert journey_of_ad(own, call)["customer"] == "…1222"


def test_a_call_is_durable_when_answered(tmp_path):
    given = load(data_dir=tmp_path, **SECRETS)
    call = message()
    with running(given) as server, server.client() as http:
        whatsapp(http, call)
    with running(given) as server, server.client() as http:
        assert len(listed(http)) == 1
        assert said(whatsapp(http, call)) == told(repeated=1)


# Messenger and Instagram.


def page(*, event, kind="page", account="1906385232743451"):
    return {"object": kind, "entry": [{"id": account, "time": now() * 1_000, "messaging": [event]}]}


def thread(person, ad, **more):
    return {
        "sender": {"id": person},
        "recipient": {"id": "1906385232743451"},
        "timestamp": now() * 1_000,
        **more,
        "referral": {
            "ref": "promo",
            "ad_id": ad,
            "source": "ADS",
            "type": "OPEN_THREAD",
            "ads_context_data": {"ad_title": "Repaint \N{RACING MOTORCYCLE}", "post_id": "1"},
        },
    }


@pytest.mark.parametrize(("kind", "channel"), [("page", "messenger"), ("instagram", "instagram")])
def test_a_thread_that_an_ad_opened_is_known_with_its_ad(http, own, kind, channel):
    person, ad = str(10**15 + unused()), f"1202{unused():014d}"
    call = page(event=thread(person, ad), kind=kind)
    assert said(messenger(http, call)) == told(1)
    assert said(messenger(http, call)) == told(repeated=1)
    (one,) = listed(own, ad_id=ad)
    assert (one["channel"], one["customer"], one["account"]) == (channel, f"…{person[-4:]}", "1906385232743451")
    click = click_in(own.get(f"{JOURNEYS}/{one['journey']}").json())
    assert (click["source_type"], click["headline"], click["ref"]) == ("ad", "Repaint \N{RACING MOTORCYCLE}", "promo")


def test_a_referral_inside_a_message_or_a_postback_is_read(http, own):
    ads = [f"1202{unused():014d}" for _ in range(2)]
    referral = thread("1", ads[0])["referral"]
    inside = {"sender": {"id": str(10**15 + unused())}, "timestamp": now() * 1_000}
    assert said(messenger(http, page(event={**inside, "message": {"mid": f"m_{unused()}", "text": "Hi", "referral": referral}}))) == told(1)  # fmt: skip
    referral = {**referral, "ad_id": ads[1]}
    assert said(messenger(http, page(event={**inside, "postback": {"mid": f"m_{unused()}", "title": "Mulai", "referral": referral}}))) == told(1)  # fmt: skip
    assert [len(listed(own, ad_id=ad)) for ad in ads] == [1, 1]


def test_the_pages_own_messages_and_receipts_are_ignored(http, own):
    before = count(own)
    person = {"sender": {"id": "24"}, "timestamp": now() * 1_000}
    for event in (
        {**person, "message": {"mid": "m_1", "is_echo": True, "text": "Kami bantu ya"}},
        {**person, "delivery": {"mids": ["m_1"]}},
        {**person, "read": {"watermark": 1}},
        {"sender": {"id": "1906385232743451"}, "message": {"mid": "m_2", "text": "x"}},
    ):
        assert said(messenger(http, page(event=event))) == told(ignored=1)
    assert count(own) == before


# Twilio.


def form(**changed):
    number = unused()
    return {
        "AccountSid": "AC" + "0" * 32,
        "Body": "Halo kak \N{RACING MOTORCYCLE}\nmau repaint & poles = berapa?",
        "From": f"whatsapp:{phone_of(number)}",
        "MessageSid": f"SM{number:032d}",
        "NumMedia": "0",
        "ProfileName": "Budi \N{RACING MOTORCYCLE}",
        "ReferralCtwaClid": f"ARA-{number}",
        "ReferralHeadline": "Repaint 150 ribu",
        "ReferralSourceId": f"1202{number:014d}",
        "ReferralSourceType": "ad",
        "SmsStatus": "received",
        "To": "whatsapp:+6281100000001",
        "Empty": "",
        **changed,
    }


TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


def test_twilios_call_is_signed_over_the_public_address_and_answered_with_empty_twiml(http, own):
    sent = form()
    answer = twilio(http, sent)
    assert (answer.status_code, answer.content) == (200, TWIML)
    assert answer.headers["content-type"].startswith("text/xml")
    (one,) = listed(own, ad_id=sent["ReferralSourceId"])
    assert (one["channel"], one["line"]) == ("whatsapp", "+6281100000001")
    assert (twilio(http, sent).status_code, len(listed(own, ad_id=sent["ReferralSourceId"]))) == (200, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/webhooks/twilio",
        f"{PUBLIC_URL}/webhooks/twilio/",
        f"{PUBLIC_URL}/webhooks/twilio?a=1",
        "https://other.example.test/webhooks/twilio",
    ],
)
def test_twilios_signature_over_another_address_is_refused(http, url):
    sent = form()
    is_problem(twilio(http, sent, signature=twilio_signature(sent, url)), status=401, code="webhook_unsigned")


def test_twilios_signature_over_another_form_is_refused(http, own):
    sent = form()
    answer = twilio(http, {**sent, "From": "whatsapp:+628999"}, signature=twilio_signature(sent))
    is_problem(answer, status=401)
    assert listed(own, ad_id=sent["ReferralSourceId"]) == []


@pytest.mark.parametrize("public_url", ["https://chat.example.test/", "https://chat.example.test:443"])
def test_the_public_address_may_be_written_with_a_slash_or_a_port(settings_of, public_url):
    with running(settings_of(public_url=public_url)) as server, server.client() as http:
        assert twilio(http, form()).status_code == 200


def test_without_a_public_address_the_one_that_was_called_counts(settings_of, tmp_path):
    given = load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, **{k: v for k, v in SECRETS.items() if k != "public_url"})  # fmt: skip
    with running(given) as server, server.client() as http:
        sent = form()
        assert twilio(http, sent, signature=twilio_signature(sent, server.url + TWILIO)).status_code == 200
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "host": "chat.example.test",
            "x-forwarded-proto": "https",
            "x-twilio-signature": twilio_signature(sent),
        }
        assert http.post(TWILIO, content=urlencode(sent).encode(), headers=headers).status_code == 200


def test_a_form_of_very_many_fields_is_refused(http):
    sent = {f"f{n}": "x" for n in range(5_000)}
    is_problem(twilio(http, sent), status=400, code="too_many_fields")


def test_a_form_larger_than_twilio_sends_is_refused_before_it_is_read(http):
    body = b"a=" + b"%41" * 30_000
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "A" * 27 + "="}
    is_problem(http.post(TWILIO, content=body, headers=headers), status=413)


# Baileys: Evolution API, WAHA.


def bridged(**changed):
    number = unused()
    return {
        "event": "messages.upsert",
        "instance": "studio",
        "sender": "6281100000001@s.whatsapp.net",
        "data": {
            "key": {"remoteJid": f"62812{number:08d}@s.whatsapp.net", "fromMe": False, "id": f"3EB0{number:012d}"},
            "pushName": "Budi \N{RACING MOTORCYCLE}",
            "message": {
                "extendedTextMessage": {
                    "text": "Halo",
                    "contextInfo": {
                        "externalAdReply": {
                            "title": "Repaint",
                            "sourceType": "ad",
                            "sourceId": f"1202{number:014d}",
                            "ctwaClid": f"Affc-{number}",
                        }
                    },
                }
            },
            "messageType": "extendedTextMessage",
            "messageTimestamp": now() - 30,
            **changed,
        },
    }


def ad_of(call):
    return call["data"]["message"]["extendedTextMessage"]["contextInfo"]["externalAdReply"]["sourceId"]


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {BAILEYS_SECRET}"},
        {"authorization": f"bearer   {BAILEYS_SECRET}"},
        {"x-webhook-secret": BAILEYS_SECRET},
        {"x-webhook-secret": BAILEYS_SECRET, "authorization": "Bearer another"},
    ],
)
def test_a_bridge_is_let_in_by_its_secret(http, own, headers):
    call = bridged()
    assert said(http.post(BAILEYS, json=call, headers=headers)) == told(1)
    (one,) = listed(own, ad_id=ad_of(call))
    assert one["line"] == "+6281100000001"
    assert said(baileys(http, call)) == told(repeated=1)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": BAILEYS_SECRET},
        {"authorization": f"Basic {BAILEYS_SECRET}"},
        {"authorization": "Bearer"},
        {"x-webhook-secret": BAILEYS_SECRET.upper()},
        {"x-webhook-secret": BAILEYS_SECRET[:-1]},
        {"apikey": BAILEYS_SECRET},
    ],
)
def test_a_bridge_without_it_is_not(http, own, headers):
    call = bridged()
    is_problem(http.post(BAILEYS, json=call, headers=headers), status=401)
    assert listed(own, ad_id=ad_of(call)) == []


# Never a 500.

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
WORDS = (
    "entry", "changes", "value", "messages", "contacts", "id", "from", "from_user_id", "timestamp", "type", "text", "body",
    "referral", "ctwa_clid", "source_id", "metadata", "phone_number_id", "automatic_events", "event_name", "field",
    "messaging", "sender", "message", "mid", "postback", "object", "data", "payload", "key", "remoteJid", "fromMe",
    "externalAdReply", "sourceId", "ctwaClid", "event", "_data", "Info", "Chat", "statuses", "user_id", "wa_id",
)  # fmt: skip
json_values = st.recursive(
    scalars | st.sampled_from([*WORDS, "messages.upsert", "page", "ad", "6281234567890@s.whatsapp.net", "6281234567890"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_values)
def test_any_signed_json_is_taken_or_refused_and_never_breaks_anything(http, value):
    body = json.dumps(value).encode()
    for path, secret in ((WHATSAPP, APP_SECRET), (MESSENGER, MESSENGER_SECRET)):
        assert http.post(path, content=body, headers=signed(body, secret)).status_code in (200, 400)
    assert http.post(BAILEYS, content=body, headers={"x-webhook-secret": BAILEYS_SECRET}).status_code in (200, 400)
    digest = hashlib.sha256(body).hexdigest()
    url = f"{TWILIO}?bodySHA256={digest}"
    headers = {"content-type": "application/json", "x-twilio-signature": twilio_signature({}, PUBLIC_URL + url)}
    assert http.post(url, content=body, headers=headers).status_code in (200, 400)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def exchanged(value, path, other):
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = exchanged(copy[path[0]], path[1:], other)
    return copy


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_call_with_any_part_exchanged_is_taken(http, data):
    kind = data.draw(st.sampled_from(["whatsapp", "messenger", "instagram", "bridge"]))
    call = {
        "whatsapp": lambda: message(data.draw(st.sampled_from(samples.KINDS))),
        "messenger": lambda: page(event=thread("24", "1202")),
        "instagram": lambda: page(event=thread("24", "1202", message={"mid": "m_9"}), kind="instagram"),
        "bridge": bridged,
    }[kind]()
    for _ in range(data.draw(st.integers(1, 3))):
        call = exchanged(call, data.draw(st.sampled_from(list(places(call)))), data.draw(json_values))
    body = json.dumps(call).encode()
    if kind == "bridge":
        answer = http.post(BAILEYS, content=body, headers={"x-webhook-secret": BAILEYS_SECRET})
    else:
        answer = (whatsapp if kind == "whatsapp" else messenger)(http, body)
    assert answer.status_code == 200, answer.text


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(list(form())) | st.text(min_size=1, max_size=10), st.text(max_size=30), max_size=12)
)
def test_any_form_that_twilio_signed_is_taken(http, fields):
    assert twilio(http, fields).content == TWIML


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from([WHATSAPP, MESSENGER, TWILIO, BAILEYS]), st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", ""]))  # fmt: skip
def test_any_bytes_are_refused_or_taken(http, body, path, kind):
    headers = {**signed(body), "content-type": kind, "x-twilio-signature": "x", "x-webhook-secret": BAILEYS_SECRET}
    assert http.post(path, content=body, headers=headers).status_code in (200, 400, 401)


def test_the_answer_comes_fast_although_much_is_told(http):
    began = time.monotonic()
    for _ in range(50):
        assert whatsapp(http, message()).status_code == 200
    assert time.monotonic() - began < 5
