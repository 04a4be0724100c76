"""Agents in any language, over `POST /v1/agent/turns`; and the client whose gateway is elsewhere, which waits for it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import suppress

import pytest
from api_chats import JOURNEYS, SECRETS, message, now, phone_of, rows, until, unused, whatsapp
from api_harness import EVENTS, PATIENCE, PIXEL, TOKEN, is_problem, running
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from konversi import Customer, Konversi, Lead, SyncKonversi
from konversi.client import queue
from konversi.errors import GatewayUnreachable, KonversiError, Unauthorized
from konversi.events.agent import ToolUse, Turn
from konversi.events.faults import Refused
from konversi.settings import load

TURNS, RECORDS = "/v1/agent/turns", "/v1/agent/records"
BOOKED = {"success": True, "bookingId": "BK-1", "totalPrice": 150_000}
SAID = "Sudah kami booking ya kak, besok jam 10."


@pytest.fixture
def kept(tmp_path):
    """A gateway with a database on disk."""
    given_ = load(
        pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, database_url=f"sqlite:///{tmp_path}/konversi.db", **SECRETS
    )
    with running(given_) as server:
        yield server


@pytest.fixture
def http(kept):
    with kept.client() as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_unforeseen(caplog):
    yield
    assert "unforeseen" not in caplog.text


def turn(http, **told):
    answer = http.post(TURNS, json={"customerPhone": "0812-3456-7890", **told})
    assert answer.status_code == 202, answer.text
    return answer.json()


def events(http):
    return http.get(EVENTS).json()["events"]


def uses(folder):
    return rows(folder, "SELECT tool, outcome FROM tool_uses ORDER BY id")


def turns(folder):
    return rows(folder, "SELECT tools, booked, claimed FROM turns ORDER BY id")


def openai(*calls, call_id="call_abcdef0123456789"):
    """A chat in OpenAI's form: each call is a tool's name and its result (None: still to come)."""
    told = [{"role": "user", "content": "Booking dong"}]
    for number, (name, result) in enumerate(calls):
        own = f"{call_id}{number}"
        function = {"name": name, "arguments": '{"service": "Repaint"}'}
        told.append({"role": "assistant", "tool_calls": [{"id": own, "type": "function", "function": function}]})
        if result is not None:
            told.append({"role": "tool", "tool_call_id": own, "content": json.dumps(result)})
    return told


def anthropic(name, result, *, is_error=False, call_id="toolu_abcdef0123456789"):
    used = {"type": "tool_use", "id": call_id, "name": name, "input": {"service": "Repaint"}}
    answered = {"type": "tool_result", "tool_use_id": call_id, "content": json.dumps(result), "is_error": is_error}
    return [{"role": "assistant", "content": [used]}, {"role": "user", "content": [answered]}]


# What counts.


def test_the_guides_shape_with_a_booking_in_it_books(http, tmp_path):
    said = turn(http, metadata={"toolsUsed": ["checkSlots", "createBooking"]}, bookingId="BK-1", reply=SAID)
    (booking,) = said["bookings"]
    assert (booking["tool"], booking["status"], booking["event_id"]) == ("createBooking", "accepted", "Lead:BK-1")
    assert booking["repeat"] is False
    assert said["said_booked_but_did_not"] is False
    assert [(one["tool"], one["succeeded"]) for one in said["tools"]] == [
        ("createBooking", True),
        ("checkSlots", False),
    ]
    assert [one["event_id"] for one in events(http)] == ["Lead:BK-1"]


def test_tools_used_alone_shows_no_booking_and_says_what_is_missing(http):
    said = turn(http, metadata={"toolsUsed": ["createBooking"]}, reply=SAID)
    assert said["bookings"] == []
    assert said["said_booked_but_did_not"] is True
    assert "nothing shows a booking" in said["tools"][0]["why"]
    assert events(http) == []


def test_the_guides_shape_with_its_tools_results_books(http, tmp_path):
    results = [{"slots": ["10:00"]}, BOOKED]
    said = turn(http, metadata={"toolsUsed": ["checkSlots", "createBooking"], "toolResults": results}, reply=SAID)
    assert [one["event_id"] for one in said["bookings"]] == ["Lead:BK-1"]
    assert sorted(uses(tmp_path)) == [("checkSlots", "succeeded"), ("createBooking", "succeeded")]
    assert turns(tmp_path) == [(2, 1, 1)]


TRANSCRIPTS = {
    "OpenAI": {"messages": openai(("checkSlots", {"slots": [1]}), ("createBooking", BOOKED))},
    "OpenAI, snake case": {"messages": openai(("create_booking", BOOKED))},
    "OpenAI, an MCP server's tool": {"messages": openai(("studio__createBooking", BOOKED))},
    "Anthropic": {"messages": anthropic("createBooking", BOOKED)},
    "results by name": {"metadata": {"toolsUsed": ["createBooking"], "toolResults": {"createBooking": BOOKED}}},
}


@pytest.mark.parametrize("result", TRANSCRIPTS.values(), ids=TRANSCRIPTS)
def test_a_succeeded_booking_is_reported_whatever_the_message_list(http, kept, meta_of, result):
    said = turn(http, **result)
    (booking,) = said["bookings"]
    assert booking["event_id"] == "Lead:BK-1"
    assert kept.ended(booking["receipt"])["state"] == "delivered"
    (event,) = meta_of(kept)
    assert event["custom_data"]["value"] == 150_000
    assert event["custom_data"]["order_id"] == "BK-1"
    assert event["user_data"]["ph"]


@pytest.fixture
def meta_of():
    return lambda server: server.meta.events


FAILURES = {
    "an error status": {"status": "error", "message": "slot taken"},
    "success false": {"success": False, "bookingId": "BK-1"},
    "an error text": "Error: the slot is taken",
    "an error field": {"error": "SLOT_TAKEN", "bookingId": None},
    "pending": {"status": "pending_confirmation", "bookingId": "BK-1"},
    "nothing": None,
    "an HTTP failure": {"status": 409, "body": "conflict"},
    "text only": "Baik, akan kami proses",
}


@pytest.mark.parametrize("result", FAILURES.values(), ids=FAILURES)
def test_a_soft_failure_is_no_booking_and_says_why(http, tmp_path, result):
    said = turn(http, messages=openai(("createBooking", result)), reply=SAID)
    assert said["bookings"] == []
    assert said["said_booked_but_did_not"] is True
    (tool,) = said["tools"]
    assert tool["succeeded"] is False
    assert tool["why"]
    assert events(http) == []
    ((name, outcome),) = uses(tmp_path)
    assert name == "createBooking"
    assert outcome in ("failed", "unknown")
    assert turns(tmp_path) == [(1, 0, 1)]


def test_a_frameworks_error_flag_counts_more_than_what_the_result_says(http):
    said = turn(http, messages=anthropic("createBooking", BOOKED, is_error=True))
    assert said["bookings"] == []
    assert events(http) == []


def test_a_failure_and_then_a_success_is_one_booking(http, tmp_path):
    said = turn(http, messages=openai(("createBooking", {"error": "slot taken"}), ("createBooking", BOOKED)))
    assert [one["event_id"] for one in said["bookings"]] == ["Lead:BK-1"]
    assert [one["succeeded"] for one in said["tools"]] == [False, True]
    assert len(events(http)) == 1


def test_a_booking_that_the_model_made_twice_is_one_event(http):
    said = turn(http, messages=openai(("createBooking", BOOKED), ("createBooking", BOOKED)))
    assert len(said["bookings"]) == 1
    assert len(events(http)) == 1


def test_two_bookings_in_one_turn_are_two_events(http):
    said = turn(http, messages=openai(("createBooking", BOOKED), ("createBooking", {**BOOKED, "bookingId": "BK-2"})))
    assert [one["event_id"] for one in said["bookings"]] == ["Lead:BK-1", "Lead:BK-2"]
    assert len(events(http)) == 2


def test_what_a_customer_or_a_tool_wrote_books_nothing(http):
    lie = json.dumps({"toolCalls": [{"name": "createBooking", "result": BOOKED}]})
    told = [{"role": "user", "content": lie}, *openai(("searchWeb", {"page": lie}))]
    said = turn(http, messages=told, reply="Ada yang bisa dibantu?")
    assert said["bookings"] == []
    assert said["said_booked_but_did_not"] is False


def test_another_tool_can_be_the_one_that_books_and_another_event_what_it_means(http):
    told = {
        "tools": ["payInvoice"],
        "event": "Purchase",
        "messages": openai(("payInvoice", BOOKED), ("createBooking", BOOKED)),
    }
    said = turn(http, **told)
    assert [one["event_id"] for one in said["bookings"]] == ["Purchase:BK-1"]
    assert [one["tool"] for one in said["bookings"]] == ["payInvoice"]


# The same again.


def test_the_same_turn_told_twice_counts_once(http, tmp_path):
    told = {"turnId": "turn-1", "conversation": "chat-1", "messages": openai(("checkSlots", {"slots": [1]}), ("createBooking", BOOKED)), "reply": SAID}  # fmt: skip
    first, second = turn(http, **told), turn(http, **told)
    assert first["bookings"][0]["receipt"] == second["bookings"][0]["receipt"]
    assert second["bookings"][0]["repeat"] is True
    assert len(events(http)) == 1
    assert len(uses(tmp_path)) == 2
    assert len(turns(tmp_path)) == 1


@pytest.mark.parametrize("call_id", ["call_abcdef0123456789", "call_"])
def test_the_same_turn_of_a_booking_without_an_id_counts_once(http, call_id):
    told = {
        "turnId": "turn-1",
        "messages": openai(("createBooking", {"success": True, "slot": "10:00"}), call_id=call_id),
    }
    first, second = turn(http, **told), turn(http, **told)
    assert first["bookings"][0]["receipt"] == second["bookings"][0]["receipt"]
    assert len(events(http)) == 1
    assert len(turn(http, **{**told, "turnId": "turn-2"})["bookings"]) == 1


def test_a_transcript_that_grows_from_turn_to_turn_books_once(http, tmp_path):
    first = openai(("checkSlots", {"slots": [1]}), ("createBooking", BOOKED))
    grown = [*first, {"role": "assistant", "content": SAID}, {"role": "user", "content": "Makasih"}]
    more = [*grown, *openai(("sendMap", {"sent": True}), call_id="call_later0123456789")]
    receipts = set()
    for number, told in enumerate((first, grown, more)):
        said = turn(http, turnId=f"turn-{number}", conversation="chat-1", messages=told)
        receipts |= {one["receipt"] for one in said["bookings"]}
    assert len(receipts) == 1
    assert len(events(http)) == 1
    assert sorted(name for name, _ in uses(tmp_path)) == ["checkSlots", "createBooking", "sendMap"]


def counting(number, name, result, **arguments):
    """A chat of a bot that counts its calls itself."""
    call_id = f"call_{number}"
    function = {"name": name, "arguments": json.dumps(arguments)}
    return [
        {"role": "assistant", "tool_calls": [{"id": call_id, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": call_id, "content": json.dumps(result)},
    ]


DONE = {"success": True}  # a booking without an id


@pytest.mark.parametrize("named", [True, False], ids=["with turn ids", "without"])
def test_a_transcript_that_grows_with_calls_of_its_own_counting_counts_each_once(http, tmp_path, named):
    told = []
    for number, part in enumerate(
        (
            counting(1, "checkSlots", {"slots": [1]}, day="Monday"),
            counting(2, "createBooking", DONE, day="Monday"),
            counting(3, "checkSlots", {"slots": [1]}, day="Monday"),
        )
    ):
        told += part
        own = {"turnId": f"turn-{number}"} if named else {}
        said = turn(http, **own, at=now() - 60 + number, conversation="chat-1", messages=told)
    assert said["bookings"][0]["repeat"] is True
    assert len(events(http)) == 1
    assert [name for name, _ in uses(tmp_path)] == ["checkSlots", "createBooking", "checkSlots"]


@pytest.mark.parametrize("named", [True, False], ids=["with turn ids", "without"])
def test_a_bot_that_counts_anew_in_each_turn_is_not_taken_for_repeating_itself(http, tmp_path, named):
    for number, day in enumerate(("Monday", "Tuesday")):
        own = {"turnId": f"turn-{number}"} if named else {}
        messages = [*counting(1, "checkSlots", {"slots": [1]}, day=day), *counting(2, "createBooking", DONE, day=day)]
        said = turn(http, **own, conversation="chat-1", messages=messages)
        assert said["bookings"][0]["repeat"] is False
    assert len(events(http)) == 2
    assert sorted(name for name, _ in uses(tmp_path)) == ["checkSlots"] * 2 + ["createBooking"] * 2


def test_the_same_question_twice_in_one_chat_is_two_calls_however_often_it_is_told(http, tmp_path):
    asked = [*counting(1, "checkSlots", {"slots": [1]}, day="Monday")] * 2
    for _ in range(3):
        turn(http, conversation="chat-1", messages=asked)
    assert [name for name, _ in uses(tmp_path)] == ["checkSlots"] * 2


def test_short_ids_of_another_chat_are_other_calls(http, tmp_path):
    for chat in ("chat-1", "chat-2"):
        turn(http, conversation=chat, messages=counting(1, "createBooking", DONE, day="Monday"))
    assert len(events(http)) == 2
    assert len(uses(tmp_path)) == 2


def test_no_event_shows_what_the_bot_calls_the_chat(http):
    turn(http, conversation="+6281234567890", messages=counting(1, "createBooking", DONE, day="Monday"))
    (event,) = events(http)
    assert "81234567890" not in json.dumps(event)


# Who it is.


def unnamed(http, **told):
    answer = http.post(TURNS, json=told)
    assert answer.status_code == 202, answer.text
    return answer.json()


def from_an_ad(http, conversation, phone=None):
    """A customer who came by an ad, and is named in one turn of the bot's conversation."""
    phone = phone or phone_of(unused())
    whatsapp(http, message(phone=phone, at=now() - 60))
    turn(http, customerPhone=phone, conversation=conversation, messages=openai(("checkSlots", {"slots": [1]})))
    return phone


def test_a_chat_that_was_named_with_its_customer_once_books_for_them(kept, http):
    from_an_ad(http, "thread-5")
    said = unnamed(http, conversation="thread-5", messages=openai(("createBooking", BOOKED)))
    (booking,) = said["bookings"]
    assert "click_known" in {note["code"] for note in booking["notes"]}
    kept.ended(booking["receipt"])
    (event,) = kept.meta.events
    assert event["event_name"] == "LeadSubmitted"
    assert event["user_data"]["ctwa_clid"]


def test_a_booking_that_is_told_again_without_the_customer_is_the_same(http):
    phone = from_an_ad(http, "thread-5")
    told = {"conversation": "thread-5", "messages": openai(("createBooking", BOOKED))}
    first = turn(http, customerPhone=phone, **told)["bookings"][0]
    second = unnamed(http, **told)["bookings"][0]
    assert (second["status"], second["repeat"], second["receipt"]) == ("accepted", True, first["receipt"])
    assert len(events(http)) == 1


def test_a_chat_that_nobody_was_named_in_books_for_nobody(http):
    from_an_ad(http, "thread-5")
    said = unnamed(http, conversation="thread-6", messages=openai(("createBooking", BOOKED)))
    assert said["bookings"][0]["problem"]["errors"][0]["code"] == "customer_insufficient"


def test_a_name_that_the_bot_gives_to_all_its_chats_stands_for_nobody(http):
    from_an_ad(http, "the bot")
    from_an_ad(http, "the bot")
    said = unnamed(http, conversation="the bot", messages=openai(("createBooking", BOOKED)))
    assert said["bookings"][0]["problem"]["errors"][0]["code"] == "customer_insufficient"
    assert events(http) == []


def test_a_customer_who_is_named_goes_before_the_one_that_the_chat_was_named_with(kept, http):
    from_an_ad(http, "thread-5")
    said = turn(
        http, customerPhone="0857-0000-1111", conversation="thread-5", messages=openai(("createBooking", BOOKED))
    )
    kept.ended(said["bookings"][0]["receipt"])
    (event,) = kept.meta.events
    assert event["event_name"] == "Lead"
    assert len(event["user_data"]["ph"]) == 1


def test_the_conversations_name_is_kept_nowhere(http, tmp_path):
    phone = from_an_ad(http, "thread-rahasia")
    unnamed(http, conversation="thread-rahasia", messages=openai(("createBooking", BOOKED)))
    kept_ = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"rahasia" not in kept_
    assert phone[3:].encode() not in kept_


def test_the_customer_is_found_in_the_chat_and_the_booking_is_tied_to_the_click(kept, http):
    phone = phone_of(unused())
    call = message(phone=phone, at=now() - 60)
    whatsapp(http, call)
    said = turn(http, customerPhone="0" + phone[3:], conversation="chat-9", messages=openai(("createBooking", BOOKED)))
    codes = {note["code"] for note in said["bookings"][0]["notes"]}
    assert "click_known" in codes
    (event,) = kept.ended(said["bookings"][0]["receipt"]) and kept.meta.events
    assert event["event_name"] == "LeadSubmitted"


def test_a_customer_who_has_only_a_user_id_is_found(kept, http):
    call = message("username", user_id="ID.7770001112223", at=now() - 60)
    whatsapp(http, call)
    told = {"customer": {"whatsapp_user_id": "ID.7770001112223"}, "messages": openai(("createBooking", BOOKED))}
    answer = http.post(TURNS, json=told)
    assert answer.status_code == 202
    (booking,) = answer.json()["bookings"]
    kept.ended(booking["receipt"])
    (event,) = kept.meta.events
    assert event["event_name"] == "LeadSubmitted"
    assert "ph" not in event["user_data"]


def test_a_booking_of_nobody_is_refused_inside_an_accepted_turn(http, tmp_path):
    answer = http.post(TURNS, json={"messages": openai(("createBooking", BOOKED)), "reply": SAID})
    assert answer.status_code == 202
    (booking,) = answer.json()["bookings"]
    assert booking["status"] == "refused"
    assert booking["problem"]["errors"][0]["code"] == "customer_insufficient"
    assert answer.json()["said_booked_but_did_not"] is False
    assert uses(tmp_path) == [("createBooking", "succeeded")]


def test_a_chat_that_was_named_with_its_customer_once_is_shown_on_their_journey(http):
    phone = phone_of(unused())
    whatsapp(http, message(phone=phone))
    turn(http, customerPhone=phone, conversation="thread-5", messages=openai(("checkSlots", {"slots": [1]})))
    answer = http.post(TURNS, json={"conversation": "thread-5", "messages": openai(("listServices", {"n": 3}), call_id="call_second0123456789")})  # fmt: skip
    assert answer.status_code == 202
    (one,) = http.get(JOURNEYS).json()["journeys"]
    shown = http.get(f"{JOURNEYS}/{one['journey']}").json()["timeline"]
    assert [entry["tool"] for entry in shown if entry["kind"] == "tool_call"] == ["checkSlots", "listServices"]


def test_a_reply_that_says_booked_although_nothing_was_is_shown(http, tmp_path):
    phone = phone_of(unused())
    whatsapp(http, message(phone=phone))
    said = turn(http, customerPhone=phone, reply=SAID, messages=openai(("checkSlots", {"slots": [1]})))
    assert said["said_booked_but_did_not"] is True
    (one,) = http.get(JOURNEYS).json()["journeys"]
    shown = http.get(f"{JOURNEYS}/{one['journey']}").json()
    assert [entry["kind"] for entry in shown["timeline"]].count("said_booked_but_did_not") == 1


@pytest.mark.parametrize(
    "reply", ["Mau dibooking jam berapa kak?", "Kalau sudah bayar, nanti kami booking.", "", "Halo!"]
)
def test_a_reply_that_does_not_say_it_is_not_accused(http, reply):
    assert turn(http, reply=reply, messages=openai(("checkSlots", {"slots": [1]})))["said_booked_but_did_not"] is False


def test_a_reply_that_repeats_an_earlier_booking_is_not_on_the_timeline(http):
    phone = phone_of(unused())
    whatsapp(http, message(phone=phone))
    turn(http, customerPhone=phone, at=now() - 60, reply=SAID, messages=openai(("createBooking", BOOKED)))
    turn(http, customerPhone=phone, at=now() - 30, reply="Iya kak, sudah kami booking untuk besok.")
    (one,) = http.get(JOURNEYS).json()["journeys"]
    shown = http.get(f"{JOURNEYS}/{one['journey']}").json()
    assert "said_booked_but_did_not" not in [entry["kind"] for entry in shown["timeline"]]


@pytest.mark.parametrize(
    "chat", [{"conversation": "chat-1"}, {"customerPhone": "0812-3456-7890"}], ids=["the conversation", "the customer"]
)
def test_a_reply_may_speak_of_what_an_earlier_turn_of_the_chat_booked(http, chat):
    whatsapp(http, message(phone="+6281234567890"))
    unnamed(
        http,
        **{"customerPhone": "0812-3456-7890", **chat},
        at=now() - 3_600,
        messages=openai(("createBooking", BOOKED)),
    )
    again = "Iya kak, sudah kami booking untuk besok."
    assert unnamed(http, **chat, reply=again)["said_booked_but_did_not"] is False
    assert unnamed(http, conversation="chat-2", reply=again)["said_booked_but_did_not"] is True
    assert unnamed(http, reply=again)["said_booked_but_did_not"] is True


@pytest.mark.parametrize("ago", [2 * 86_400, -3_600], ids=["days before", "after it"])
def test_a_reply_does_not_speak_of_what_was_booked_at_another_time(http, ago):
    turn(http, conversation="chat-1", at=now() - ago, messages=openai(("createBooking", BOOKED)))
    said = unnamed(http, conversation="chat-1", reply="Iya kak, sudah kami booking.")
    assert said["said_booked_but_did_not"] is True


def test_an_earlier_turn_that_did_not_book_is_nothing_to_speak_of(http):
    turn(http, conversation="chat-1", messages=openai(("createBooking", {"error": "SLOT_TAKEN"})))
    assert unnamed(http, conversation="chat-1", reply=SAID)["said_booked_but_did_not"] is True


def test_nothing_that_was_said_is_kept_or_logged(http, tmp_path, caplog):
    turn(http, reply="rahasia sekali, sudah kami booking", messages=openai(("createBooking", {**BOOKED, "note": "rahasia"})),
         customerName="Budi Rahasia", conversation="chat-rahasia")  # fmt: skip
    kept_ = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for secret in (b"rahasia", b"Rahasia", b"81234567890"):
        assert secret not in kept_
        assert secret.decode() not in caplog.text


# Bad bodies.


BAD = {
    "nothing": (b"", 400),
    "no JSON": (b"{oops", 400),
    "a list": (b"[]", 422),
    "a number": (b"7", 422),
    "null": (b"null", 422),
    "nothing to look at": (b"{}", 422),
    "only a customer": (b'{"customerPhone": "0812"}', 422),
    "an unknown event": (b'{"event": "", "reply": "x"}', 422),
    "no tools": (b'{"tools": [], "reply": "x"}', 422),
    "a tool that is no word": (b'{"tools": [1], "reply": "x"}', 422),
    "a customer that is none": (b'{"customer": [], "reply": "x"}', 422),
    "a customer with an unknown field": (b'{"customer": {"fone": "1"}, "reply": "x"}', 422),
    "a reply that is none": (b'{"reply": {"text": "x"}}', 422),
    "a channel that is none": (b'{"channel": "fax", "reply": "x"}', 422),
    "a time that is none": (b'{"at": "now", "reply": "x"}', 422),
    "a turn without a name": (b'{"turnId": "", "reply": "x"}', 422),
    "a long reply": (json.dumps({"reply": "x" * 100_001}).encode(), 422),
    "too large": (json.dumps({"reply": "x", "pad": "x" * 1_048_576}).encode(), 413),
    "deep": (b'{"reply": "x", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
}


@pytest.mark.parametrize(("body", "status"), BAD.values(), ids=BAD)
def test_a_bad_turn_is_refused_with_the_reason(http, tmp_path, body, status):
    answer = http.post(TURNS, content=body, headers={"content-type": "application/json"})
    problem = is_problem(answer, status=status)
    if status == 422:
        assert problem["errors"]
    assert uses(tmp_path) == turns(tmp_path) == []


@pytest.mark.parametrize("at", [-1, 1e300, 0, 2**80, 10**400, -1e300, 32_503_680_000])
def test_a_turn_at_an_impossible_time_breaks_nothing(http, at):
    phone = phone_of(unused())
    whatsapp(http, message(phone=phone))
    told = {"at": at, "reply": SAID, "customerPhone": phone, "messages": openai(("createBooking", BOOKED))}
    assert http.post(TURNS, json=told).status_code == 202
    call = {"tool": "x", "outcome": "failed", "called_at": at, "customer": {"phone": phone}}
    record = {"calls": [call], "turns": [{"at": at, "claimed": True, "customer": {"phone": phone}}]}
    assert http.post(RECORDS, json=record).status_code == 202
    (one,) = http.get(JOURNEYS).json()["journeys"]
    shown = http.get(f"{JOURNEYS}/{one['journey']}")
    assert shown.status_code == 200
    assert [entry["kind"] for entry in shown.json()["timeline"]].count("tool_call") == 2


def test_a_turn_of_another_media_type_is_refused(http):
    answer = http.post(TURNS, content=b"reply=x", headers={"content-type": "application/x-www-form-urlencoded"})
    is_problem(answer, status=415)


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)  # fmt: skip
WORDS = (
    "metadata", "toolsUsed", "toolResults", "messages", "role", "content", "tool_calls", "id", "function", "name",
    "arguments", "tool_call_id", "type", "tool_use", "tool_result", "input", "is_error", "success", "bookingId", "status",
    "createBooking", "turnId", "conversation", "at", "reply", "customerPhone", "customer", "event", "tools", "result",
)  # fmt: skip
json_values = st.recursive(
    scalars | st.sampled_from([*WORDS, "assistant", "tool", SAID]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=5),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(WORDS), json_values, max_size=6))
def test_any_turn_is_taken_or_refused(http, told):
    answer = http.post(TURNS, content=json.dumps(told).encode(), headers={"content-type": "application/json"})
    assert answer.status_code in (202, 400, 422), answer.text


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["calls", "turns", "x"]), st.lists(json_values, max_size=3) | json_values))
def test_any_records_are_taken_or_refused(http, told):
    answer = http.post(RECORDS, content=json.dumps(told).encode(), headers={"content-type": "application/json"})
    assert answer.status_code in (202, 422), answer.text


# Records.


def test_records_are_kept_each_once(http, tmp_path):
    call = {"tool": "createBooking", "outcome": "error", "error_kind": "SlotTaken", "seconds": 0.5, "call_id": "c-1"}
    told = {
        "calls": [call, call, {**call, "call_id": "c-2"}],
        "turns": [{"turn_id": "t-1", "tools": 1, "claimed": True}],
    }
    for _ in range(2):
        assert http.post(RECORDS, json=told).json() == {"calls": 3, "turns": 1}
    assert uses(tmp_path) == [("createBooking", "error")] * 2
    assert turns(tmp_path) == [(1, 0, 1)]


def test_a_thousand_records_are_kept_together(http, tmp_path):
    calls = [{"tool": "checkSlots", "outcome": "succeeded"}] * 1_000
    told = [{"turn_id": f"t-{number}", "claimed": True} for number in range(1_000)]
    began = time.monotonic()
    assert http.post(RECORDS, json={"calls": calls, "turns": told}).status_code == 202
    assert time.monotonic() - began < 3
    assert len(uses(tmp_path)) == len(turns(tmp_path)) == 1_000


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"calls": [{"tool": "x", "outcome": "maybe"}]}, "calls.0.outcome"),
        ({"calls": [{"tool": "", "outcome": "failed"}]}, "calls.0.tool"),
        ({"calls": [{"tool": "x", "outcome": "failed", "error_kind": "Slot taken for Budi"}]}, "calls.0.error_kind"),
        ({"calls": [{"tool": "x", "outcome": "failed", "seconds": -1}]}, "calls.0.seconds"),
        ({"turns": [{"tools": -1}]}, "turns.0.tools"),
        ({"turns": [{"reply": "x"}]}, "turns.0.reply"),
        ({"calls": [{"tool": "x", "outcome": "failed"}] * 1_001}, "calls"),
        ({"other": []}, "other"),
    ],
)
def test_a_record_that_can_not_be_kept_is_named(http, tmp_path, told, field):
    problem = is_problem(http.post(RECORDS, json=told), status=422)
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert uses(tmp_path) == []


# A client whose gateway is elsewhere.


def silent_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Doorway:
    """An address that a gateway stands behind, or nobody; it can take a request and lose the answer."""

    def __init__(self):
        self.port = silent_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.behind = None
        self.lose = 0
        self.asked = 0
        self._server = None

    def open(self, server):
        self.behind = server.port
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(caller,), daemon=True).start()

    def _one(self, caller):
        with caller, suppress(OSError), socket.create_connection(("127.0.0.1", self.behind), timeout=PATIENCE) as inner:
            caller.settimeout(PATIENCE)
            while True:
                request = _whole(caller)
                if not request:
                    return
                self.asked += 1
                inner.sendall(request)
                answer = _whole(inner)
                if not answer:
                    return
                if self.lose > 0:
                    self.lose -= 1
                    return
                caller.sendall(answer)

    def close(self):
        if self._server is not None:
            self._server.close()


def _whole(side):
    """One HTTP message with its body."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = side.recv(65_536)
        if not part:
            return b""
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += side.recv(65_536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def doorway():
    own = Doorway()
    yield own
    own.close()


def lead(**changed):
    return Lead(**{"customer": Customer(phone="0812-3456-7890"), "value": 150_000, **changed})


async def test_what_was_submitted_while_the_gateway_was_away_arrives_once_when_it_is_back(
    kept, http, doorway, tmp_path
):
    async with Konversi(url=doorway.url) as konversi:
        waiting = [asyncio.create_task(konversi.submit(lead(booking_id=f"BK-{n}"))) for n in range(40)]
        waiting.append(
            asyncio.create_task(konversi.note(ToolUse(tool="createBooking", outcome="succeeded", call_id="c-1")))
        )
        waiting.append(asyncio.create_task(konversi.turn(Turn(turn_id="t-1", tools=1, booked=True))))
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in waiting)
        doorway.open(kept)
        async with asyncio.timeout(PATIENCE):
            receipts = await asyncio.gather(*waiting[:40])
            await asyncio.gather(*waiting[40:])
    assert len({receipt.receipt for receipt in receipts}) == 40
    assert len(http.get(EVENTS, params={"limit": 500}).json()["events"]) == 40
    assert uses(tmp_path) == [("createBooking", "succeeded")]
    assert turns(tmp_path) == [(1, 1, 0)]


@pytest.mark.parametrize("named", [{"booking_id": "BK-1"}, {}])
async def test_what_waited_for_the_gateway_happened_when_it_was_submitted(kept, http, doorway, monkeypatch, named):
    async with Konversi(url=doorway.url) as konversi:
        waiting = asyncio.create_task(konversi.submit(lead(**named)))
        await asyncio.sleep(0)
        began = queue.monotonic()
        monkeypatch.setattr(queue, "monotonic", lambda: began + 5_400)
        doorway.open(kept)
        async with asyncio.timeout(PATIENCE):
            receipt = await waiting
            if named:
                assert (await konversi.track(lead(**named))).receipt == receipt.receipt  # reported again, no conflict
    sent = http.get(f"{EVENTS}/{receipt.receipt}").json()["sent_to_meta"]
    assert sent["event_time"] == pytest.approx(time.time() - 5_400, abs=60)


@pytest.mark.parametrize("named", [{"booking_id": "BK-1"}, {}])
async def test_an_answer_that_was_lost_makes_no_second_event(kept, http, doorway, named):
    doorway.open(kept)
    doorway.lose = 2
    async with Konversi(url=doorway.url) as konversi:
        async with asyncio.timeout(PATIENCE):
            receipt = await konversi.submit(lead(**named))
    assert doorway.asked >= 3
    assert [one["receipt"] for one in events(http)] == [receipt.receipt]


async def test_records_whose_answer_was_lost_are_kept_once(kept, http, doorway, tmp_path):
    doorway.open(kept)
    async with Konversi(url=doorway.url) as konversi:
        async with asyncio.timeout(PATIENCE):
            doorway.lose = 1
            await konversi.note(ToolUse(tool="createBooking", outcome="succeeded"))
            doorway.lose = 1
            await konversi.turn(Turn(tools=1, booked=True))
    assert uses(tmp_path) == [("createBooking", "succeeded")]
    assert turns(tmp_path) == [(1, 1, 0)]


async def test_what_the_gateway_refuses_is_not_tried_again(kept, doorway):
    doorway.open(kept)
    async with Konversi(url=doorway.url) as konversi:
        with pytest.raises(Refused):
            await konversi.submit(lead(customer=Customer()))
    assert doorway.asked == 1


async def test_a_wrong_key_is_not_tried_again(tmp_path):
    with running(load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, api_key="right")) as server:
        async with Konversi(url=server.url, api_key="wrong") as konversi:
            with pytest.raises(Unauthorized):
                await konversi.submit(lead())


def test_closing_waits_for_what_is_queued_and_the_gateway_comes_back_in_time(kept, http, doorway):
    with SyncKonversi(url=doorway.url) as konversi:
        future = konversi.submit(lead(booking_id="BK-1"))
        time.sleep(0.3)
        threading.Timer(0.5, doorway.open, [kept]).start()
    assert future.result(PATIENCE).event_id == "Lead:BK-1"
    assert len(events(http)) == 1


def test_closing_gives_up_after_seconds_says_so_and_leaves_nobody_waiting(doorway, caplog):
    began = time.monotonic()
    with SyncKonversi(url=doorway.url) as konversi:
        futures = [konversi.submit(lead(booking_id=f"BK-{n}")) for n in range(20)]
        futures.append(konversi.note(ToolUse(tool="x", outcome="failed")))
        time.sleep(0.2)
    assert time.monotonic() - began < 8
    for future in futures:
        with pytest.raises(GatewayUnreachable):
            future.result(PATIENCE)
    assert "queue_given_up" in caplog.text
    assert "81234567890" not in caplog.text


async def test_after_closing_nothing_is_taken(kept):
    konversi = Konversi(url=kept.url)
    async with konversi:
        await konversi.submit(lead())
    with pytest.raises(RuntimeError):
        await konversi.submit(lead())


def test_tracking_does_not_wait_for_a_gateway_that_is_away(doorway):
    with SyncKonversi(url=doorway.url) as konversi:
        began = time.monotonic()
        with pytest.raises(KonversiError):
            konversi.track(lead())
        assert time.monotonic() - began < 3


def test_a_gateway_that_restarts_under_a_stream_of_submissions_gets_each_once(tmp_path, doorway):
    def gateway():
        kept_there = f"sqlite:///{tmp_path}/konversi.db"
        return running(load(pixel_id=PIXEL, token=TOKEN, data_dir=tmp_path, database_url=kept_there))

    with SyncKonversi(url=doorway.url) as konversi:
        futures = []
        with gateway() as server:
            doorway.open(server)
            for number in range(30):
                futures.append(konversi.submit(lead(booking_id=f"BK-{number}")))
                time.sleep(0.005)
            futures[0].result(PATIENCE)
        futures += [konversi.submit(lead(booking_id=f"BK-{number}")) for number in range(30, 60)]
        with gateway() as server:
            doorway.behind = server.port
            receipts = [future.result(2 * PATIENCE) for future in futures]
            with server.client() as http:
                found = http.get(EVENTS, params={"limit": 500}).json()["events"]
    assert len({receipt.receipt for receipt in receipts}) == 60
    assert sorted(one["event_id"] for one in found) == sorted(f"Lead:BK-{n}" for n in range(60))


def test_records_of_a_gateway_in_this_process_are_kept_too(tmp_path):
    with SyncKonversi(data_dir=tmp_path) as konversi:
        konversi.note(ToolUse(tool="book", outcome="succeeded")).result(PATIENCE)
        konversi.turn(Turn(tools=1)).result(PATIENCE)
    assert uses(tmp_path) == [("book", "succeeded")]
    until(lambda: turns(tmp_path) == [(1, 0, 0)], "it is kept")
