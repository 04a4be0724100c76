"""How a conversion is put for Meta on each channel."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.events.conversion import Client, Conversion, Service
from konversi.events.faults import Fault
from konversi.events.names import STANDARD
from konversi.meta.channels import MESSAGING_NAMES, Tables
from konversi.meta.compose import Composed, compose

PHONE = {"ph": ["a" * 64], "external_id": ["b" * 64]}
WHATSAPP = {"whatsapp_business_account_id": "1022", "ctwa_clid": "Aff-n8"}
MESSENGER = {"page_id": "77", "page_scoped_user_id": "88"}
INSTAGRAM = {"ig_account_id": "55", "ig_sid": "66"}
BROWSER = {"client_ip_address": "1.2.3.4", "client_user_agent": "UA", "fbc": "fb.1.2.x", "fbp": "fb.1.2.3"}


def put(name="Lead", user_data=PHONE, tables=None, currency="IDR", **given):
    given.setdefault("event", name)
    return compose(
        Conversion(**given), name=name, event_id=f"{name}:1", event_time=1_700_000_000, user_data=dict(user_data),
        default_currency=currency, **({"tables": tables} if tables else {}),
    )  # fmt: skip


def codes(composed):
    return [note.code for note in composed.notes]


MATRIX = [
    # channel, keys, name -> heard, action source, messaging channel, note
    ("whatsapp", WHATSAPP, "Lead", "LeadSubmitted", "business_messaging", "whatsapp", "renamed"),
    ("whatsapp", WHATSAPP, "Purchase", "Purchase", "business_messaging", "whatsapp", None),
    ("whatsapp", WHATSAPP, "Schedule", "LeadSubmitted", "business_messaging", "whatsapp", "renamed"),
    ("whatsapp", WHATSAPP, "InitiateCheckout", "InitiateCheckout", "business_messaging", "whatsapp", None),
    ("whatsapp", WHATSAPP, "Subscribe", "Subscribe", "chat", None, "not_a_messaging_event"),
    ("whatsapp", WHATSAPP, "Massage booked", "Massage booked", "chat", None, "not_a_messaging_event"),
    ("whatsapp", {"ctwa_clid": "Aff"}, "Lead", "Lead", "chat", None, "messaging_key_missing"),
    ("whatsapp", {"whatsapp_business_account_id": "1"}, "Lead", "Lead", "chat", None, "no_ad_click"),
    ("whatsapp", {}, "Lead", "Lead", "chat", None, "no_ad_click"),
    ("whatsapp", {}, "LeadSubmitted", "Lead", "chat", None, "no_ad_click"),
    ("messenger", MESSENGER, "Lead", "LeadSubmitted", "business_messaging", "messenger", "renamed"),
    ("messenger", {"page_scoped_user_id": "8"}, "Lead", "Lead", "chat", None, "messaging_key_missing"),
    ("messenger", {"page_id": "8"}, "Lead", "Lead", "chat", None, "no_ad_click"),
    ("instagram", INSTAGRAM, "Lead", "LeadSubmitted", "business_messaging", "instagram", "renamed"),
    ("instagram", {"ig_sid": "6"}, "Lead", "Lead", "chat", None, "messaging_key_missing"),
    ("store", {}, "Purchase", "Purchase", "physical_store", None, None),
    ("phone", {}, "Lead", "Lead", "phone_call", None, None),
    ("crm", {}, "Lead", "Lead", "system_generated", None, None),
    ("app", {}, "Lead", "Lead", "app", None, None),
    ("store", WHATSAPP, "LeadSubmitted", "Lead", "physical_store", None, None),
    (None, {}, "Lead", "Lead", "chat", None, None),
    (None, WHATSAPP, "Lead", "LeadSubmitted", "business_messaging", "whatsapp", "renamed"),
    (None, INSTAGRAM, "Purchase", "Purchase", "business_messaging", "instagram", None),
    (None, {"ctwa_clid": "Aff"}, "Lead", "Lead", "chat", None, "messaging_key_missing"),
]


@pytest.mark.parametrize(("channel", "keys", "name", "heard", "source", "messaging", "note"), MATRIX)
def test_each_channel_is_put_as_meta_takes_it(channel, keys, name, heard, source, messaging, note):
    composed = put(name, PHONE | keys, channel=channel, value=150_000)
    assert (composed.event["event_name"], composed.action_source) == (heard, source)
    assert composed.event["action_source"] == source
    assert composed.event.get("messaging_channel") == messaging
    assert codes(composed) == ([note] if note else [])
    assert composed.event["user_data"] == (PHONE | keys if messaging else PHONE)
    assert (composed.event["event_id"], composed.event["event_time"]) == (f"{name}:1", 1_700_000_000)


@pytest.mark.parametrize(
    ("channel", "keys"), [("whatsapp", WHATSAPP), ("messenger", MESSENGER), ("instagram", INSTAGRAM)]
)
def test_browser_keys_do_not_go_into_a_chat(channel, keys):
    composed = put(user_data=PHONE | keys | BROWSER, channel=channel)
    assert composed.event["user_data"] == PHONE | keys


def test_the_name_of_instagrams_account_can_be_set():
    composed = put(
        user_data=INSTAGRAM, channel="instagram", tables=Tables(ig_account_key="instagram_business_account_id")
    )
    assert composed.event["user_data"] == {"ig_sid": "66", "instagram_business_account_id": "55"}


def test_names_in_chats_can_be_set():
    tables = Tables({**MESSAGING_NAMES, "Schedule": "QualifiedLead"})
    assert put("Schedule", WHATSAPP, tables, channel="whatsapp").event["event_name"] == "QualifiedLead"


def test_a_name_that_meta_takes_only_in_chats_comes_from_the_closed_list():
    allowed = {
        "Purchase", "LeadSubmitted", "InitiateCheckout", "AddToCart", "ViewContent", "OrderCreated", "OrderShipped",
        "OrderDelivered", "OrderCanceled", "OrderReturned", "CartAbandoned", "QualifiedLead", "RatingProvided", "ReviewProvided",
    }  # fmt: skip
    assert set(MESSAGING_NAMES.values()) == allowed


def test_a_note_about_a_missing_key_names_it():
    (note,) = put(user_data=PHONE | {"ctwa_clid": "Aff"}, channel="whatsapp").notes
    assert "customer.whatsapp_business_account_id" in note.text


@pytest.mark.parametrize("keys", [WHATSAPP, MESSENGER | {"fn": ["x"]}, {"ctwa_clid": "Aff"}])
def test_an_event_that_is_left_with_too_little_is_refused_here_and_not_by_meta(keys):
    fault = put(user_data=keys, channel="phone")
    assert isinstance(fault, Fault)
    assert fault.code == "customer_insufficient"


def test_the_match_keys_given_are_not_changed():
    keys = {**PHONE, **INSTAGRAM, **BROWSER}
    before = json.dumps(keys)
    put(user_data=keys, channel="instagram")
    assert json.dumps(keys) == before


def test_the_setup_guides_booking_arrives_whole():
    composed = put(
        channel="whatsapp",
        booking_id="BK-1",
        value=350_000.0,
        services=(
            Service(name="Balinese Massage", price=150_000, quantity=2),
            Service(name="Oil", price=50_000.0, id="SKU-1"),
        ),
        source="whatsapp_ai",
        custom={"branch": "Ubud", "vip": True, "guests": 2},
    )
    assert composed.event["custom_data"] == {
        "branch": "Ubud",
        "vip": True,
        "guests": 2,
        "value": 350_000,
        "currency": "IDR",
        "order_id": "BK-1",
        "booking_id": "BK-1",
        "contents": [
            {"id": "Balinese Massage", "title": "Balinese Massage", "quantity": 2, "item_price": 150_000},
            {"id": "SKU-1", "title": "Oil", "quantity": 1, "item_price": 50_000},
        ],
        "content_type": "product",
        "source": "whatsapp_ai",
    }


@pytest.mark.parametrize(
    ("value", "text"), [(150_000, "150000"), (150_000.0, "150000"), (0, "0"), (1e15, "1000000000000000")]
)
def test_rupiah_are_written_as_whole_numbers(value, text):
    body = orjson.dumps(put(value=value).event).decode()
    assert f'"value":{text},' in body


def test_the_services_add_up_where_no_value_is_given():
    priced = (Service(name="a", price=0.1, quantity=1), Service(name="b", price=0.2, quantity=1))
    assert put(services=priced, currency="USD").event["custom_data"]["value"] == 0.3
    assert put(services=priced, value=5, currency="USD").event["custom_data"]["value"] == 5
    assert "value" not in put(services=(*priced, Service(name="c"))).event["custom_data"]


def test_services_that_add_up_to_nonsense_are_refused():
    fault = put(services=(Service(name="a", price=10**15, quantity=1_000_000),))
    assert (fault.field, fault.code) == ("services", "too_large")


def test_nothing_to_say_makes_no_custom_data():
    assert "custom_data" not in put().event


@pytest.mark.parametrize("channel", ["whatsapp", "website", None])
def test_a_purchase_needs_a_value(channel):
    fault = put("Purchase", channel=channel)
    assert (fault.field, fault.code) == ("value", "value_required")
    assert isinstance(put("Purchase", channel=channel, value=0), Composed)
    assert isinstance(put("Purchase", channel=channel, services=(Service(name="a", price=5),)), Composed)


@pytest.mark.parametrize("name", ["value", "currency", "contents"])
def test_metas_own_fields_do_not_hide_among_the_custom_ones(name):
    fault = put("Purchase", custom={name: "1"}, value=5)
    assert (fault.field, fault.code) == (f"custom.{name}", "reserved_name")


@pytest.mark.parametrize("currency", ["Rp", "XXX", "ABC", "", "IDRR", "€"])
def test_an_unknown_currency_is_refused_without_repeating_it(currency):
    fault = put(value=5, currency=currency) if currency == "" else put(value=5, currency="IDR") and _in(currency)
    assert fault.code == "unknown_currency"
    assert not currency or currency not in fault.detail + fault.remedy.replace("IDR", "")


def _in(currency):
    return compose(
        Conversion(event="Lead", value=5, currency=currency),
        name="Lead",
        event_id="1",
        event_time=1,
        user_data=PHONE,
        default_currency="IDR",
    )


@pytest.mark.parametrize(("given", "sent"), [(" usd ", "USD"), ("idr", "IDR"), ("EUR", "EUR")])
def test_a_currency_is_sent_in_capitals(given, sent):
    assert _in(given).event["custom_data"]["currency"] == sent


def test_a_website_event_carries_its_page():
    composed = put(
        user_data=PHONE | BROWSER,
        channel="website",
        client=Client(page_url="https://spa.example/thanks", user_agent="UA"),
    )
    assert composed.event["action_source"] == "website"
    assert composed.event["event_source_url"] == "https://spa.example/thanks"
    assert composed.event["user_data"] == PHONE | BROWSER
    assert composed.notes == []


def test_a_page_makes_it_a_website_event_where_no_channel_is_given():
    assert put(client=Client(page_url="https://spa.example/")).action_source == "website"
    assert put(client=Client(page_url="https://spa.example/"), channel="whatsapp").action_source == "chat"


def test_a_website_event_without_its_page_or_browser_is_taken_with_notes():
    composed = put(channel="website")
    assert [(note.about, note.code) for note in composed.notes] == [
        ("client.page_url", "website_key_missing"),
        ("client.user_agent", "website_key_missing"),
    ]


@given(
    st.sampled_from(sorted(STANDARD | set(MESSAGING_NAMES))),
    st.sampled_from(["whatsapp", "messenger", "instagram", "website", "store", "phone", "crm", "app", None]),
    st.lists(st.sampled_from(sorted({**WHATSAPP, **MESSENGER, **INSTAGRAM, **BROWSER})), unique=True),
    st.none() | st.integers(0, 10**15) | st.floats(0, 1e15),
)
def test_what_is_composed_keeps_metas_rules(name, channel, keys, value):
    everything = {**WHATSAPP, **MESSENGER, **INSTAGRAM, **BROWSER}
    composed = put(name, PHONE | {key: everything[key] for key in keys}, channel=channel, value=value)
    if isinstance(composed, Fault):
        assert name == "Purchase"
        assert value is None
        return
    event = orjson.loads(orjson.dumps(composed.event))
    messaging = event["action_source"] == "business_messaging"
    assert messaging == ("messaging_channel" in event)
    user_data = event["user_data"]
    if messaging:
        assert event["event_name"] in MESSAGING_NAMES.values()
        assert not user_data.keys() & BROWSER.keys()
        assert "event_source_url" not in event
    else:
        assert not user_data.keys() & {**WHATSAPP, **MESSENGER, **INSTAGRAM}.keys()
        assert event["event_name"] in STANDARD or event["event_name"] in MESSAGING_NAMES
    if value is not None:
        assert event["custom_data"]["currency"] == "IDR"
        assert event["custom_data"]["value"] == pytest.approx(value, abs=0.01)


def test_what_tells_who_somebody_is_stays_out_of_the_custom_data_and_the_event_is_sent():
    composed = put(
        custom={"note": "WA +62 812 3456 7890", "vip": True, "budi@example.com": 1, "visits": 3},
        customer={"preferences": {"stylist": "Ani", "times": ["pagi", "sore"], "reach": ["a@b.id"]}},
        services=[{"name": "Cuci, hubungi +6281234567890", "price": 1}, {"name": "Cuci", "id": "628123456789"}],
        source="budi@example.com",
        booking_id="628123456789",
    )
    custom = composed.event["custom_data"]
    assert (custom["vip"], custom["visits"], custom["booking_id"]) == (True, 3, "628123456789")
    assert (custom["preference_stylist"], custom["preference_times"]) == ("Ani", "pagi, sore")
    assert [one["id"] for one in custom["contents"]] == ["service", "628123456789"]
    assert "source" not in custom
    assert "@" not in json.dumps(custom)
    assert "+62" not in json.dumps(custom)
    left_out = [note.about for note in composed.notes if note.code == "custom_tells_who"]
    assert left_out == ["custom.note", "custom", "customer.preferences", "source", "services"]


def test_a_category_goes_with_its_service_unless_it_tells_who_somebody_is():
    services = [{"name": "Peeling", "category": "Facial"}, {"name": "Peeling", "category": "from ani@example.com"}]
    composed = put(services=services)
    assert [one.get("category") for one in composed.event["custom_data"]["contents"]] == ["Facial", None]
    assert "custom_tells_who" in codes(composed)


@pytest.mark.parametrize(
    ("said", "sent"), [("Bahasa Indonesia", "id"), ("id-ID", "id"), ("Klingon", None), (" ", None)]
)
def test_the_customers_language_goes_with_the_custom_data(said, sent):
    composed = put(customer={"language": said})
    assert composed.event.get("custom_data", {}).get("language") == sent
    assert codes(composed) == (["language_unknown"] if said == "Klingon" else [])


def test_what_the_business_calls_language_itself_goes_before():
    assert put(customer={"language": "id"}, custom={"language": "formal"}).event["custom_data"]["language"] == "formal"
