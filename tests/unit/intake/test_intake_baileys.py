from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_calls import JSON, check_sound, with_parts_exchanged

from konversi.intake.whatsapp import baileys
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral

NOW = 1_780_000_000
AT = NOW - 60
PHONE, LID = "6281234567890", "66417458159826"
AD_REPLY = {
    "title": "Repaint 150 ribu",
    "body": "Garansi 6 bulan",
    "mediaType": 2,
    "sourceType": "ad",
    "sourceId": "120212345678900001",
    "sourceUrl": "https://fb.me/2kVb7Yq1c",
    "ctwaClid": "Affc9P3TLX9o7iBSwwqSi",
    "showAdAttribution": True,
    "sourceApp": "instagram",
}
IN_CONTEXT = {"externalAdReply": AD_REPLY, "ctwaPayload": "QWZkN0cyMVk1NF", "conversionSource": "FB_Ads"}
FROM_THE_AD = Referral(
    "Affc9P3TLX9o7iBSwwqSi", "120212345678900001", "ad", "https://fb.me/2kVb7Yq1c", "Repaint 150 ribu"
)


def evolution(*, event="messages.upsert", key=None, **changes):
    data = {
        "key": {"remoteJid": f"{PHONE}@s.whatsapp.net", "fromMe": False, "id": "3EB0A1", **(key or {})},
        "pushName": "Budi 🏍️",
        "message": {"conversation": "Halo kak"},
        "messageType": "conversation",
        "messageTimestamp": AT,
        "source": "android",
        **changes,
    }
    return {"event": event, "instance": "studio", "data": data, "sender": "6281100000001@s.whatsapp.net"}


def waha(engine, *, event="message", data=None, **changes):
    payload = {
        "id": f"false_{PHONE}@c.us_3EB0A1",
        "timestamp": AT,
        "from": f"{PHONE}@c.us",
        "fromMe": False,
        "to": "6281100000001@c.us",
        "body": "Halo kak",
        "hasMedia": False,
        "participant": None,
        "_data": data or {},
        **changes,
    }
    me = {"id": "6281100000001@c.us", "pushName": "Studio"}
    return {
        "id": "evt_01aaaaaaaaaaaaaaaaaaaaaaaa",
        "timestamp": AT * 1_000,
        "event": event,
        "session": "default",
        "engine": engine,
        "me": me,
        "payload": payload,
    }


def noweb(**changes):
    key = {"remoteJid": f"{PHONE}@s.whatsapp.net", "fromMe": False, "id": "3EB0A1"}
    message = {"extendedTextMessage": {"text": "Halo kak", "contextInfo": IN_CONTEXT}}
    data = {"key": key, "messageTimestamp": AT, "pushName": "Budi 🏍️", "message": message}
    return waha("NOWEB", data=data, **changes)


def gows(**changes):
    info = {
        "Chat": f"{LID}@lid",
        "Sender": f"{LID}:3@lid",
        "SenderAlt": f"{PHONE}:3@s.whatsapp.net",
        "IsFromMe": False,
        "IsGroup": False,
        "ID": "3EB0A1",
        "Type": "text",
        "PushName": "Budi 🏍️",
        "Timestamp": "2026-05-28T20:25:40Z",
        "MediaType": "",
    }
    reply = {"sourceID" if name == "sourceId" else name: value for name, value in AD_REPLY.items()}
    reply["sourceURL"] = reply.pop("sourceUrl")
    message = {"extendedTextMessage": {"text": "Halo kak", "contextInfo": {"externalAdReply": reply}}}
    data = {"Info": info, "Message": message}
    return waha("GOWS", data=data, **{"from": f"{LID}@lid", "id": f"false_{LID}@lid_3EB0A1", **changes})


def webjs(**changes):
    data = {
        "id": {"fromMe": False, "remote": f"{PHONE}@c.us", "id": "3EB0A1", "_serialized": f"false_{PHONE}@c.us_3EB0A1"},
        "type": "chat",
        "t": AT,
        "notifyName": "Budi 🏍️",
        "from": {"server": "c.us", "user": PHONE, "_serialized": f"{PHONE}@c.us"},
        "ctwaContext": {"conversionSource": "FB_Ads", **AD_REPLY},
    }
    return waha("WEBJS", data=data, **changes)


def only(body):
    heard = baileys.hear(body, NOW)
    assert len(heard.arrivals) == 1
    return heard.arrivals[0]


def test_an_ad_click_through_evolution_is_read_whole():
    assert only(evolution(contextInfo=IN_CONTEXT)) == Arrival(
        message="3EB0A1",
        channel="whatsapp",
        account=None,
        line="+6281100000001",
        at=AT,
        who=Identities("+6281234567890", None, "Budi 🏍️"),
        kind="text",
        referral=FROM_THE_AD,
        word=only(evolution(contextInfo=IN_CONTEXT)).word,
    )


@pytest.mark.parametrize("body", [noweb(), gows(), webjs()], ids=["NOWEB", "GOWS", "WEBJS"])
def test_an_ad_click_through_each_engine_of_waha_is_read_whole(body):
    arrival = only(body)
    assert arrival.message == body["payload"]["id"]
    assert arrival.who.phone == "+6281234567890"
    assert (arrival.who.name, arrival.line, arrival.kind, arrival.at) == ("Budi 🏍️", "+6281100000001", "text", AT)
    assert arrival.referral == FROM_THE_AD


def test_evolution_go_tells_like_whatsmeow():
    body = {"event": "Message", "instanceName": "studio", "data": gows()["payload"]["_data"]}
    arrival = only(body)
    assert (arrival.message, arrival.who.phone, arrival.at) == ("3EB0A1", "+6281234567890", 1_780_000_000 - 60)
    assert arrival.referral == FROM_THE_AD


@pytest.mark.parametrize("event", ["messages.upsert", "MESSAGES_UPSERT", "messages-upsert"])
def test_each_spelling_of_the_event_is_known(event):
    assert only(evolution(event=event)).message == "3EB0A1"


@pytest.mark.parametrize("event", ["message", "message.any"])
def test_both_message_events_of_waha_tell_of_one_message(event):
    assert only(noweb(event=event)).message == f"false_{PHONE}@c.us_3EB0A1"


def test_several_messages_in_one_call_are_all_heard():
    one, two = evolution()["data"], evolution(key={"id": "3EB0A2"})["data"]
    for told in ([one, two], {"messages": [one, two], "type": "notify"}):
        heard = baileys.hear({"event": "messages.upsert", "data": told}, NOW)
        assert [arrival.message for arrival in heard.arrivals] == ["3EB0A1", "3EB0A2"]
    assert len(baileys.hear({"messages": [one, two], "type": "notify"}, NOW).arrivals) == 2


@pytest.mark.parametrize(
    "message",
    [
        {"extendedTextMessage": {"text": "Halo", "contextInfo": IN_CONTEXT}},
        {"imageMessage": {"caption": "Halo", "contextInfo": IN_CONTEXT}},
        {"ephemeralMessage": {"message": {"videoMessage": {"contextInfo": IN_CONTEXT}}}},
        {"conversation": "Halo", "messageContextInfo": {}, "contextInfo": IN_CONTEXT},
        {"extendedTextMessage": {"contextInfo": {"externalAdReply": {"source_id": AD_REPLY["sourceId"], **AD_REPLY}}}},
    ],
)
def test_the_ad_is_found_wherever_the_context_sits(message):
    assert only(evolution(message=message)).referral == FROM_THE_AD


def test_an_ad_without_a_click_id_is_still_an_ad():
    reply = {name: value for name, value in AD_REPLY.items() if name != "ctwaClid"}
    referral = only(evolution(contextInfo={"externalAdReply": reply, "ctwaPayload": "QWZkN0cyMVk1NF"})).referral
    assert referral == FROM_THE_AD._replace(click_id=None)


def test_an_encrypted_payload_is_no_click_id_but_tells_that_it_was_an_ad():
    context = {
        "conversionData": "QVBG",
        "ctwaPayload": {"0": 65, "1": 102},
        "entryPointConversionSource": "ctwa_ad",
    }
    assert only(evolution(contextInfo=context)).referral == Referral(source_type="ad")


@pytest.mark.parametrize(
    "context",
    [
        {"externalAdReply": {"title": "A link", "sourceUrl": "https://example.com", "renderLargerThumbnail": True}},
        {"quotedMessage": {"extendedTextMessage": {"contextInfo": IN_CONTEXT}}},
        {"entryPointConversionSource": "click_to_chat_link"},
        {},
    ],
)
def test_link_previews_and_quoted_ads_are_no_ads(context):
    assert only(evolution(contextInfo=context)).referral is None


@pytest.mark.parametrize(
    "key",
    [
        {"remoteJid": f"{LID}@lid", "remoteJidAlt": f"{PHONE}@s.whatsapp.net"},
        {"remoteJid": f"{LID}@lid", "senderPn": f"{PHONE}@s.whatsapp.net"},
        {"remoteJid": f"{LID}@lid", "participantPn": f"{PHONE}:7@s.whatsapp.net"},
        {"remoteJid": f"{PHONE}@s.whatsapp.net", "remoteJidAlt": f"{LID}@lid", "addressingMode": "pn"},
        {"remoteJid": f"{PHONE}:7@s.whatsapp.net", "senderLid": f"{LID}:7@lid"},
    ],
)
def test_a_hidden_address_gets_the_phone_beside_it(key):
    assert only(evolution(key=key)).who == Identities("+6281234567890", f"{LID}@lid", "Budi 🏍️")


def test_a_hidden_address_alone_is_never_a_phone():
    assert only(evolution(key={"remoteJid": f"{LID}@lid"})).who == Identities(None, f"{LID}@lid", "Budi 🏍️")


@pytest.mark.parametrize(
    "time_",
    [
        AT,
        str(AT),
        AT * 1_000,
        {"low": AT, "high": 0, "unsigned": True},
        {"low": AT - 2**32, "high": 0, "unsigned": False},
        {"low": (AT * 1_000) % 2**32, "high": AT * 1_000 // 2**32},
        "2026-05-28T20:25:40Z",
        "2026-05-29T03:25:40+07:00",
        "2026-05-28T20:25:40",
    ],
)
def test_every_form_of_the_time_is_read(time_):
    assert only(evolution(messageTimestamp=time_)).at == AT


@pytest.mark.parametrize("time_", [None, {}, {"low": "x"}, {"low": 1, "high": 2**40}, "0001-01-01T00:00:00Z", "soon"])
def test_a_message_without_a_usable_time_came_now(time_):
    assert only(evolution(messageTimestamp=time_)).at == NOW


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"messageType": "imageMessage"}, "image"),
        ({"messageType": "extendedTextMessage"}, "text"),
        ({"messageType": None, "message": {"messageContextInfo": {}, "audioMessage": {}}}, "audio"),
        ({"messageType": None, "message": None}, "unknown"),
        ({"messageType": "aTypeOfTomorrowMessage"}, "aTypeOfTomorrow"),
    ],
)
def test_the_kind_is_named_as_the_library_names_it(changes, kind):
    assert only(evolution(**changes)).kind == kind


@pytest.mark.parametrize(
    "body",
    [
        evolution(key={"fromMe": True}),
        evolution(key={"remoteJid": "120363041967849074@g.us", "participant": f"{PHONE}@s.whatsapp.net"}),
        evolution(key={"remoteJid": "status@broadcast"}),
        evolution(key={"remoteJid": "120363041967849074@newsletter"}),
        evolution(key={"remoteJid": "867051314767696@bot"}),
        evolution(key={"remoteJid": None}),
        evolution(key={"id": None}),
        evolution(messageType="protocolMessage"),
        evolution(event="messages.update"),
        evolution(event="send.message"),
        noweb(fromMe=True),
        noweb(event="message.ack"),
        noweb(**{"from": "120363041967849074@g.us"}),
        {"event": "session.status", "payload": {"status": "WORKING"}},
        {"event": "messages.upsert", "data": {}},
        {"event": "messages.upsert", "data": []},
        {"event": ["message"]},
        None,
        "message",
    ],
)
def test_what_no_customer_wrote_in_person_is_counted_only(body):
    assert baileys.hear(body, NOW) == Heard(others=1)


def test_whatsmeow_own_messages_and_groups_are_counted_only():
    body = gows()
    body["payload"]["_data"]["Info"]["IsFromMe"] = True
    assert baileys.hear(body, NOW) == Heard(others=1)
    body = gows()
    body["payload"]["_data"]["Info"]["Chat"] = "120363041967849074@g.us"
    assert baileys.hear(body, NOW) == Heard(others=1)


def nested(levels):
    inner = IN_CONTEXT
    for _ in range(levels):
        inner = {"message": inner}
    return inner


HOSTILE = {
    "deep": lambda: evolution(message=nested(5_000)),
    "wide": lambda: evolution(message={f"part_{number}": {} for number in range(100_000)}),
    "bytes": lambda: evolution(message={"imageMessage": {"jpegThumbnail": {str(n): 255 for n in range(200_000)}}}),
    "bushy": lambda: evolution(message={str(a): {str(b): {"x": {}} for b in range(300)} for a in range(300)}),
    "messages": lambda: {"event": "message", "payload": [{}] * 300_000},
    "ads": lambda: {"event": "message", "payload": [evolution()["data"] | {"message": nested(40)}] * 3_000},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_nonsense_takes_a_moment_only(name):
    body = HOSTILE[name]()
    started = time.thread_time()  # of the processor: whoever else is busy doesn't count
    check_sound(baileys.hear(body, NOW), NOW)
    assert time.thread_time() - started < 5


@given(JSON)
def test_any_json_is_heard_without_a_fault(body):
    check_sound(baileys.hear(body, NOW), NOW)


@settings(max_examples=300)
@given(st.data(), st.sampled_from([evolution(contextInfo=IN_CONTEXT), noweb(), gows(), webjs()]))
def test_a_real_call_with_any_part_exchanged_is_heard_without_a_fault(data, body):
    check_sound(baileys.hear(with_parts_exchanged(data, body), NOW), NOW)
