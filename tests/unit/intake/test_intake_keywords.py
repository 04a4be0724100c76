"""STOP and the like: only as a whole message, on every platform."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.consent.decision import State
from konversi.intake import messenger
from konversi.intake.keywords import Keywords
from konversi.intake.whatsapp import baileys, cloud, samples, twilio
from konversi.settings import Settings

NOW = 1_780_000_000
AS_SET = Keywords.of(Settings.model_fields["stop_words"].default, Settings.model_fields["start_words"].default)


def on_cloud(text, kind="text"):
    call = samples.message("organic", message_id="wamid.A", at=NOW, text=text)
    message = call["entry"][0]["changes"][0]["value"]["messages"][0]
    if kind == "button":
        message |= {"type": "button", "button": {"text": text, "payload": "x"}}
        del message["text"]
    if kind == "interactive":
        pressed = {"type": "button_reply", "button_reply": {"id": "1", "title": text}}
        message |= {"type": "interactive", "interactive": pressed}
        del message["text"]
    return cloud.hear(call, NOW)


def on_messenger(text):
    told = {"mid": "m_1", "text": text}
    event = {"sender": {"id": "17"}, "recipient": {"id": "9"}, "timestamp": NOW, "message": told}
    return messenger.hear({"object": "page", "entry": [{"id": "9", "messaging": [event]}]}, NOW)


def on_twilio(text):
    form = {"MessageSid": "SM1", "From": "whatsapp:+6281234567890", "To": "whatsapp:+6281", "Body": text}
    return twilio.hear(form, NOW)


def through_evolution(text, extended=False):
    message = {"extendedTextMessage": {"text": text}} if extended else {"conversation": text}
    key = {"remoteJid": "6281234567890@s.whatsapp.net", "fromMe": False, "id": "3EB0A1"}
    data = {"key": key, "message": message, "messageTimestamp": NOW}
    return baileys.hear({"event": "messages.upsert", "data": data}, NOW)


def through_waha(text):
    payload = {"id": "false_6281234567890@c.us_3EB0A1", "from": "6281234567890@c.us", "fromMe": False, "body": text}
    return baileys.hear({"event": "message", "payload": payload}, NOW)


PLATFORMS = {
    "cloud": on_cloud,
    "cloud button": lambda text: on_cloud(text, "button"),
    "cloud reply button": lambda text: on_cloud(text, "interactive"),
    "messenger": on_messenger,
    "twilio": on_twilio,
    "evolution": through_evolution,
    "evolution, extended": lambda text: through_evolution(text, extended=True),
    "waha": through_waha,
}


@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("STOP", State.WITHDRAWN),
        (" stop. ", State.WITHDRAWN),
        ("*Berhenti*", State.WITHDRAWN),
        ("unsubscribe!", State.WITHDRAWN),
        ("Start", State.GRANTED),
        ("stop dulu ya kak", None),
        ("Jangan STOP", None),
        ("STOPP", None),
        ("stop" + " " * 100, None),
    ],
)
def test_a_keyword_counts_as_a_whole_message_only(platform, written, meant):
    (arrival,) = platform(written).arrivals
    assert AS_SET.decision(arrival.word) is meant


def test_other_words_can_be_set_and_a_word_that_is_in_both_stops():
    words = Keywords.of("henti, jangan kirim", "lanjut,henti")
    assert words.decision("Jangan  Kirim") is State.WITHDRAWN
    assert words.decision("HENTI") is State.WITHDRAWN
    assert words.decision("lanjut") is State.GRANTED
    assert words.decision("STOP") is None


def test_no_word_may_grant():
    assert Keywords.of("STOP", "-").meanings == {"stop": State.WITHDRAWN}


@given(st.text(max_size=60))
def test_any_text_is_some_keyword_or_none(text):
    assert AS_SET.decision(text) in {None, State.GRANTED, State.WITHDRAWN}
