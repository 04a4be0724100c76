"""Forgetting a person: gone from every column and from the file itself, refused later, and a report for asking Meta."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing

import pytest
from api_chats import SECRETS as CHAT_SECRETS
from api_chats import WABA, Bot, baileys, listed, message, now, phone_of, until, unused, whatsapp
from api_harness import EVENTS, PATIENCE, PIXEL, TOKEN, TRACE, is_problem, lead, running
from api_payments import SECRETS as PAYMENT_SECRETS
from api_payments import tell
from test_api_imports import IMPORTS, sale, table

from konversi.aftercare import erasing
from konversi.intake.whatsapp import samples
from konversi.journeys.customers import customer_keys
from konversi.journeys.identity import keyed, keys_of
from konversi.settings import load
from outboxes import kept_in

ERASURES = "/v1/erasures"
TURNS = "/v1/agent/turns"
DONE = {"state": "done", "waits_for": [], "found_elsewhere": {}}


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def at_once(monkeypatch):
    """Nothing is waited for before the second look."""
    monkeypatch.setattr(erasing, "_SETTLED", 0.0)


@pytest.fixture
def server(tmp_path, at_once):
    url = f"sqlite:///{tmp_path}/konversi.db"
    with closing(Bot()) as bot:
        bot.status = 500  # so that calls wait for it
        given = load(
            pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, database_url=url,
            whatsapp_forward_url=bot.url, **CHAT_SECRETS, **PAYMENT_SECRETS,
        )  # fmt: skip
        with running(given) as one:
            yield one


@pytest.fixture
def http(server):
    with server.client() as client:
        yield client


class Person:
    """Somebody who clicked, chatted, booked, paid, came to the shop and said something about consent."""

    def __init__(self):
        number = unused()
        self.phone, self.user_id = phone_of(number), f"ID.{10**12 + number}"
        self.email, self.booking = f"budi{number}@example.test", f"BK-{number:06d}"

    @property
    def digits(self):
        return self.phone.removeprefix("+")

    def lives(self, server, http):
        assert whatsapp(http, message(phone=self.phone, user_id=self.user_id)).status_code == 200
        turn = {
            "conversation": self.phone, "customer": {"phone": self.phone}, "reply": "Sudah kami booking ya kak.",
            "metadata": {"toolsUsed": ["getAvailableSlots"], "toolResults": [{"slots": ["10:00"]}]},
        }  # fmt: skip
        assert http.post(TURNS, json=turn).status_code == 202
        customer = {"phone": self.phone, "email": self.email, "name": "Budi Santoso"}
        booked = http.post(EVENTS, json=lead(booking_id=self.booking, customer=customer, custom={"note": self.digits}))
        server.ended(booked.json()["receipt"])
        tell(http, "midtrans", "paid", f"pay-{self.booking}", self.booking)
        only_mail = http.post(EVENTS, json=lead(event_id=f"mail-{self.booking}", customer={"email": self.email}))
        server.ended(only_mail.json()["receipt"])
        http.put("/v1/consents", json={"phone": self.phone, "state": "granted", "source": "form"})
        self.imported(http)
        return booked.json()["receipt"]

    def imported(self, http):
        body = table(sale(phone=self.phone, booking=f"{self.booking}-shop"), sale(phone=phone_of(unused())))
        file = http.post(IMPORTS, content=body, headers={"content-type": "text/csv"}).json()["import"]
        ended = lambda: http.get(f"{IMPORTS}/{file}").json()["state"] == "ended"
        until(ended, "the file is done")
        return file


def forms_of(person, secret):
    """Everything by which the person could be found, as bytes; keyed hashes in the ways of both databases."""
    hashes = [hashed(person.digits), hashed(person.user_id.lower()), hashed(person.email)]
    user_data = {"ph": hashes[:1], "external_id": hashes[1:2], "em": hashes[2:]}
    keys = [*keys_of(user_data, secret), keyed("conversation", person.phone, secret)]
    bought = [one.encode() for one in customer_keys(user_data, secret)]
    texts = [person.digits, f"0{person.digits[2:]}", person.user_id, person.email, *hashes]
    return [text.encode() for text in texts], [*keys, *(key.hex().encode() for key in keys), *bought]


def erased(http, **named):
    begun = http.post(ERASURES, json=named)
    assert begun.status_code == 202, begun.text
    return http.get(f"{ERASURES}/{begun.json()['erasure']}", params={"wait": PATIENCE}).json()


def test_a_person_is_gone_from_every_column_and_from_the_files_bytes(server, http):
    person, other = Person(), Person()
    receipt = person.lives(server, http)
    others = other.lives(server, http)
    secret = server.gateway.receiver._rules.secret
    texts, keys = forms_of(person, secret)
    url = server.settings.database
    before = kept_in(url)
    assert [one for one in (*texts[:1], *texts[4:], *keys) if one in before]
    report = erased(http, phone=person.phone, email=person.email, whatsapp_user_id=person.user_id)
    assert {name: report[name] for name in DONE} == DONE
    after = kept_in(url)
    assert [one for one in (*texts, *keys) if one in after] == []
    assert is_problem(http.get(f"{EVENTS}/{receipt}"), status=404)
    assert http.get(f"{EVENTS}/{others}").json()["state"] == "delivered"
    left, _ = forms_of(other, secret)
    assert [one in after for one in left[4:]] == [one in before for one in left[4:]]
    removed = report["removed"]
    assert (removed["events"], removed["conversations"], removed["payments"], removed["consent_decisions"]) == (
        4,
        1,
        1,
        1,
    )
    assert removed["ad_clicks"] == removed["messages"] == removed["tool_calls"] == removed["answers_of_the_agent"] == 1
    assert (removed["calls_to_the_bot"], removed["lines_of_result_files"]) == (1, 1)


def test_the_report_says_what_meta_has_so_that_meta_can_be_asked(server, http):
    person = Person()
    person.lives(server, http)
    report = erased(http, phone=person.phone, email=person.email)
    names = sorted((one["event_name"], one["event_id"].partition(":")[0]) for one in report["meta_has"])
    assert ("LeadSubmitted", "Lead") in names
    assert len(names) == report["removed"]["events"]
    for one in report["meta_has"]:
        assert (one["dataset"], one["known"], one["fbtrace_ids"]) == (PIXEL, "received", [TRACE])
        assert one["event_time"]
        assert one["sent_at"]
    assert http.get(ERASURES).json()["erasures"][0] == report
    assert person.digits not in http.get(ERASURES).text


def test_later_events_messages_payments_and_rows_are_refused(server, http):
    person = Person()
    person.lives(server, http)
    erased(http, phone=person.phone, whatsapp_user_id=person.user_id)
    for customer in ({"phone": person.phone}, {"whatsapp_user_id": person.user_id}, {"external_id": person.digits}):
        said = is_problem(http.post(EVENTS, json=lead(customer=customer)), status=422)
        assert [one["code"] for one in said["errors"]] == ["customer_erased"]
        assert person.digits not in json.dumps(said)
    heard = whatsapp(http, message(phone=person.phone, user_id=person.user_id, text="Halo"))
    assert (heard.status_code, heard.json()["received"]) == (200, 0)
    is_problem(http.put("/v1/consents", json={"phone": person.phone, "state": "granted"}), status=422)
    file = person.imported(http)
    counts = http.get(f"{IMPORTS}/{file}").json()
    assert (counts["accepted"], counts["refused"]) == (1, 1)
    secret = server.gateway.receiver._rules.secret
    texts, keys = forms_of(person, secret)
    kept = kept_in(server.settings.database)
    assert [one for one in (texts[0], texts[4], texts[5], *keys) if one in kept] == []


def test_who_came_back_is_known_again_once_that_is_lifted(server, http):
    person = Person()
    erased(http, phone=person.phone)
    assert http.post(f"{ERASURES}/lift", json={"phone": person.phone}).json() == {"lifted": 1}
    assert http.post(EVENTS, json=lead(customer={"phone": person.phone})).status_code == 202


def test_what_only_looks_like_the_person_stays(server, http):
    person = Person()
    longer = http.post(EVENTS, json=lead(event_id=f"{person.digits}7", customer={"phone": phone_of(unused())})).json()
    named = http.post(EVENTS, json=lead(event_id=f"by {person.digits}", customer={"phone": phone_of(unused())})).json()
    report = erased(http, phone=person.phone)
    assert report["removed"]["events"] == 1
    assert http.get(f"{EVENTS}/{longer['receipt']}").status_code == 200
    assert http.get(f"{EVENTS}/{named['receipt']}").status_code == 404


def test_an_event_on_its_way_to_meta_is_waited_for_and_then_forgotten(server, http, monkeypatch):
    monkeypatch.setattr(erasing, "_EVERY", 0.05)
    monkeypatch.setattr(erasing, "_SOON", 0.0)
    monkeypatch.setattr(erasing, "_LATER", 0.0)
    person = Person()
    server.meta.hang()
    receipt = http.post(EVENTS, json=lead(customer={"phone": person.phone})).json()["receipt"]
    until(lambda: http.get(f"{EVENTS}/{receipt}").json()["state"] == "sending", "it is on its way")
    begun = http.post(ERASURES, json={"phone": person.phone}).json()
    until(lambda: report(http, begun)["waits_for"] == ["1 event(s) on the way to Meta"], "it is waited for")
    server.meta.go_on()
    until(lambda: report(http, begun)["state"] == "done", "it is done")
    (has,) = report(http, begun)["meta_has"]
    assert (has["receipt"], has["known"]) == (receipt, "received")
    assert http.get(f"{EVENTS}/{receipt}").status_code == 404


def report(http, begun):
    return http.get(f"{ERASURES}/{begun['erasure']}").json()


def test_a_file_that_waits_to_be_started_is_waited_for(server, http, monkeypatch):
    monkeypatch.setattr(erasing, "_EVERY", 0.05)
    monkeypatch.setattr(erasing, "_SOON", 0.0)
    monkeypatch.setattr(erasing, "_LATER", 0.0)
    person = Person()
    body = table(sale(phone=person.phone, booking=person.booking))
    file = http.post(IMPORTS, content=body, params={"dry_run": "true"}, headers={"content-type": "text/csv"}).json()[
        "import"
    ]
    until(lambda: http.get(f"{IMPORTS}/{file}").json()["state"] == "ended", "it is rehearsed")
    begun = http.post(ERASURES, json={"phone": person.phone}).json()
    assert begun["waits_for"] == [f"import {file}: its file is kept encrypted until it has ended"]
    http.delete(f"{IMPORTS}/{file}")
    until(lambda: report(http, begun)["state"] == "done", "it is done")


def test_nobody_is_named_in_what_is_kept_of_an_erasure(server, http, caplog):
    person = Person()
    found = erased(http, phone=person.phone, email=person.email)
    (change,) = [one for one in http.get("/v1/audit").json()["changes"] if one["action"] == "erased"]
    assert change["subject"] == found["erasure"]
    assert person.digits not in caplog.text
    assert hashed(person.digits) not in caplog.text
    is_problem(http.get(f"{ERASURES}/er_999999"), status=404, code="erasure_unknown")
    is_problem(http.post(ERASURES, json={}), status=422)
    is_problem(http.post(ERASURES, json={"phone": "12"}), status=422)
    assert len(http.get(ERASURES).json()["erasures"]) == 1


def test_what_was_said_about_consent_is_gone_as_well(server, http):
    person = Person()
    http.put("/v1/consents", json={"phone": person.phone, "state": "denied", "purpose": "newsletter"})
    assert erased(http, phone=person.phone)["removed"]["consent_decisions"] == 1
    shown = http.post("/v1/consents/show", json={"phone": person.phone}).json()["purposes"]
    assert shown == [{"purpose": "ads", "state": "erased", "sent_to_meta": False, "said": []}]
    assert http.get("/v1/consents").json()["decisions"] == []


def test_only_an_admins_key_may_forget(settings, tmp_path):
    given = settings(database_url=f"sqlite:///{tmp_path}/k.db", api_key="an-admins-own-key-for-the-tests")
    with running(given) as server, server.client() as http:
        admin = {"authorization": "Bearer an-admins-own-key-for-the-tests"}
        for scope in ("send", "read"):
            key = http.post("/v1/keys", json={"name": scope, "scope": scope}, headers=admin).json()["key"]
            headers = {"authorization": f"Bearer {key}"}
            is_problem(http.post(ERASURES, json={"phone": "+6281234567890"}, headers=headers), status=403)
            is_problem(http.get(ERASURES, headers=headers), status=403)
        assert http.get(ERASURES, headers=admin).json() == {"erasures": []}


def hidden(lid, **beside):
    """A bridge's call with a message from a hidden address."""
    key = {"remoteJid": lid, "fromMe": False, "id": f"3EB2{unused():012d}", **beside}
    said = {"key": key, "message": {"conversation": "Halo"}, "messageTimestamp": now() - 30}
    return {"event": "messages.upsert", "sender": f"{samples.LINE}@s.whatsapp.net", "data": said}


@pytest.mark.parametrize("by", ["the phone", "the hidden address"])
def test_a_hidden_address_is_refused_once_its_owner_is_forgotten(server, http, by):
    person, lid = Person(), f"{10**14 + unused()}@lid"
    beside = {"senderPn": f"{person.digits}@s.whatsapp.net"} if by == "the phone" else {}
    assert baileys(http, hidden(lid, **beside)).json()["received"] == 1
    others = f"{10**14 + unused()}@lid"
    assert baileys(http, hidden(others)).json()["received"] == 1
    named = {"phone": person.phone} if by == "the phone" else {"whatsapp_user_id": lid.upper()}
    report = erased(http, **named)
    assert {name: report[name] for name in DONE} == DONE
    assert report["removed"]["conversations"] == 1
    assert baileys(http, hidden(lid)).json()["received"] == 0
    assert baileys(http, hidden(others)).json()["received"] == 1
    assert len(listed(http)) == 1
    assert http.post(f"{ERASURES}/lift", json=named).json()["lifted"] >= 1
    assert baileys(http, hidden(lid)).json()["received"] == 1


def turn(conversation, **given):
    used = {"toolsUsed": ["getAvailableSlots"], "toolResults": [{"slots": ["10:00"]}]}
    said = {"conversation": conversation, "turnId": f"turn-{unused()}", "reply": "Ada jam 10 ya kak."}
    return {**said, "metadata": used, **given}


def test_what_an_agent_does_in_the_chat_of_somebody_forgotten_is_not_kept(server, http):
    person, other = Person(), Person()
    for one, chat in ((person, "chat-7"), (person, "shared"), (other, "shared"), (other, "chat-8")):
        whatsapp(http, message(phone=one.phone))
        assert http.post(TURNS, json=turn(chat, customer={"phone": one.phone})).status_code == 202
    erased(http, phone=person.phone)
    secret = server.gateway.receiver._rules.secret
    told = [turn("chat-7"), turn(person.phone), turn(person.digits), turn("new", customer={"phone": person.phone})]
    for one in told:
        assert http.post(TURNS, json=one).status_code == 202
        call = {"tool": "getAvailableSlots", "outcome": "succeeded", "conversation": one["conversation"]}
        http.post("/v1/agent/records", json={"calls": [{**call, "customer": one.get("customer")}]}).raise_for_status()
    kept = kept_in(server.settings.database)
    names = [keyed("conversation", one["conversation"], secret) for one in told]
    assert [name in kept or name.hex().encode() in kept for name in names] == [False] * len(names)
    http.post(TURNS, json=turn("shared")).raise_for_status()
    http.post(TURNS, json=turn("chat-8")).raise_for_status()
    (chat,) = listed(http)
    answers = http.get(f"/v1/journeys/{chat['journey']}").json()["timeline"]
    assert sum(one["kind"] == "tool_call" for one in answers) == 4


def test_a_chats_name_that_a_bot_uses_again_for_somebody_else_is_taken(server, http):
    person, other = Person(), Person()
    for one in (person, other):
        whatsapp(http, message(phone=one.phone))
    assert http.post(TURNS, json=turn("chat-main", customer={"phone": person.phone})).status_code == 202
    erased(http, phone=person.phone)
    http.post(TURNS, json=turn("chat-main", customer={"phone": other.phone})).raise_for_status()
    (chat,) = listed(http)
    answers = http.get(f"/v1/journeys/{chat['journey']}").json()["timeline"]
    assert sum(one["kind"] == "tool_call" for one in answers) == 1


def test_an_event_that_only_the_click_of_somebody_forgotten_tells_of_is_refused(server, http):
    person, click_id = Person(), f"Aff-forgotten-{unused()}"
    whatsapp(http, message(phone=person.phone, click_id=click_id))
    erased(http, phone=person.phone)
    by_click = lead(customer={"whatsapp_business_account_id": WABA}, click={"ctwa_clid": click_id}, channel="whatsapp")
    said = is_problem(http.post(EVENTS, json=by_click), status=422)
    assert [one["code"] for one in said["errors"]] == ["customer_erased"]
    named = http.post(EVENTS, json={**by_click, "customer": {"phone": phone_of(unused())}})
    assert named.status_code == 202  # a link may be handed on: who is named says more
