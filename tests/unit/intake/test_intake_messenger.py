from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_calls import JSON, check_sound, with_parts_exchanged

from konversi.intake import messenger
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral

NOW = 1_780_000_000
AT = NOW - 60
PAGE, PERSON = "100200300400500", "7712345678901234"
AD = {
    "ref": "promo-juni",
    "ad_id": "120212345678900001",
    "source": "ADS",
    "type": "OPEN_THREAD",
    "ads_context_data": {"ad_title": "Repaint 150 ribu", "post_id": "1_2"},
}
FROM_THE_AD = Referral(ad_id="120212345678900001", source_type="ad", headline="Repaint 150 ribu", ref="promo-juni")


def event(**told):
    return {"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": AT * 1_000, **told}


def message(**told):
    return event(message={"mid": "m_1", "text": "Halo", **told})


def call(*events, object_="page", where="messaging"):
    return {"object": object_, "entry": [{"id": PAGE, "time": AT * 1_000, where: list(events)}]}


def only(body):
    heard = messenger.hear(body, NOW)
    assert len(heard.arrivals) == 1
    return heard.arrivals[0]


@pytest.mark.parametrize(("object_", "channel"), [("page", "messenger"), ("instagram", "instagram")])
def test_an_ad_click_is_read_whole(object_, channel):
    assert only(call(message(referral=AD), object_=object_)) == Arrival(
        message="m_1",
        channel=channel,
        account=PAGE,
        line=None,
        at=AT,
        who=Identities(user_id=PERSON),
        kind="text",
        referral=FROM_THE_AD,
        word="Halo",
    )


@pytest.mark.parametrize(
    ("told", "kind", "message_id"),
    [
        (event(referral=AD), "referral", f"referral:{PERSON}:{AT}000"),
        (event(postback={"mid": "m_2", "payload": "START", "referral": AD}), "postback", "m_2"),
        (event(postback={"payload": "START", "referral": AD}), "postback", f"postback:{PERSON}:{AT}000"),
        (event(message={"mid": "m_3", "text": "Halo"}, referral=AD), "text", "m_3"),
    ],
)
def test_a_referral_is_read_wherever_it_stands(told, kind, message_id):
    arrival = only(call(told))
    assert (arrival.referral, arrival.kind, arrival.message) == (FROM_THE_AD, kind, message_id)


def test_a_referral_that_comes_again_is_the_same_one():
    assert only(call(event(referral=AD))).message == only(call(event(referral=AD))).message


def test_a_short_link_brings_its_ref():
    told = {"ref": "bio", "source": "SHORTLINK", "type": "OPEN_THREAD", "referer_uri": "https://studio.example/"}
    referral = only(call(event(referral=told))).referral
    assert referral == Referral(source_type="SHORTLINK", source_url="https://studio.example/", ref="bio")


def test_messages_that_another_app_answers_are_heard():
    assert only(call(message(), where="standby")).message == "m_1"


def test_instagram_events_can_stand_in_changes():
    body = call({"field": "messages", "value": message(referral=AD)}, object_="instagram", where="changes")
    assert only(body).referral == FROM_THE_AD


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"attachments": [{"type": "image"}]}, "image"),
        ({"attachments": [{"type": "story_mention"}], "text": "x"}, "story_mention"),
        ({"is_unsupported": True}, "unsupported"),
        ({"quick_reply": {"payload": "A"}}, "text"),
    ],
)
def test_the_kind_follows_from_what_is_attached(told, kind):
    assert only(call(message(**told))).kind == kind


@pytest.mark.parametrize(
    "told",
    [
        message(is_echo=True),
        message(is_deleted=True),
        message(mid=None),
        event(delivery={"mids": ["m_1"], "watermark": 1}),
        event(read={"watermark": 1}),
        event(reaction={"mid": "m_1", "action": "react"}),
        event(sender={"id": PAGE}, message={"mid": "m_1", "text": "ours"}),
        event(sender={"user_ref": "x"}, message={"mid": "m_1", "text": "?"}),
        None,
    ],
)
def test_what_no_customer_wrote_is_counted_only(told):
    assert messenger.hear(call(told), NOW) == Heard(others=1)


@pytest.mark.parametrize(
    "body",
    [
        {"object": "whatsapp_business_account", "entry": [{}]},
        call({"field": "comments", "value": {"id": "1"}}, object_="instagram", where="changes"),
        {"object": ["page"]},
        None,
        7,
    ],
)
def test_other_objects_and_fields_are_counted_only(body):
    assert messenger.hear(body, NOW) == Heard(others=1)


def test_the_time_of_the_entry_stands_in_and_then_now():
    untimed = {"sender": {"id": PERSON}, "message": {"mid": "m_1", "text": "Halo"}}
    assert only(call(untimed)).at == AT
    assert only({"object": "page", "entry": [{"messaging": [untimed]}]}).at == NOW


@given(JSON)
def test_any_json_is_heard_without_a_fault(body):
    check_sound(messenger.hear(body, NOW), NOW)


@settings(max_examples=200)
@given(st.data())
def test_a_real_call_with_any_part_exchanged_is_heard_without_a_fault(data):
    body = call(message(referral=AD), event(postback={"referral": AD}), object_="instagram")
    check_sound(messenger.hear(with_parts_exchanged(data, body), NOW), NOW)
