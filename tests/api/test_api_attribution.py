"""From the click on an ad, through the chat, to the event at the sandbox, which judges by its own reading of the rules."""

from __future__ import annotations

import time

import pytest
from api_chats import (
    JOURNEYS,
    SECRETS,
    WABA,
    baileys,
    delivering,
    kept_bytes,
    kinds,
    listed,
    message,
    message_in,
    messenger,
    now,
    phone_of,
    twilio,
    unused,
    whatsapp,
)
from api_harness import EVENTS, is_problem

from konversi.cli.app import run as command
from konversi.intake.whatsapp import samples
from konversi.sandbox import Sandbox
from konversi.settings import load

TOKEN = "EAA-a-token-for-the-sandbox"
WEBSITE = "5555555555"  # a website's pixel: no account is linked to it
OTHER_WABA, PAGE, INSTAGRAM = "102290129340777", "1906385232743451", "17841400000000000"
THIRD_WABA, BY_HAND = "102290129340888", "1000000003"  # has its dataset, and is linked to it by its id
DAY = 86_400


@pytest.fixture(scope="module")
def running_meta():
    declared = [
        WEBSITE,
        f"{BY_HAND}:waba={THIRD_WABA}",
        f"waba={WABA}",
        f"waba={OTHER_WABA}",
        f"page={PAGE}",
        f"instagram={INSTAGRAM}",
    ]
    with Sandbox(datasets=declared) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_meta):
    running_meta.clear()
    return running_meta


@pytest.fixture
def settings_of(sandbox, tmp_path):
    def make(**changed):
        given = {"graph_url": sandbox.graph_url, "pixel_id": WEBSITE, "token": TOKEN, "data_dir": tmp_path, **SECRETS}
        return load(**{**given, **changed})

    return make


class Studio:
    """A gateway as a shop has it, and what its doors and Meta say."""

    def __init__(self, server, http, sandbox):
        self.server, self.http, self.sandbox = server, http, sandbox

    def link(self, account, channel="whatsapp", **more):
        answer = self.http.post(f"/v1/accounts/{account}/dataset", json={"channel": channel, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def report(self, event="Lead", **conversion):
        """The receipt of a conversion."""
        answer = self.http.post(EVENTS, json={"event": event, "value": 150_000, **conversion})
        assert answer.status_code == 202, answer.text
        return answer.json()

    def told(self, event="Lead", **conversion):
        """A conversion's notes by code, what Meta got of it, and in which dataset."""
        said = self.report(event, **conversion)
        shown = self.server.ended(said["receipt"])
        assert shown["state"] == "delivered", shown
        found = [
            one
            for one in self.sandbox.events(event_id=said["event_id"])
            if one["event"]["event_id"] == said["event_id"]
        ]
        assert len(found) == 1
        notes = {note["code"]: note["text"] for note in said.get("notes", ())}
        return notes, found[0]["event"], found[0]["dataset"]

    def journey(self, number=0):
        one = self.http.get(JOURNEYS).json()["journeys"][number]
        return self.http.get(f"{JOURNEYS}/{one['journey']}").json()


@pytest.fixture
def shop(settings_of, sandbox):
    """Without any account linked."""
    with delivering(settings_of()) as server, server.client() as http:
        yield Studio(server, http, sandbox)


@pytest.fixture
def studio(shop):
    """With its WhatsApp account's own dataset."""
    shop.dataset = shop.link(WABA)
    return shop


def national(phone):
    """`+62812...` as people write it."""
    return f"0{phone[3:6]}-{phone[6:10]}-{phone[10:]}"


def is_tied(event, click_id, account=WABA):
    assert event["action_source"] == "business_messaging"
    assert event["messaging_channel"] == "whatsapp"
    assert event["user_data"]["ctwa_clid"] == click_id
    assert event["user_data"]["whatsapp_business_account_id"] == account


def is_chat(event, name="Lead"):
    assert (event["event_name"], event["action_source"]) == (name, "chat")
    assert not {"ctwa_clid", "whatsapp_business_account_id", "page_id"} & set(event["user_data"])
    assert "messaging_channel" not in event


def click_of(call):
    return message_in(call)["referral"]["ctwa_clid"]


# From the click to the booking.


def test_a_booking_by_phone_in_national_spelling_is_tied_to_the_click(studio):
    phone = phone_of(unused())
    call = message(phone=phone)
    whatsapp(studio.http, call)
    notes, event, dataset = studio.told(customer={"phone": national(phone), "name": "Budi"}, booking_id="BK-1")
    is_tied(event, click_of(call))
    assert (event["event_name"], event["event_id"], dataset) == ("LeadSubmitted", "Lead:BK-1", studio.dataset)
    assert event["custom_data"]["value"] == 150_000
    assert not {"client_ip_address", "client_user_agent", "fbc", "fbp"} & set(event["user_data"])
    assert event["user_data"]["ph"]
    assert message_in(call)["referral"]["source_id"] in notes["click_known"]
    assert "1 minute" in notes["click_known"]
    assert notes.keys() == {"click_known", "renamed"}


def test_a_customer_without_a_phone_is_tied_by_the_user_id(studio):
    call = message("username", user_id="ID.13491208655302741918")
    whatsapp(studio.http, call)
    _, event, dataset = studio.told(customer={"whatsapp_user_id": "ID.13491208655302741918"})
    is_tied(event, click_of(call))
    assert dataset == studio.dataset
    assert "ph" not in event["user_data"]


def test_a_phone_that_is_told_later_leads_back_to_the_click(studio):
    user_id, phone = "ID.900080007000", phone_of(unused())
    call = message("username", user_id=user_id, at=now() - 600)
    whatsapp(studio.http, call)
    whatsapp(studio.http, message("organic", user_id=user_id, phone=phone))
    _, event, _ = studio.told(customer={"phone": national(phone)})
    is_tied(event, click_of(call))


@pytest.mark.parametrize("kind", ["organic", "ad-click"])
def test_an_unlinked_accounts_booking_goes_to_the_default_dataset_and_says_how_to_link(shop, kind):
    """The website's dataset knows no account, and Meta would refuse the click there."""
    phone = phone_of(unused())
    whatsapp(shop.http, message(kind, phone=phone))
    said = shop.report(customer={"phone": phone})
    shown = shop.server.ended(said["receipt"])
    if kind == "organic":
        assert shown["state"] == "delivered"
    else:
        assert shown["attempts"][0]["subcode"] == 2804132  # the shop's pixel is not its account's dataset
        assert shown["state"] == "waiting"  # nothing is lost: linking mends it
    assert shown["dataset"] == "default"


def test_an_unknown_customer_is_told_as_chat(studio):
    whatsapp(studio.http, message())
    notes, event, dataset = studio.told(customer={"phone": phone_of(unused())})
    is_chat(event)
    assert dataset == WEBSITE
    assert notes == {}


def test_a_chat_that_no_ad_opened_is_told_as_chat_with_a_note(studio):
    phone = phone_of(unused())
    whatsapp(studio.http, message("organic", phone=phone))
    notes, event, dataset = studio.told(customer={"phone": phone})
    is_chat(event)
    assert dataset == studio.dataset
    assert "No ad click is known" in notes["no_ad_click"]


def test_a_click_that_is_too_old_is_told_as_chat_with_a_note(studio):
    phone = phone_of(unused())
    whatsapp(studio.http, message(phone=phone, at=now() - 8 * DAY))
    whatsapp(studio.http, message("organic", phone=phone))
    notes, event, _ = studio.told(customer={"phone": phone})
    is_chat(event)
    assert "8 days before" in notes["click_too_old"]
    assert "7 days" in notes["click_too_old"]
    assert "click_known" not in notes


def test_a_click_counts_to_the_end_of_its_last_day(studio):
    phone = phone_of(unused())
    call = message(phone=phone, at=now() - 7 * DAY + 60)
    whatsapp(studio.http, call)
    _, event, _ = studio.told(customer={"phone": phone})
    is_tied(event, click_of(call))


def test_the_days_are_a_setting(settings_of, sandbox):
    phone = phone_of(unused())
    with delivering(settings_of(attribution_days=1)) as server, server.client() as http:
        studio = Studio(server, http, sandbox)
        studio.link(WABA)
        whatsapp(http, message(phone=phone, at=now() - 2 * DAY))
        notes, event, _ = studio.told(customer={"phone": phone})
    is_chat(event)
    assert "1 day" in notes["click_too_old"]
    assert "1 days" not in notes["click_too_old"]


def test_what_counts_is_when_it_was_booked_and_not_when_it_was_reported(studio):
    phone = phone_of(unused())
    call = message(phone=phone, at=now() - 9 * DAY)
    whatsapp(studio.http, call)
    _, event, _ = studio.told(customer={"phone": phone}, occurred_at=now() - 3 * DAY)
    is_tied(event, click_of(call))


def test_a_click_after_the_booking_is_not_its_cause(studio):
    phone = phone_of(unused())
    whatsapp(studio.http, message(phone=phone, at=now() - 60))
    notes, event, _ = studio.told(customer={"phone": phone}, occurred_at=now() - 2 * 3_600)
    is_chat(event)
    assert "click_known" not in notes


def test_an_ad_in_status_has_no_click_id_and_is_told_as_chat_with_a_note(studio):
    phone = phone_of(unused())
    call = message("status-ad", phone=phone)
    whatsapp(studio.http, call)
    notes, event, _ = studio.told(customer={"phone": phone})
    is_chat(event)
    assert "Status" in notes["ad_without_click_id"]
    assert message_in(call)["referral"]["source_id"] in notes["click_known"]
    assert studio.journey()["ad_id"] == message_in(call)["referral"]["source_id"]


def test_a_click_in_a_later_message_counts(studio):
    phone = phone_of(unused())
    whatsapp(studio.http, message("organic", phone=phone, at=now() - 3_600))
    call = message(phone=phone)
    whatsapp(studio.http, call)
    _, event, _ = studio.told(customer={"phone": phone})
    is_tied(event, click_of(call))
    assert studio.journey()["messages"] == 2


def test_messages_without_a_click_take_none_away(studio):
    phone = phone_of(unused())
    call = message(phone=phone, at=now() - 3_600)
    whatsapp(studio.http, call)
    for minutes in (50, 40, 30):
        whatsapp(studio.http, message("organic", phone=phone, at=now() - 60 * minutes))
    _, event, _ = studio.told(customer={"phone": phone})
    is_tied(event, click_of(call))


@pytest.mark.parametrize(("model", "winner"), [("last", 1), ("first", 0)])
@pytest.mark.parametrize("reordered", [False, True])
def test_of_several_clicks_the_last_counts_or_the_first_on_request(settings_of, sandbox, model, winner, reordered):
    phone = phone_of(unused())
    calls = [message(phone=phone, at=now() - DAY), message(phone=phone, at=now() - 3_600)]
    with delivering(settings_of(attribution_model=model)) as server, server.client() as http:
        studio = Studio(server, http, sandbox)
        studio.link(WABA)
        for call in reversed(calls) if reordered else calls:
            whatsapp(http, call)
        whatsapp(http, message(phone=phone, at=now() - 20 * DAY))
        _, event, _ = studio.told(customer={"phone": phone})
    is_tied(event, click_of(calls[winner]))


def test_a_purchase_after_the_lead_is_tied_to_the_same_click(studio):
    phone = phone_of(unused())
    call = message(phone=phone)
    whatsapp(studio.http, call)
    for name, heard in (("InitiateCheckout",) * 2, ("Lead", "LeadSubmitted"), ("Purchase",) * 2):
        _, event, dataset = studio.told(name, customer={"phone": phone}, booking_id="BK-7")
        is_tied(event, click_of(call))
        assert (event["event_name"], event["event_id"]) == (heard, f"{name}:BK-7")
        assert dataset == studio.dataset
    assert studio.journey()["stage"] == "payment"


def test_what_chats_of_ads_do_not_know_is_told_as_chat_with_a_note(studio):
    phone = phone_of(unused())
    whatsapp(studio.http, message(phone=phone))
    notes, event, _ = studio.told("Subscribe", customer={"phone": phone})
    is_chat(event, "Subscribe")
    assert "Subscribe" in notes["not_a_messaging_event"]


def test_a_conversion_on_the_website_stays_the_websites_and_joins_the_journey(studio):
    phone = phone_of(unused())
    whatsapp(studio.http, message(phone=phone))
    client = {"page_url": "https://studio.example/book", "user_agent": "Mozilla/5.0", "ip": "203.0.113.9"}
    _, event, dataset = studio.told("Purchase", customer={"phone": phone}, client=client, booking_id="BK-9")
    assert (event["action_source"], dataset) == ("website", WEBSITE)
    assert "ctwa_clid" not in event["user_data"]
    assert event["event_source_url"] == "https://studio.example/book"
    (shown,) = [one for one in studio.journey()["timeline"] if one["kind"] == "event"]
    assert shown["event"] == "Purchase"
    assert "conversion" not in shown


@pytest.mark.parametrize(
    ("channel", "source"), [("store", "physical_store"), ("crm", "system_generated"), ("phone", "phone_call")]
)
def test_a_conversion_that_says_where_else_it_was_is_believed(studio, channel, source):
    phone = phone_of(unused())
    whatsapp(studio.http, message(phone=phone))
    _, event, dataset = studio.told("Purchase", customer={"phone": phone}, channel=channel)
    assert (event["action_source"], dataset) == (source, WEBSITE)
    assert "ctwa_clid" not in event["user_data"]


# Several numbers and accounts.


def test_each_account_has_its_dataset_and_its_numbers_share_it(studio):
    other = studio.link(OTHER_WABA)
    assert other != studio.dataset
    for account, line, dataset in (
        (WABA, "106540352242922", studio.dataset),
        (WABA, "106540352242923", studio.dataset),
        (OTHER_WABA, "206540352242922", other),
    ):
        phone = phone_of(unused())
        call = message(phone=phone, account=account, line=line)
        whatsapp(studio.http, call)
        _, event, sent_to = studio.told(customer={"phone": phone})
        is_tied(event, click_of(call), account)
        assert sent_to == dataset


def test_an_account_can_be_linked_to_a_dataset_by_its_id(studio):
    phone = phone_of(unused())
    call = message(phone=phone, account=THIRD_WABA)
    whatsapp(studio.http, call)
    added = {"id": BY_HAND, "token": "EAA-another-token"}
    assert studio.http.post("/v1/datasets", json=added).status_code == 200
    assert studio.http.post(f"/v1/datasets/{BY_HAND}/accounts", json={"account": THIRD_WABA}).status_code == 200
    _, event, dataset = studio.told(customer={"phone": phone})
    is_tied(event, click_of(call), THIRD_WABA)
    assert dataset == BY_HAND


def test_a_customer_of_two_accounts_is_credited_to_the_last_click_unless_the_dataset_is_named(studio):
    other = studio.link(OTHER_WABA)
    phone = phone_of(unused())
    calls = [message(phone=phone, at=now() - 3_600), message(phone=phone, account=OTHER_WABA)]
    for call in calls:
        whatsapp(studio.http, call)
    _, event, dataset = studio.told(customer={"phone": phone})
    is_tied(event, click_of(calls[1]), OTHER_WABA)
    assert dataset == other
    _, event, dataset = studio.told(customer={"phone": phone}, dataset=studio.dataset)
    is_tied(event, click_of(calls[0]))
    assert dataset == studio.dataset


def test_a_conversion_that_names_its_account_is_tied_to_that_accounts_click(studio):
    other = studio.link(OTHER_WABA)
    phone = phone_of(unused())
    calls = [message(phone=phone, at=now() - 3_600), message(phone=phone, account=OTHER_WABA)]
    for call in calls:
        whatsapp(studio.http, call)
    for call, account, dataset in ((calls[0], WABA, studio.dataset), (calls[1], OTHER_WABA, other)):
        customer = {"phone": phone, "whatsapp_business_account_id": account}
        _, event, sent_to = studio.told(customer=customer)
        is_tied(event, click_of(call), account)
        assert sent_to == dataset


def test_a_conversion_that_names_a_known_click_id_is_tied_to_it(studio):
    phone = phone_of(unused())
    calls = [message(phone=phone, at=now() - 3_600), message(phone=phone)]
    for call in calls:
        whatsapp(studio.http, call)
    _, event, dataset = studio.told(customer={"phone": phone}, click={"ctwa_clid": click_of(calls[0])})
    is_tied(event, click_of(calls[0]))
    assert dataset == studio.dataset
    _, event, dataset = studio.told(click={"ctwa_clid": click_of(calls[0])})
    is_tied(event, click_of(calls[0]))
    assert dataset == studio.dataset
    assert event["user_data"]["ph"]


def test_a_conversion_that_names_an_unknown_click_id_keeps_it_and_is_credited_to_no_other(studio):
    phone = phone_of(unused())
    whatsapp(studio.http, message(phone=phone))
    notes, event, dataset = studio.told(customer={"phone": phone}, click={"ctwa_clid": "Aff-not-known-here"})
    is_tied(event, "Aff-not-known-here")
    assert dataset == studio.dataset
    assert "click_known" not in notes


TWILIO_LINE = "+6281100000001"


def twilio_form(phone, **changed):
    number = unused()
    return {
        "From": f"whatsapp:{phone}",
        "To": f"whatsapp:{TWILIO_LINE}",
        "MessageSid": f"SM{number:032d}",
        "Body": "Halo",
        "ReferralCtwaClid": f"ARA-{number}",
        "ReferralSourceId": f"1202{number:014d}",
        **changed,
    }


@pytest.mark.parametrize("linked_first", [True, False])
def test_a_number_at_twilio_is_tied_through_the_account_it_was_linked_to(shop, linked_first):
    phone = phone_of(unused())
    form = twilio_form(phone)
    if linked_first:
        dataset = shop.link(WABA, lines=[TWILIO_LINE])
        twilio(shop.http, form)
    else:
        twilio(shop.http, form)
        dataset = shop.link(WABA, lines=[TWILIO_LINE])
    _, event, sent_to = shop.told(customer={"phone": phone})
    is_tied(event, form["ReferralCtwaClid"])
    assert sent_to == dataset


def test_a_number_whose_account_nobody_told_is_told_as_chat_and_the_note_says_what_to_do(shop):
    phone = phone_of(unused())
    twilio(shop.http, twilio_form(phone))
    notes, event, _ = shop.told(customer={"phone": phone})
    is_chat(event)
    assert "whatsapp_business_account_id" in notes["messaging_key_missing"]
    assert "konversi datasets link-waba" in notes["account_unknown"]


def test_a_bridges_click_is_tied_through_the_account_of_its_number(shop):
    dataset = shop.link(WABA, lines=[TWILIO_LINE])
    phone = phone_of(unused())
    reply = {"sourceType": "ad", "sourceId": "120299", "ctwaClid": f"Affc-{unused()}"}
    data = {
        "key": {"remoteJid": f"{phone[1:]}@s.whatsapp.net", "fromMe": False, "id": f"3EB0{unused():012d}"},
        "message": {"extendedTextMessage": {"text": "Halo", "contextInfo": {"externalAdReply": reply}}},
        "messageTimestamp": now() - 30,
    }
    call = {"event": "messages.upsert", "sender": f"{TWILIO_LINE[1:]}@s.whatsapp.net", "data": data}
    assert baileys(shop.http, call).json()["received"] == 1
    _, event, sent_to = shop.told(customer={"phone": phone})
    is_tied(event, reply["ctwaClid"])
    assert sent_to == dataset


def bridged(chat, *, beside=None, click_id=None):
    """A bridge's call, from a phone's or a hidden address, with the other one beside it."""
    context = {"externalAdReply": {"sourceType": "ad", "sourceId": "120298", "ctwaClid": click_id}} if click_id else {}
    data = {
        "key": {
            "remoteJid": chat,
            "senderPn": beside,
            "senderLid": beside,
            "fromMe": False,
            "id": f"3EB1{unused():012d}",
        },
        "message": {"extendedTextMessage": {"text": "Halo", "contextInfo": context}},
        "messageTimestamp": now() - 30,
    }
    return {"event": "messages.upsert", "sender": f"{TWILIO_LINE[1:]}@s.whatsapp.net", "data": data}


def test_a_hidden_address_that_was_once_seen_beside_the_phone_leads_to_it(shop):
    shop.link(WABA, lines=[TWILIO_LINE])
    phone, lid = phone_of(unused()), f"{10**14 + unused()}@lid"
    own = f"{phone[1:]}@s.whatsapp.net"
    for call in (bridged(own), bridged(own, beside=lid), bridged(lid, click_id="Affc-hidden")):
        assert baileys(shop.http, call).json()["received"] == 1
    _, event, _ = shop.told(customer={"phone": phone})
    is_tied(event, "Affc-hidden")
    assert len(listed(shop.http)) == 1


# Messenger and Instagram.


@pytest.mark.parametrize(
    ("kind", "account", "keys"),
    [
        ("page", PAGE, ("page_id", "page_scoped_user_id")),
        ("instagram", INSTAGRAM, ("ig_account_id", "ig_sid")),
    ],
)
def test_messenger_and_instagram_are_tied_by_the_customers_own_id(shop, kind, account, keys):
    channel = "messenger" if kind == "page" else "instagram"
    dataset = shop.link(account, channel=channel)
    person, ad = str(10**15 + unused()), f"1202{unused():014d}"
    referral = {"ad_id": ad, "source": "ADS", "type": "OPEN_THREAD"}
    event = {
        "sender": {"id": person},
        "recipient": {"id": account},
        "timestamp": (now() - 60) * 1_000,
        "referral": referral,
    }
    messenger(shop.http, {"object": kind, "entry": [{"id": account, "messaging": [event]}]})
    notes, sent, sent_to = shop.told(customer={keys[1]: person})
    assert (sent["event_name"], sent["messaging_channel"]) == ("LeadSubmitted", channel)
    assert [sent["user_data"][key] for key in keys] == [account, person]
    assert sent_to == dataset
    assert ad in notes["click_known"]


# Once, whatever came in between.


def test_the_same_booking_again_after_the_click_came_is_the_first_receipt(studio):
    phone = phone_of(unused())
    first = studio.report(customer={"phone": phone}, booking_id="BK-1")
    whatsapp(studio.http, message(phone=phone))
    again = studio.report(customer={"phone": phone}, booking_id="BK-1")
    assert (again["receipt"], again["repeat"]) == (first["receipt"], True)
    studio.server.ended(first["receipt"])
    assert len(studio.sandbox.events(event_id="Lead:BK-1")) == 1


def test_the_same_booking_again_after_the_account_was_linked_is_the_first_receipt(shop):
    phone = phone_of(unused())
    whatsapp(shop.http, message("organic", phone=phone))
    first = shop.report(customer={"phone": phone}, booking_id="BK-1")
    shop.link(WABA)
    again = shop.report(customer={"phone": phone}, booking_id="BK-1")
    assert (again["receipt"], again["repeat"]) == (first["receipt"], True)


def test_the_same_booking_again_after_another_accounts_click_is_the_first_receipt(studio):
    studio.link(OTHER_WABA)
    phone = phone_of(unused())
    whatsapp(studio.http, message(phone=phone, at=now() - 3_600))
    first = studio.report(customer={"phone": phone}, booking_id="BK-1")
    whatsapp(studio.http, message(phone=phone, account=OTHER_WABA))
    again = studio.report(customer={"phone": phone}, booking_id="BK-1")
    assert (again["receipt"], again["repeat"]) == (first["receipt"], True)


def test_other_contents_under_the_same_booking_are_still_a_conflict(studio):
    phone = phone_of(unused())
    studio.report(customer={"phone": phone}, booking_id="BK-1")
    whatsapp(studio.http, message(phone=phone))
    body = {"event": "Lead", "value": 2, "customer": {"phone": phone}, "booking_id": "BK-1"}
    is_problem(studio.http.post(EVENTS, json=body), status=409, code="event_id_conflict")


def test_what_meta_saw_by_itself_is_noted_and_never_sent_as_ours(studio):
    phone = phone_of(unused())
    call = message(phone=phone)
    whatsapp(studio.http, call)
    saw = {
        "id": message_in(call)["id"],
        "event_name": "LeadSubmitted",
        "timestamp": now(),
        "ctwa_clid": click_of(call),
        "custom_data": {"currency": "USD", "value": 25_000},
    }
    value = {"automatic_events": [saw, {**saw, "event_name": "Purchase"}]}
    whatsapp(studio.http, {"entry": [{"id": WABA, "changes": [{"field": "automatic_events", "value": value}]}]})
    notes, event, _ = studio.told(customer={"phone": phone})
    assert "automatic events" in notes["meta_saw_it_too"]
    assert event["custom_data"]["value"] == 150_000
    assert studio.sandbox.counts()["events"] == 1
    shown = [one["event"] for one in studio.journey()["timeline"] if one["kind"] == "automatic_event"]
    assert sorted(shown) == ["LeadSubmitted", "Purchase"]
    notes, _, _ = studio.told("InitiateCheckout", customer={"phone": phone})
    assert "meta_saw_it_too" not in notes


def test_a_thousand_conversions_in_one_call_are_each_tied_to_their_own_click(studio):
    phones = [phone_of(unused()) for _ in range(1_000)]
    calls = [message(phone=phone) for phone in phones]
    for start in range(0, 1_000, 100):
        whole = calls[start]
        value = whole["entry"][0]["changes"][0]["value"]
        for call in calls[start + 1 : start + 100]:
            inner = call["entry"][0]["changes"][0]["value"]
            value["messages"] = [*value["messages"], *inner["messages"]]
            value["contacts"] = [*value["contacts"], *inner["contacts"]]
        assert whatsapp(studio.http, whole).json()["received"] == 100
    events = [{"event": "Lead", "booking_id": f"B{n}", "customer": {"phone": phone}} for n, phone in enumerate(phones)]
    said = studio.http.post(EVENTS, json={"events": events}).json()
    assert (said["accepted"], said["refused"]) == (1_000, 0)
    studio.server.ended(said["events"][-1]["receipt"])
    _wait_for(lambda: studio.sandbox.counts()["distinct"] == 1_000)
    clicks = {
        one["event"]["event_id"]: one["event"]["user_data"]["ctwa_clid"]
        for one in studio.sandbox.events(dataset=studio.dataset, limit=2_000)
    }
    assert clicks == {f"Lead:B{n}": click_of_own(call) for n, call in enumerate(calls)}


def click_of_own(call):
    return call["entry"][0]["changes"][0]["value"]["messages"][0]["referral"]["ctwa_clid"]


def _wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# How a journey is shown.


def booked(studio, phone="+6281399887766"):
    """A journey with all that one can have, but payment."""
    call = message(phone=phone, at=now() - 3_600, name="Budi Rahasia", text="rahasia sekali")
    whatsapp(studio.http, call)
    whatsapp(studio.http, message("organic", phone=phone, at=now() - 3_000))
    turn = {
        "conversation": f"chat-{phone}",
        "customer": {"phone": phone},
        "messages": [
            {"role": "assistant", "tool_calls": [{"id": "call_1234567890abcdef", "function": {"name": "createBooking", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_1234567890abcdef", "content": '{"bookingId": "BK-55", "totalPrice": 150000}'},
        ],
        "reply": "Sudah kami booking ya kak",
    }  # fmt: skip
    answer = studio.http.post("/v1/agent/turns", json=turn)
    assert answer.status_code == 202, answer.text
    (booking,) = answer.json()["bookings"]
    studio.server.ended(booking["receipt"])
    return call, booking


def test_a_journey_is_one_timeline_from_the_click_to_the_delivered_event(studio):
    call, booking = booked(studio)
    shown = studio.journey()
    assert sorted(kinds(shown)) == ["click", "event", "first_message", "tool_call"]
    by_kind = {one["kind"]: one for one in shown["timeline"]}
    assert by_kind["click"]["ad_id"] == message_in(call)["referral"]["source_id"]
    assert by_kind["click"]["headline"] == samples.HEADLINE
    assert by_kind["click"]["click_id_known"] is True
    assert (by_kind["tool_call"]["tool"], by_kind["tool_call"]["outcome"]) == ("createBooking", "succeeded")
    event = by_kind["event"]
    assert (event["event"], event["conversion"]) == ("LeadSubmitted", "Lead")  # as Meta gets it in the ad's chat
    assert (event["state"], event["receipt"]) == ("delivered", booking["receipt"])
    assert event["booking_id"] == "BK-55"
    assert (shown["stage"], shown["channel"], shown["account"], shown["messages"]) == ("booking", "whatsapp", WABA, 2)
    seconds = [one["at"][:19] for one in shown["timeline"]]
    assert seconds == sorted(seconds)
    assert kinds(shown)[:2] == ["click", "first_message"]
    stored = studio.http.get(f"{EVENTS}/{booking['receipt']}").json()
    assert stored["journey"] == shown["journey"]


def test_events_of_one_second_stand_in_the_order_in_which_they_came(studio):
    phone = phone_of(unused())
    whatsapp(studio.http, message(phone=phone))
    for name in ("InitiateCheckout", "Lead", "Purchase"):
        studio.told(name, customer={"phone": phone}, booking_id="BK-7", occurred_at=int(time.time()) - 5, value=5)
    shown = [one for one in studio.journey()["timeline"] if one["kind"] == "event"]
    receipts = [one["receipt"] for one in sorted(shown, key=lambda one: (one["at"], one["receipt"]))]
    assert [one["receipt"] for one in shown] == receipts


def test_a_customer_is_shown_as_a_masked_tail_only(studio, tmp_path, caplog):
    booked(studio)
    texts = [
        studio.http.get(JOURNEYS).text,
        str(studio.journey()),
        studio.http.get(EVENTS).text,
        studio.http.get("/metrics").text,
        caplog.text,
    ]
    assert studio.journey()["customer"] == "…7766"
    for text in texts:
        for secret in ("81399887766", "399887766", "Budi", "rahasia", "Rahasia"):
            assert secret not in text
    kept = kept_bytes(tmp_path)
    for secret in (b"81399887766", b"Budi", b"rahasia", b"Rahasia", b"chat-+62"):
        assert secret not in kept


def test_the_commands_show_the_same(studio, settings_of, monkeypatch, capsys):
    call, _ = booked(studio)
    monkeypatch.setenv("KONVERSI_URL", studio.server.url)
    assert command(["journeys", "list"]) == 0
    text = capsys.readouterr().out
    ad = message_in(call)["referral"]["source_id"]
    assert "…7766" in text
    assert ad in text
    name = studio.journey()["journey"]
    assert command(["journeys", "show", name]) == 0
    text = capsys.readouterr().out
    for part in (
        "ad click",
        "first message",
        "tool call",
        "createBooking",
        "LeadSubmitted",
        "delivered",
        "BK-55",
        ad,
        "…7766",
    ):
        assert part in text
    for secret in ("81399887766", "399887766", "Budi"):
        assert secret not in text
    assert command(["journeys", "show", "jn_000000999"]) == 1
    assert command(["journeys", "show", "nonsense"]) == 1
    said = capsys.readouterr().err
    assert said.count("konversi journeys list") == 2
    assert "receipt" not in said
    assert "Traceback" not in said


def test_the_commands_look_into_the_database_where_no_gateway_runs(settings_of, sandbox, monkeypatch, capsys, tmp_path):
    with delivering(settings_of()) as server, server.client() as http:
        booked(Studio(server, http, sandbox))
    monkeypatch.setenv("KONVERSI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("KONVERSI_PORT", "1")
    assert command(["journeys", "list"]) == 0
    assert "…7766" in capsys.readouterr().out
    assert command(["journeys", "show", "jn_000000001"]) == 0
    assert "createBooking" in capsys.readouterr().out
    capsys.readouterr()
    assert command(["journeys", "show", "jn_000000002"]) == 1
    assert "konversi journeys list" in capsys.readouterr().err
    assert command(["journeys", "list", "--channel", "messenger"]) == 0
    assert "There are none" in capsys.readouterr().err


def test_the_list_and_the_timeline_agree_on_the_ad(studio):
    phone = phone_of(unused())
    call = message(phone=phone, at=now() - 600)
    whatsapp(studio.http, call)
    later = message(phone=phone)
    del message_in(later)["referral"]["source_id"]
    whatsapp(studio.http, later)
    ad = message_in(call)["referral"]["source_id"]
    (one,) = listed(studio.http, ad_id=ad)
    assert one["ad_id"] == studio.journey()["ad_id"] == ad


def test_journeys_are_listed_page_by_page_newest_first(studio):
    for _ in range(7):
        whatsapp(studio.http, message())
    names, cursor = [], None
    while True:
        page = studio.http.get(JOURNEYS, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        names += [one["journey"] for one in page["journeys"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == sorted(names, reverse=True)
    assert len(set(names)) == 7


@pytest.mark.parametrize(
    "query", ["cursor=x", "cursor=rc_1", "limit=0", "limit=501", "channel=fax", "ad_id=%00", "limit=x"]
)
def test_a_list_that_can_not_be_asked_for_is_refused(studio, query):
    is_problem(studio.http.get(f"{JOURNEYS}?{query}"), status=422)


@pytest.mark.parametrize("name", ["jn_000000999", "jn_", "rc_000000001", "%00", "jn_999999999999999999999", "x" * 300])
def test_a_journey_that_is_not_there_is_not_found(studio, name):
    is_problem(studio.http.get(f"{JOURNEYS}/{name}"), status=404, code="journey_unknown")
