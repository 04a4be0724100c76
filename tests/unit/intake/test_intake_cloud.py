from __future__ import annotations

import copy
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_calls import JSON, check_sound, with_parts_exchanged

from konversi.intake.hearing import MOST
from konversi.intake.whatsapp import cloud, samples
from konversi.journeys.arrival import Arrival, Automatic, Heard, Identities, Referral

NOW = 1_780_000_000
AT = NOW - 60


def call(*messages, contacts=(), field="messages", account="102290129340398", **value):
    metadata = {"display_phone_number": "6281100000001", "phone_number_id": "106540352242922"}
    told = {"messaging_product": "whatsapp", "metadata": metadata, "contacts": list(contacts), **value}
    if messages:
        told["messages"] = list(messages)
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": account, "changes": [{"value": told, "field": field}]}],
    }


def said(message_id="wamid.A", sender="6281234567890", **more):
    return {
        "from": sender,
        "id": message_id,
        "timestamp": str(AT),
        "type": "text",
        "text": {"body": "Halo kak"},
        **more,
    }


def only(body):
    heard = cloud.hear(body, NOW)
    assert len(heard.arrivals) == 1
    return heard.arrivals[0]


def test_an_ad_click_is_read_whole():
    heard = cloud.hear(samples.message("ad-click", message_id="wamid.A", at=AT), NOW)
    assert heard == Heard(
        arrivals=(
            Arrival(
                message="wamid.A",
                channel="whatsapp",
                account=samples.ACCOUNT,
                line=samples.LINE,
                at=AT,
                who=Identities("+6281234567890", samples.USER_ID, samples.NAME),
                kind="text",
                referral=Referral(
                    click_id=samples.CLICK_ID,
                    ad_id=samples.AD_ID,
                    source_type="ad",
                    source_url="https://fb.me/2kVb7Yq1c",
                    headline=samples.HEADLINE,
                ),
                word=samples.TEXT,
            ),
        ),
        others=0,
    )


def test_an_organic_message_has_no_referral():
    assert only(samples.message("organic", message_id="wamid.A", at=AT)).referral is None


def test_an_ad_in_whatsapp_status_has_its_ad_but_no_click():
    referral = only(samples.message("status-ad", message_id="wamid.A", at=AT)).referral
    assert (referral.ad_id, referral.click_id) == (samples.AD_ID, None)


def test_a_customer_with_a_username_is_known_by_user_id_alone():
    arrival = only(samples.message("username", message_id="wamid.A", at=AT))
    assert arrival.who == Identities(None, samples.USER_ID, samples.NAME)
    assert arrival.referral.click_id == samples.CLICK_ID


@pytest.mark.parametrize(
    "kind",
    ["text", "image", "audio", "video", "document", "sticker", "location", "contacts", "interactive", "button",
     "reaction", "order", "request_welcome", "unsupported", "edit", "a_type_of_tomorrow"],
)  # fmt: skip
def test_every_message_type_is_heard_with_its_referral(kind):
    referral = {"source_id": "120", "source_type": "ad", "ctwa_clid": "click-1"}
    message = {"from": "628123456789", "id": "wamid.A", "timestamp": str(AT), "type": kind, "referral": referral}
    arrival = only(call(message))
    assert arrival.kind == kind
    assert arrival.referral == Referral(click_id="click-1", ad_id="120", source_type="ad")


@pytest.mark.parametrize("sender", ["6281234567890", "+6281234567890", 6281234567890])
def test_a_phone_always_gets_its_plus(sender):
    assert only(call(said(sender=sender))).who.phone == "+6281234567890"


def test_several_entries_changes_and_messages_are_all_heard_in_their_order():
    body = call(said("1"), said("2"))
    body["entry"][0]["changes"] += call(said("3"))["entry"][0]["changes"]
    body["entry"] += call(said("4"), account="999")["entry"]
    heard = cloud.hear(body, NOW)
    assert [(one.message, one.account) for one in heard.arrivals] == [
        ("1", "102290129340398"),
        ("2", "102290129340398"),
        ("3", "102290129340398"),
        ("4", "999"),
    ]


def test_each_message_gets_the_name_of_its_own_contact():
    contacts = [
        {"wa_id": "628111111111", "profile": {"name": "Ani"}, "user_id": "ID.1"},
        {"wa_id": "628222222222", "profile": {"name": "Budi"}, "user_id": "ID.2"},
        {"user_id": "ID.3", "profile": {"name": "Cici"}},
    ]
    unnamed = {"id": "3", "from_user_id": "ID.3", "timestamp": str(AT), "type": "text"}
    heard = cloud.hear(call(said("2", "628222222222"), said("1", "+628111111111"), unnamed, contacts=contacts), NOW)
    assert [one.who for one in heard.arrivals] == [
        Identities("+628222222222", "ID.2", "Budi"),
        Identities("+628111111111", "ID.1", "Ani"),
        Identities(None, "ID.3", "Cici"),
    ]


def test_a_stranger_contact_lends_nothing_to_a_message():
    contacts = [{"wa_id": "628222222222", "profile": {"name": "Budi"}, "user_id": "ID.2"}]
    assert only(call(said(sender="628111111111"), contacts=contacts)).who == Identities("+628111111111")


def test_the_only_contact_tells_who_wrote_where_the_message_does_not():
    contacts = [{"user_id": "ID.3", "profile": {"name": "Cici"}}]
    message = {"id": "wamid.A", "timestamp": str(AT), "type": "text"}
    assert only(call(message, contacts=contacts)).who == Identities(None, "ID.3", "Cici")


def test_a_user_id_in_the_place_of_the_phone_is_no_phone():
    assert only(call(said(sender="ID.13491208655302741918"))).who == Identities(None, "ID.13491208655302741918")


def test_messages_that_meta_business_agent_answers_are_heard():
    assert only(call(said(), field="standby")).message == "wamid.A"


@pytest.mark.parametrize(
    ("body", "others"),
    [
        (call(statuses=[{"id": "wamid.A", "status": "sent"}, {"id": "wamid.A", "status": "read"}]), 2),
        (call(field="smb_message_echoes", message_echoes=[said(), said(), said()]), 3),
        (call(field="standby", message_echoes=[said()]), 1),
        (call(said(), field="history"), 1),
        (call(said(sender="6281100000001"), contacts=()), 1),
        (call(said(type="system", system={"type": "user_changed_number"})), 1),
        (call(said(group_id="Y2FwaV9ncm91cDo")), 1),
        (call(said(message_id=None)), 1),
        (call(said(sender=None)), 1),
        (call(field="message_template_status_update", event="APPROVED"), 1),
        ({"object": "page", "entry": [{"id": "1", "messaging": [{}], "changes": [{}]}]}, 1),
        ({}, 1),
        (None, 1),
        ("wamid", 1),
    ],
)
def test_what_no_customer_wrote_is_counted_only(body, others):
    assert cloud.hear(body, NOW) == Heard(others=others)


def test_a_status_beside_a_message_is_counted_beside_it():
    heard = cloud.hear(call(said(), statuses=[{"id": "wamid.B", "status": "sent"}]), NOW)
    assert (len(heard.arrivals), heard.others) == (1, 1)


def test_the_flat_shape_of_the_on_premises_api_is_read():
    body = {
        "contacts": [{"profile": {"name": "Kerry"}, "wa_id": "628123456789"}],
        "messages": [
            {
                "from": "628123456789",
                "id": "gBGGFlA5FpafAgkOuJbRq54qwbM",
                "timestamp": str(AT),
                "text": {"body": "Hi"},
                "referral": {"headline": "Repaint", "source_type": "ad", "source_id": "120", "image": {"id": "x"}},
            }
        ],
    }
    arrival = only(body)
    assert (arrival.account, arrival.line, arrival.kind) == (None, None, "text")
    assert arrival.referral == Referral(ad_id="120", source_type="ad", headline="Repaint")


def test_meta_own_events_are_read_with_their_click():
    event = {
        "id": "wamid.A",
        "event_name": "Purchase",
        "timestamp": AT,
        "ctwa_clid": "click-1",
        "custom_data": {"currency": "USD", "value": 25000},
    }
    nameless = {"id": "wamid.B", "timestamp": AT}
    body = call(field="automatic_events", automatic_events=[event, nameless, "?"])
    assert cloud.hear(body, NOW) == Heard(
        automatic=(Automatic("wamid.A", "102290129340398", "Purchase", AT, "click-1"),), others=2
    )


@pytest.mark.parametrize("given", ["", "two words", "x" * 501, "emoji-😊", 17, None, ["click"]])
def test_a_click_id_that_can_be_none_is_not_mended(given):
    referral = {"ctwa_clid": given, "source_id": "120"}
    assert only(call(said(referral=referral))).referral == Referral(ad_id="120")


@pytest.mark.parametrize("referral", [{}, None, [], "ad", {"ctwa_clid": None}, {"media_type": "image"}])
def test_an_empty_referral_is_none(referral):
    assert only(call(said(referral=referral))).referral is None


@pytest.mark.parametrize("time_", [None, "", "yesterday", -5, 0, "121323212", NOW + 7_200, True, {}, float("nan")])
def test_a_message_without_a_usable_time_came_now(time_):
    assert only(call(said(timestamp=time_))).at == NOW


def test_long_texts_are_cut_and_unstorable_letters_leave():
    referral = {"headline": "H" * 5_000, "source_url": "https://fb.me/\x00\ud83d", "source_id": "1" * 61}
    arrival = only(call(said(referral=referral, type="k" * 100), contacts=[
        {"wa_id": "6281234567890", "profile": {"name": "Ni\x00na 👩‍🎨"}}]))  # fmt: skip
    assert arrival.referral == Referral(headline="H" * 300, source_url="https://fb.me/")
    assert (arrival.who.name, arrival.kind) == ("Ni na 👩‍🎨", "k" * 40)


def test_escaped_letters_and_emoji_come_out_as_written():
    body = json.loads(
        samples.as_sent(samples.message("ad-click", message_id="wamid.A", at=AT, name="Siti 🏍️ Nurhaliza"))
    )
    assert only(body).who.name == "Siti 🏍️ Nurhaliza"


def test_the_body_given_is_left_as_it_was():
    body = samples.message("ad-click", message_id="wamid.A", at=AT)
    before = copy.deepcopy(body)
    cloud.hear(body, NOW)
    assert body == before


def test_more_messages_than_any_platform_sends_are_counted_only():
    heard = cloud.hear(call(*[said(str(number)) for number in range(MOST + 7)]), NOW)
    assert (len(heard.arrivals), heard.others) == (MOST, 7)


HOSTILE = {
    "contacts": lambda: call(said(), contacts=[{}] * 300_000),
    "entries": lambda: {"entry": [{}] * 300_000},
    "changes": lambda: {"entry": [{"changes": [1] * 300_000}]},
    "messages": lambda: call(*[{}] * 300_000),
    "calls": lambda: [{}] * 300_000,
    "names": lambda: call(said(), **{f"field_{number}": 1 for number in range(100_000)}),
    "texts": lambda: call(said(referral={"headline": "H" * 1_000_000, "ctwa_clid": "c" * 1_000_000})),
    "digits": lambda: call(said(sender="9" * 1_000_000, timestamp="9" * 1_000_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_nonsense_takes_a_moment_only(name):
    body = HOSTILE[name]()
    started = time.thread_time()
    check_sound(cloud.hear(body, NOW), NOW)
    assert time.thread_time() - started < 5


@given(JSON)
def test_any_json_is_heard_without_a_fault(body):
    check_sound(cloud.hear(body, NOW), NOW)


@settings(max_examples=300)
@given(st.data(), st.sampled_from(samples.KINDS))
def test_a_real_call_with_any_part_exchanged_is_heard_without_a_fault(data, kind):
    body = with_parts_exchanged(data, samples.message(kind, message_id="wamid.A", at=AT))
    check_sound(cloud.hear(body, NOW), NOW)
