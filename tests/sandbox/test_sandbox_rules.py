"""Each of Meta's rules: the exact status, code and subcode."""

import pytest
from sandbox_events import DAY, NOW, PHONE, lead, purchase, whatsapp

from konversi.sandbox import Sandbox

USER = {"ph": [PHONE]}
BOOK = {"id": "SKU-1", "quantity": 1}
APP = {
    "advertiser_tracking_enabled": 1,
    "application_tracking_enabled": 0,
    "extinfo": ["a2", "", "", "", "14", *[""] * 11],
}
MESSENGER = {"page_id": "1906385232743451", "page_scoped_user_id": "24"}
INSTAGRAM = {"ig_account_id": "17841400000000000", "ig_sid": "55"}


def bm(channel, user, **changes):
    return lead(
        event_name="Purchase",
        action_source="business_messaging",
        messaging_channel=channel,
        user_data=user,
        custom_data={"value": 1, "currency": "IDR"},
        **changes,
    )


REFUSED = {
    "no name": (lead(event_name=None), None),
    "a blank name": (lead(event_name=" "), None),
    "no time": (lead(event_time=None), None),
    "no source": (lead(action_source=None), None),
    "no customer": (lead(user_data=None), None),
    "a customer that is no object": (lead(user_data=["ph"]), None),
    "custom data that is no object": (lead(custom_data="value"), None),
    "an unknown source": (lead(action_source="whatsapp"), None),
    "a test code inside the event": (lead(test_event_code="TEST1"), None),
    "an address that is no web address": (lead(event_source_url="javascript:alert(1)"), None),
    "a time as text": (lead(event_time=str(NOW)), 2804003),
    "a time with a fraction": (lead(event_time=NOW + 0.5), 2804003),
    "a time that is a truth value": (lead(event_time=True), 2804003),
    "a time in milliseconds": (lead(event_time=NOW * 1000), 2804003),
    "a time in the future": (lead(event_time=NOW + 600), 2804003),
    "a time over seven days ago": (lead(event_time=NOW - 7 * DAY - 60), 2804003),
    "a time over 62 days ago in a store": (
        lead(action_source="physical_store", event_time=NOW - 62 * DAY - 60),
        2804003,
    ),
    "a phone in the clear": (lead(user_data={"ph": "6281234567890"}), 2804016),
    "one of two e-mails in the clear": (lead(user_data={"em": [PHONE, "budi@example.com"]}), 2804016),
    "a hash in upper case": (lead(user_data={"ph": PHONE.upper()}), 2804016),
    "a hash of another length": (lead(user_data={"ph": PHONE[:32]}), 2804016),
    "an empty phone": (lead(user_data={"ph": "", "em": PHONE}), 2804016),
    "a city in the clear": (lead(user_data={**USER, "ct": ["jakarta"]}), 2804016),
    "nobody": (lead(user_data={}), 2804050),
    "only keys without a value": (lead(user_data={"external_id": None, "ph": []}), 2804050),
    "only a place and a browser": (
        lead(user_data={"ct": PHONE, "country": PHONE, "client_user_agent": "Mozilla/5.0"}),
        2804050,
    ),
    "only a birthday and a browser": (lead(user_data={"db": PHONE, "client_user_agent": "Mozilla/5.0"}), 2804050),
    "only a first name and a gender": (lead(user_data={"fn": PHONE, "ge": PHONE}), 2804050),
    "only a last name": (lead(user_data={"ln": PHONE}), 2804050),
    "a click id of three parts": (lead(user_data={**USER, "fbc": "fb.1.1554763741205"}), 2804001),
    "a click id in seconds": (lead(user_data={**USER, "fbc": "fb.1.1554763741.AbC"}), 2804001),
    "a lead id of our own": (lead(user_data={**USER, "lead_id": "CRM-17"}), 2804036),
    "a lead id that is too short": (lead(user_data={**USER, "lead_id": 12345}), 2804036),
    "an address that is no address": (lead(user_data={**USER, "client_ip_address": "unknown"}), None),
    "a purchase without data": (lead(event_name="Purchase"), 2804009),
    "a purchase without a value": (purchase(value=None), 2804009),
    "a purchase without a currency": (purchase(currency=None), 2804009),
    "a purchase for words": (purchase(value="Rp 150.000"), 2804009),
    "a value that is no number": (lead(custom_data={"value": "much", "currency": "IDR"}), None),
    "a currency that is none": (purchase(currency="RUPIAH"), None),
    "a currency nobody has": (purchase(currency="XYZ"), None),
    "contents without an id": (purchase(contents=[{"quantity": 1}]), None),
    "limited data use without a state": (
        lead(data_processing_options=["LDU"], data_processing_options_country=1),
        None,
    ),
    "an app event without its app": (lead(action_source="app"), None),
    "an app event with a short extinfo": (lead(action_source="app", app_data={**APP, "extinfo": ["a2"]}), None),
    "a Lead in a chat that an ad opened": (whatsapp(event_name="Lead"), 2804066),
    "a custom name in such a chat": (whatsapp(event_name="Survey"), 2804066),
    "such a chat without its channel": (whatsapp(messaging_channel=None), None),
    "such a chat on another channel": (whatsapp(messaging_channel="telegram"), None),
    "WhatsApp without any account": (whatsapp(user_data={"whatsapp_business_account_id": None}), 2804116),
    "WhatsApp with a Page only": (
        whatsapp(user_data={"whatsapp_business_account_id": None, "page_id": "1906385232743451"}),
        2804131,
    ),
    "WhatsApp with an account that is none": (whatsapp(user_data={"whatsapp_business_account_id": "mine"}), 2804132),
    "WhatsApp without a click": (whatsapp(user_data={"ctwa_clid": None}), None),
    "Messenger without a person": (bm("messenger", {"page_id": "1906385232743451"}), None),
    "Instagram without an account": (bm("instagram", {"ig_sid": "55"}), None),
    "Instagram without a person": (bm("instagram", {"ig_account_id": "17841400000000000"}), None),
}

TAKEN = {
    "a plain lead": lead(),
    "a custom name": lead(event_name="Repaint booked"),
    "no event id": lead(event_id=None),
    "a time within the minute to come": lead(event_time=NOW + 30),
    "a time nearly seven days ago": lead(event_time=NOW - 7 * DAY + 600),
    "a time nearly 62 days ago in a store": lead(action_source="physical_store", event_time=NOW - 62 * DAY + 600),
    "a phone that is no list": lead(user_data={"ph": PHONE}),
    "a hash with an appendix": lead(user_data={"ph": f"{PHONE}.AQQCAQIB"}),
    "an own id in the clear": lead(user_data={"external_id": "customer-17"}),
    "both names": lead(user_data={"fn": PHONE, "ln": PHONE}),
    "a click id": lead(user_data={"fbc": "fb.1.1554763741205.AbC-dEf_9"}),
    "a click id with an appendix": lead(user_data={"fbc": "fb.1.1554763741205.AbC-dEf_9.AQQCAQIB"}),
    "a lead of Meta": lead(action_source="system_generated", user_data={"lead_id": 1234567890123456}),
    "an amount as text": purchase(value="142.52"),
    "an amount of nothing": purchase(value=0),
    "a currency in lower case": purchase(currency="idr"),
    "contents": purchase(contents=[BOOK]),
    "limited data use": lead(
        data_processing_options=["LDU"], data_processing_options_country=0, data_processing_options_state=0
    ),
    "no limit to data use": lead(data_processing_options=[]),
    "an app event": lead(action_source="app", app_data=APP),
    "a website without a browser": lead(action_source="website", event_source_url="https://example.com/book"),
    "WhatsApp": whatsapp(),
    "WhatsApp with a phone": whatsapp(user_data={"ph": [PHONE]}),
    "Messenger": bm("messenger", MESSENGER),
    "Instagram": bm("instagram", INSTAGRAM),
    "Instagram by its other key": bm(
        "instagram", {"instagram_business_account_id": "17841400000000000", "ig_sid": "5"}
    ),
}


@pytest.fixture(scope="module")
def _running():
    """A local Meta whose clock stands still: the tables above tell times to the minute, and are read long before."""
    with Sandbox(now=lambda: NOW) as sandbox:
        yield sandbox


@pytest.mark.parametrize(("event", "subcode"), REFUSED.values(), ids=REFUSED)
def test_meta_refuses(send, meta, event, subcode):
    answer = send(event)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (400, 100, subcode)
    assert error["type"] == "OAuthException"
    assert error["is_transient"] is False
    assert error["fbtrace_id"]
    assert meta.counts() == {"events": 0, "requests": 0, "distinct": 0}


@pytest.mark.parametrize("event", TAKEN.values(), ids=TAKEN)
def test_meta_takes(send, meta, event):
    answer = send(event)
    assert answer.json().get("error") is None
    assert answer.status_code == 200
    assert answer.json()["events_received"] == 1
    assert [entry["event"] for entry in meta.events()] == [event]


def test_one_bad_event_refuses_the_whole_batch(send, meta):
    answer = send(lead(event_id="1"), lead(event_id="2", event_time=NOW - 8 * DAY), lead(event_id="3"))
    assert answer.status_code == 400
    assert answer.json()["error"]["error_subcode"] == 2804003
    assert meta.events() == []


@pytest.mark.parametrize("name", ["Purchase", "QualifiedLead", "OrderCanceled", "ReviewProvided"])
def test_a_chat_that_an_ad_opened_knows_these_names(send, name):
    assert send(whatsapp(event_name=name, custom_data={"value": 1, "currency": "IDR"})).status_code == 200


def test_a_refusal_speaks_the_language_that_is_asked_for(send):
    english = send(lead(user_data={})).json()["error"]
    indonesian = send(lead(user_data={}), headers={"accept-language": "id"}).json()["error"]
    assert english["error_user_title"] == "Not Enough Customer Information"
    assert indonesian["error_user_title"] == "Informasi Pelanggan Tidak Cukup"
    assert english["error_subcode"] == indonesian["error_subcode"]
    assert (
        send(lead(user_data={}), body={"locale": "id_ID"}).json()["error"]["error_user_title"].startswith("Informasi")
    )


def test_a_refusal_never_repeats_what_it_refuses(send):
    answer = send(lead(user_data={"ph": "6281234567890", "em": "budi@example.com"}))
    assert "6281234567890" not in answer.text
    assert not any("6281234567890" in value or "budi" in value for value in answer.headers.values())
