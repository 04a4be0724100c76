from __future__ import annotations

import json

import pytest

from konversi.intake.whatsapp import samples


@pytest.mark.parametrize("kind", samples.KINDS)
def test_the_bytes_are_escaped_as_meta_escapes_them(kind):
    call = samples.message(kind, message_id="wamid.A", at=1_780_000_000, text="Halo 😊 https://studio.example/")
    sent = samples.as_sent(call)
    assert sent.isascii()
    assert b"\\ud83d\\ude0a https:\\/\\/studio.example\\/" in sent
    assert json.loads(sent) == call


def told(kind):
    value = samples.message(kind, message_id="wamid.A", at=1_780_000_000)["entry"][0]["changes"][0]["value"]
    return value["contacts"][0], value["messages"][0]


def test_a_username_hides_the_phone_everywhere():
    contact, message = told("username")
    assert "wa_id" not in contact
    assert "from" not in message
    assert message["from_user_id"] == contact["user_id"] == samples.USER_ID


def test_only_the_ad_in_whatsapp_status_lacks_the_click_id():
    assert {kind for kind in samples.KINDS if "ctwa_clid" in told(kind)[1].get("referral", {})} == {
        "ad-click",
        "username",
    }
    assert told("status-ad")[1]["referral"]["source_id"] == samples.AD_ID
    assert "referral" not in told("organic")[1]
