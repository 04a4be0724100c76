from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_calls import JSON, check_sound

from konversi.intake.whatsapp import twilio
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral

NOW = 1_780_000_000
FORM = {
    "AccountSid": "AC00000000000000000000000000000000",
    "Body": "Halo kak, mau repaint",
    "From": "whatsapp:+6281234567890",
    "MessageSid": "SM0123456789",
    "MessageType": "text",
    "NumMedia": "0",
    "ProfileName": "Budi 🏍️",
    "SmsStatus": "received",
    "To": "whatsapp:+6281100000001",
    "WaId": "6281234567890",
}
FROM_AN_AD = {
    "ReferralBody": "Garansi 6 bulan",
    "ReferralCtwaClid": "ARAbc123",
    "ReferralHeadline": "Repaint 150 ribu",
    "ReferralSourceId": "120212345678900001",
    "ReferralSourceType": "ad",
    "ReferralSourceUrl": "https://fb.me/2kVb7Yq1c",
}


def only(**changes):
    heard = twilio.hear({name: value for name, value in {**FORM, **changes}.items() if value is not None}, NOW)
    assert len(heard.arrivals) == 1
    return heard.arrivals[0]


def test_an_ad_click_is_read_whole():
    assert only(**FROM_AN_AD) == Arrival(
        message="SM0123456789",
        channel="whatsapp",
        account=None,
        line="+6281100000001",
        at=NOW,
        who=Identities("+6281234567890", None, "Budi 🏍️"),
        kind="text",
        referral=Referral("ARAbc123", "120212345678900001", "ad", "https://fb.me/2kVb7Yq1c", "Repaint 150 ribu"),
        word="Halo kak, mau repaint",
    )


def test_an_organic_message_has_no_referral():
    assert only().referral is None


def test_an_ad_in_whatsapp_status_has_its_ad_but_no_click():
    referral = only(**{**FROM_AN_AD, "ReferralCtwaClid": ""}).referral
    assert (referral.ad_id, referral.click_id) == ("120212345678900001", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"From": "whatsapp:ID.13491208655302741918"},
        {"From": "whatsapp:ID.13491208655302741918", "ExternalUserIdentifier": "whatsapp:ID.13491208655302741918"},
    ],
)
def test_a_customer_without_a_phone_is_known_by_user_id(changes):
    assert only(WaId=None, **changes).who == Identities(None, "ID.13491208655302741918", "Budi 🏍️")


def test_phone_and_user_id_are_both_kept():
    assert only(ExternalUserIdentifier="ID.1").who == Identities("+6281234567890", "ID.1", "Budi 🏍️")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"MessageType": "button"}, "button"),
        ({"MessageType": None}, "text"),
        ({"MessageType": None, "NumMedia": "1", "MediaContentType0": "image/jpeg"}, "image"),
        ({"MessageType": None, "NumMedia": "1", "MediaContentType0": "application/pdf"}, "document"),
        ({"MessageType": None, "NumMedia": "1"}, "unknown"),
    ],
)
def test_the_kind_of_message_is_told_or_follows_from_its_media(changes, kind):
    assert only(**changes).kind == kind


@pytest.mark.parametrize(
    "changes",
    [
        {"MessageStatus": "delivered"},
        {"SmsStatus": "sent"},
        {"From": "+6281234567890"},
        {"From": "messenger:123"},
        {"From": "whatsapp:", "WaId": None},
        {"MessageSid": ""},
    ],
)
def test_statuses_other_channels_and_nameless_messages_are_counted_only(changes):
    assert twilio.hear({k: v for k, v in {**FORM, **changes}.items() if v}, NOW) == Heard(others=1)


@given(st.dictionaries(st.sampled_from([*FORM, *FROM_AN_AD, "MessageStatus"]), JSON))
def test_any_form_is_heard_without_a_fault(changes):
    check_sound(twilio.hear({**FORM, **changes}, NOW), NOW)
