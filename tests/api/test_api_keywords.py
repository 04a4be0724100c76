"""STOP in a chat: nothing more of this customer goes to Meta, on each platform and in any order."""

import pytest
from api_chats import SECRETS, baileys, message, messenger, now, phone_of, twilio, unused, whatsapp
from api_harness import EVENTS, PIXEL, TOKEN, FakeMeta, lead, running

from konversi.settings import load

LINE = "whatsapp:+6281100000001"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keywords")
    given = load(pixel_id=PIXEL, token=TOKEN, data_dir=folder, database_url=f"sqlite:///{folder}/k.db", **SECRETS)
    with running(given, meta=FakeMeta()) as one:
        yield one


@pytest.fixture
def http(server):
    with server.client() as client:
        yield client


def state_of(http, **customer):
    receipt = http.post(EVENTS, json=lead(customer=customer)).json()["receipt"]
    found = http.get(f"{EVENTS}/{receipt}").json()
    return found["state"] if found["state"] == "withheld" else "sent"


def said(http, **customer):
    (ads,) = http.post("/v1/consents/show", json=customer).json()["purposes"]
    return ads


def on_cloud(http, phone, text, at):
    return whatsapp(http, message("organic", phone=phone, text=text, at=at))


def on_twilio(http, phone, text, _at):
    form = {"MessageSid": f"SM{unused():030d}", "From": f"whatsapp:{phone}", "To": LINE, "Body": text}
    return twilio(http, form)


def on_baileys(http, phone, text, at):
    key = {"remoteJid": f"{phone[1:]}@s.whatsapp.net", "fromMe": False, "id": f"3EB0{unused():08d}"}
    data = {"key": key, "message": {"conversation": text}, "messageTimestamp": at}
    return baileys(http, {"event": "messages.upsert", "data": data})


@pytest.mark.parametrize("tell", [on_cloud, on_twilio, on_baileys])
def test_stop_withdraws_and_start_grants_again(http, tell):
    phone = phone_of(unused())
    assert tell(http, phone, "Halo kak, stop berapa?", now() - 9).status_code == 200
    assert state_of(http, phone=phone) == "sent"
    assert tell(http, phone, "Stop", now() - 8).status_code == 200
    assert state_of(http, phone=phone) == "withheld"
    ads = said(http, phone=phone)
    assert (ads["state"], ads["said"][0]["source"]) == ("withdrawn", "chat")
    assert tell(http, phone, "START", now()).status_code == 200
    assert state_of(http, phone=phone) == "sent"


def test_stop_in_messenger_withholds_what_is_known_by_the_scoped_id(http):
    person = str(10**15 + unused())
    told = {"mid": f"m_{person}", "text": "berhenti"}
    event = {"sender": {"id": person}, "recipient": {"id": "9000"}, "timestamp": now() * 1000, "message": told}
    assert messenger(http, {"object": "page", "entry": [{"id": "9000", "messaging": [event]}]}).status_code == 200
    customer = {"page_scoped_user_id": person, "page_id": "9000", "email": f"{person}@example.test"}
    assert state_of(http, **customer) == "withheld"


def test_a_message_that_comes_late_does_not_override_a_newer_one(http):
    phone = phone_of(unused())
    on_cloud(http, phone, "START", now() - 10)
    on_cloud(http, phone, "STOP", now() - 600)
    assert state_of(http, phone=phone) == "sent"
    assert [one["state"] for one in said(http, phone=phone)["said"]] == ["granted", "withdrawn"]


def test_a_stop_that_is_told_again_is_not_a_newer_word_where_no_time_is_told(http):
    phone = phone_of(unused())
    form = {"MessageSid": f"SM{unused():030d}", "From": f"whatsapp:{phone}", "To": LINE, "Body": "STOP"}
    twilio(http, form)
    first = said(http, phone=phone)["said"]
    http.put("/v1/consents", json={"phone": phone, "state": "granted"})
    twilio(http, form)
    assert state_of(http, phone=phone) == "sent"
    assert said(http, phone=phone)["said"][-1:] == first


def test_stop_holds_for_the_phone_of_a_customer_who_shows_only_a_user_id(http):
    number, user = phone_of(unused()), f"ID.{unused()}"
    whatsapp(http, message("organic", phone=number, user_id=user))
    whatsapp(http, message("username", user_id=user, text="STOP"))
    assert state_of(http, phone=number) == "withheld"
