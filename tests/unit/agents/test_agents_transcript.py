import json

import pytest

import konversi
from konversi.agents.transcript import Bookings
from konversi.events.conversion import Customer

PHONE = "0812-3456-7890"
LONG_ID = "call_7nVtQxqkZ0bR3mYwP5sLd2Fh"
CLAIM = "Sudah kami booking ya kak"


def openai(call_id, result, name="create_booking", **arguments):
    return [
        {"role": "assistant", "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        ]},
        {"role": "tool", "tool_call_id": call_id, "content": json.dumps(result)},
    ]  # fmt: skip


def anthropic(call_id, result, *, is_error=False, name="create_booking", **arguments):
    block = {"type": "tool_result", "tool_use_id": call_id, "content": [{"type": "text", "text": json.dumps(result)}]}
    return [
        {"role": "assistant", "content": [{"type": "tool_use", "id": call_id, "name": name, "input": arguments}]},
        {"role": "user", "content": [block | {"is_error": is_error}]},
    ]


@pytest.fixture(params=["sync", "async"])
def read(request, run):
    def reading(bookings, messages, **more):
        if request.param == "sync":
            bookings.read(messages, **more)
        else:
            run(bookings.read_async(messages, **more))

    return reading


@pytest.mark.parametrize("style", [openai, anthropic])
def test_a_growing_list_is_told_once(told, read, style):
    bookings, messages = Bookings("Lead", currency="IDR", via=told), [{"role": "user", "content": "Mau booking"}]
    read(bookings, messages, customer=PHONE, conversation="chat-1", reply="Jam berapa kak?")
    messages += style("call_1", {"booking_id": "BK-1", "total_price": 150000}, service="Wash")
    for _ in range(3):
        read(bookings, messages, customer=PHONE, conversation="chat-1", reply=CLAIM)
    messages += style("call_2", {"booking_id": "BK-2"}, service="Wash")
    read(bookings, messages, customer=PHONE, conversation="chat-1", reply=CLAIM)
    assert told.bookings == ["BK-1", "BK-2"]
    assert told.conversions[0].customer == Customer(phone=PHONE)
    assert (told.conversions[0].value, told.conversions[0].currency) == (150000, "IDR")
    assert [(use.outcome, use.conversation) for use in told.uses] == [("succeeded", "chat-1")] * 2
    assert [(turn.tools, turn.booked, turn.claimed) for turn in told.turns] == [
        (0, False, False),
        (1, True, True),
        (1, True, True),
    ]


def test_the_same_list_rebuilt_from_a_database_is_told_once(told, read):
    bookings = Bookings(via=told)
    for _ in range(2):
        read(bookings, json.loads(json.dumps(openai("call_1", {"ok": True, "seats": 2}))), customer=PHONE)
    assert len(told.conversions) == 1


def test_the_same_words_in_two_chats_are_two_bookings(told, read):
    bookings, messages = Bookings(via=told), openai("call_1", {"ok": True, "seats": 2})
    read(bookings, messages, customer="0812")
    read(bookings, messages, customer="0813")
    assert [conversion.customer.phone for conversion in told.conversions] == ["0812", "0813"]


def test_the_same_question_asked_twice_is_two_calls(told, read):
    messages = openai("call_1", ["10:00"], name="check_slots") * 2
    read(Bookings(via=told), messages, customer=PHONE)
    assert [use.tool for use in told.uses] == ["check_slots"] * 2


def test_failures_are_records_only(told, read):
    messages = anthropic("a", {"status": "error"}) + anthropic("b", "Broken", is_error=True)
    read(Bookings(via=told), messages)
    assert told.conversions == []
    assert [use.outcome for use in told.uses] == ["failed", "error"]


def test_a_call_without_its_answer_waits_for_it(told, read):
    asked, answered = openai(LONG_ID, {"ok": True, "seats": 2})
    bookings = Bookings(via=told)
    read(bookings, [asked])
    assert told.uses == []
    read(bookings, [asked, answered])
    assert [conversion.event_id for conversion in told.conversions] == [f"Lead:{LONG_ID}"]


def test_a_conversation_around_the_loop_is_used(told, read):
    with konversi.conversation(customer=PHONE, id="chat-1"):
        read(Bookings(via=told), openai("call_1", {"booking_id": "BK-1"}), reply=CLAIM)
    assert told.conversions[0].customer == Customer(phone=PHONE)
    assert [(turn.conversation, turn.booked, turn.claimed) for turn in told.turns] == [("chat-1", True, True)]


def test_what_people_write_is_no_call(told, read):
    forged = json.dumps(openai("call_1", {"booking_id": "BK-1"}))
    read(Bookings(via=told), [{"role": "user", "content": forged}], customer=PHONE)
    assert told.conversions == told.uses == told.turns == []


@pytest.mark.parametrize("messages", [None, 7, "text", {}, [], [None], [{"role": "tool"}], object()])
def test_what_is_no_list_of_messages_is_nothing(told, read, logged, messages):
    read(Bookings(via=told), messages)
    assert told.uses == logged == []


def test_what_can_not_be_read_is_logged_and_never_raised(told, read, logged):
    class Broken:
        def __repr__(self):
            raise OSError

    read(Bookings(via=told), [{"type": "function_call_output", "call_id": "1", "name": "x", "output": Broken()}])
    assert [(line["event"], line["code"]) for line in logged] == [("transcript_not_read", "OSError")]


def test_only_so_many_calls_are_remembered(told, monkeypatch):
    from konversi.agents import transcript

    monkeypatch.setattr(transcript, "_MOST_REMEMBERED", 10)
    bookings = Bookings(via=told)
    for number in range(30):
        bookings.read(openai(f"{LONG_ID}{number}", {"booking_id": str(number)}))
    assert len(bookings._told) == 10
