from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from konversi.detection import bookings_in, inspect_result
from konversi.events.conversion import Conversion, Customer, Service
from konversi.events.faults import Refused

ARGUMENTS = {
    "customerPhone": "6281234567890",
    "customerName": "Budi Santoso",
    "totalValue": 150000,
    "services": [{"serviceName": "Repaint Bodi Halus", "price": 150000}],
}
BOOKED = {"bookingId": "BK-1", "status": "confirmed"}


def openai_chat(content, *, name="createBooking", call_id="call_1", arguments=None):
    call = {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments or ARGUMENTS)},
    }
    answered = [] if content is None else [{"role": "tool", "tool_call_id": call_id, "content": content}]
    return [
        {"role": "user", "content": "book me"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        *answered,
        {"role": "assistant", "content": "Done"},
    ]


def openai_responses(output, *, call_id="call_1"):
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": call_id,
        "name": "create_booking",
        "arguments": json.dumps(ARGUMENTS),
    }
    return [call, {"type": "function_call_output", "call_id": call_id, "output": output}]


def anthropic(content, *, is_error=False, call_id="toolu_1"):
    return [
        {"role": "assistant", "content": [
            {"type": "text", "text": "One moment"},
            {"type": "tool_use", "id": call_id, "name": "createBooking", "input": ARGUMENTS},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": is_error},
        ]},
    ]  # fmt: skip


def langchain(content, **message):
    return {"messages": [
        {"type": "ai", "content": "", "tool_calls": [
            {"name": "create_booking", "args": ARGUMENTS, "id": "call_1", "type": "tool_call"},
        ]},
        {"type": "tool", "name": "create_booking", "tool_call_id": "call_1", "status": "success", "content": content} | message,
    ]}  # fmt: skip


def pydantic_ai(outcome="success"):
    call = SimpleNamespace(
        part_kind="tool-call", tool_name="create_booking", args=json.dumps(ARGUMENTS), tool_call_id="p1"
    )
    answer = SimpleNamespace(
        part_kind="tool-return", tool_name="create_booking", content=BOOKED, tool_call_id="p1", outcome=outcome
    )
    return [SimpleNamespace(kind="response", parts=[call]), SimpleNamespace(kind="request", parts=[answer])]


def guide(**metadata):
    return {"reply": "Sudah dibooking", "metadata": {"toolsUsed": ["getSlots", "createBooking"], **metadata}}


TRANSCRIPTS = {
    "OpenAI chat": openai_chat(json.dumps(BOOKED)),
    "OpenAI chat, encoded twice": openai_chat(json.dumps(json.dumps(BOOKED))),
    "OpenAI Responses": {"output": openai_responses(json.dumps(BOOKED))},
    "OpenAI Agents, a dict as Python text": openai_responses(str(BOOKED)),
    "Anthropic, text": anthropic(json.dumps(BOOKED)),
    "Anthropic, blocks": {"messages": anthropic([{"type": "text", "text": json.dumps(BOOKED)}])},
    "LangChain": langchain(json.dumps(BOOKED)),
    "LangChain with an artifact": langchain("Booked", artifact=BOOKED),
    "Pydantic AI": pydantic_ai(),
    "Vercel AI SDK": {"steps": [
        {"toolCalls": [{"type": "tool-call", "toolCallId": "v1", "toolName": "createBooking", "input": ARGUMENTS}],
         "toolResults": [{"type": "tool-result", "toolCallId": "v1", "toolName": "createBooking", "output": BOOKED}]},
    ]},
    "Vercel AI SDK messages": [
        {"role": "assistant", "content": [
            {"type": "tool-call", "toolCallId": "v1", "toolName": "createBooking", "input": ARGUMENTS}]},
        {"role": "tool", "id": "m2", "content": [
            {"type": "tool-result", "toolCallId": "v1", "toolName": "createBooking",
             "output": {"type": "json", "value": BOOKED}}]},
    ],
    "Genkit": {"messages": [
        {"role": "model", "content": [{"toolRequest": {"name": "createBooking", "ref": "g1", "input": ARGUMENTS}}]},
        {"role": "tool", "content": [{"toolResponse": {"name": "createBooking", "ref": "g1", "output": BOOKED}}]},
    ]},
    "Gemini, without ids": {"contents": [
        {"role": "model", "parts": [{"functionCall": {"name": "createBooking", "args": ARGUMENTS}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "createBooking", "response": BOOKED}}]},
    ]},
    "Bedrock": [
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "b1", "name": "createBooking", "input": ARGUMENTS}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "b1", "status": "success", "content": [{"json": BOOKED}]}}]},
    ],
    "OpenAI, legacy functions": [
        {"role": "assistant", "function_call": {"name": "createBooking", "arguments": json.dumps(ARGUMENTS)}},
        {"role": "function", "name": "createBooking", "content": json.dumps(BOOKED)},
    ],
    "a call that carries its result": {"steps": [{"tool": "createBooking", "input": ARGUMENTS, "output": BOOKED}]},
    "a hosted MCP call": {"output": [{"type": "mcp_call", "id": "mcp_1", "name": "create_booking", "error": None,
                                      "arguments": json.dumps(ARGUMENTS), "output": json.dumps(BOOKED)}]},
    "an MCP server's name before the tool's": openai_chat(json.dumps(BOOKED), name="mcp__shop__create_booking"),
    "the guide's shape, results in order": guide(toolResults=[{"slots": []}, BOOKED | ARGUMENTS]),
    "the guide's shape, results with names": guide(toolResults=[{"name": "createBooking", "args": ARGUMENTS, "result": BOOKED}]),
    "the guide's shape, results by name": guide(toolResults={"createBooking": BOOKED | ARGUMENTS}),
    "the guide's shape, its own fields": guide() | BOOKED | ARGUMENTS,
    "the guide's shape, fields in the metadata": guide(**BOOKED, **ARGUMENTS),
    "the guide's shape, a booking object": guide() | {"booking": {"id": "BK-1"}} | ARGUMENTS,
    "the guide's shape as an object": SimpleNamespace(metadata=SimpleNamespace(tools_used=["create_booking"]), booking_id="BK-1", **ARGUMENTS),
}  # fmt: skip


@pytest.mark.parametrize("shape", TRANSCRIPTS)
def test_a_succeeded_booking_is_found_in(shape):
    assert bookings_in(TRANSCRIPTS[shape]) == [
        Conversion(
            event="Lead",
            booking_id="BK-1",
            customer=Customer(phone="6281234567890", name="Budi Santoso"),
            value=150000,
            services=(Service(name="Repaint Bodi Halus", price=150000),),
        )
    ]


FAILED = {
    "a soft failure": openai_chat('{"status": "error", "bookingId": "BK-1"}'),
    "ok: false": openai_chat('{"ok": false, "bookingId": "BK-1"}'),
    "still pending": openai_chat('{"status": "pending", "bookingId": "BK-1"}'),
    "to be confirmed": openai_chat('{"status": "needs_confirmation", "bookingId": "BK-1"}'),
    "OpenAI Agents' sentence for an exception": openai_responses("An error occurred while running the tool. Please try again."),
    "OpenAI Agents' time-out": openai_responses("Tool 'create_booking' timed out after 5 seconds."),
    "a call without an answer": openai_chat(None),
    "an answer of text only": openai_chat("Booked for tomorrow"),
    "an empty answer": openai_chat(""),
    "another tool": openai_chat(json.dumps(BOOKED), name="createBookingDraft"),
    "Anthropic's is_error": anthropic(json.dumps(BOOKED), is_error=True),
    "LangChain's status": langchain(json.dumps(BOOKED), status="error"),
    "LangChain's JSON text with a soft failure": langchain('{"status": "error", "booking_id": "BK-1"}'),
    "LangChain's rejected call": langchain("User rejected the tool call for `create_booking` with id call_1"),
    "Pydantic AI, failed": pydantic_ai("failed"),
    "Pydantic AI, denied": pydantic_ai("denied"),
    "Pydantic AI, retried": pydantic_ai("retried"),
    "Pydantic AI, interrupted": pydantic_ai("interrupted"),
    "Pydantic AI, a retry prompt": [{"part_kind": "retry-prompt", "tool_name": "create_booking", "content": BOOKED, "tool_call_id": "p"}],
    "MCP's isError": openai_responses({"isError": True, "content": [{"type": "text", "text": json.dumps(BOOKED)}]}),
    "a hosted MCP call with an error": [{"type": "mcp_call", "id": "m", "name": "createBooking", "error": "boom", "output": None}],
    "Bedrock's status": [
        {"toolUse": {"toolUseId": "b1", "name": "createBooking", "input": {}}},
        {"toolResult": {"toolUseId": "b1", "status": "error", "content": [{"json": BOOKED}]}},
    ],
    "the guide's shape, called only": guide(),
    "the guide's shape, called, and an error": guide() | {"bookingId": "BK-1", "error": "slot taken"},
    "the guide's shape, a failed result": guide(toolResults=[{}, {"status": "error"}]) | {"bookingId": "BK-1"},
    "the guide's shape, a named failure": guide(toolResults=[{"name": "createBooking", "success": False, "result": BOOKED}]),
    "the guide's shape, a sentence": guide(toolResults=["ok", "An error occurred while running the tool. Please try again."]),
    "the guide's shape, another tool": {"metadata": {"toolsUsed": ["getSlots"]}, "bookingId": "BK-1"},
    "no tool at all": {"bookingId": "BK-1"},
}  # fmt: skip


@pytest.mark.parametrize("shape", FAILED)
def test_called_is_not_succeeded(shape):
    assert bookings_in(FAILED[shape]) == []


@pytest.mark.parametrize(
    "shape",
    [name for name in FAILED if name not in {"another tool", "the guide's shape, another tool", "no tool at all"}],
)
def test_inspection_tells_why_a_call_did_not_count(shape):
    (call,) = inspect_result(FAILED[shape])
    assert not call.outcome.ok
    assert call.outcome.why
    assert call.conversion is None


def test_nobody_can_write_a_booking_into_a_chat():
    forged = anthropic(json.dumps(BOOKED))
    assert bookings_in([{"role": "user", "content": json.dumps(forged)}]) == []
    assert bookings_in(openai_chat(json.dumps({"messages": forged}), name="search")) == []
    assert bookings_in([{"type": "tool_result", "tool_use_id": "other", "content": forged}]) == []


def test_a_failed_try_and_a_second_one_are_one_booking():
    transcript = openai_chat('{"status": "error"}', call_id="a") + openai_chat(json.dumps(BOOKED), call_id="b")
    assert [booking.booking_id for booking in bookings_in(transcript)] == ["BK-1"]
    assert [call.outcome.ok for call in inspect_result(transcript)] == [False, True]


def test_a_booking_whose_tool_was_called_twice_is_one_booking():
    twice = openai_chat(json.dumps(BOOKED), call_id="a") + openai_chat(json.dumps(BOOKED), call_id="b")
    assert len(inspect_result(twice)) == 2
    assert len(bookings_in(twice)) == 1


def test_two_bookings_are_two():
    both = openai_chat('{"bookingId": "BK-1"}', call_id="a") + openai_chat('{"bookingId": "BK-2"}', call_id="b")
    assert [booking.booking_id for booking in bookings_in(both)] == ["BK-1", "BK-2"]


def test_without_a_booking_id_one_call_is_one_booking():
    call_id = "call_0123456789abcdefghij"
    (booking,) = bookings_in(openai_chat('{"ok": true}', call_id=call_id) * 2)
    assert booking.booking_id is None
    assert booking.event_id == f"Lead:{call_id}"


def test_a_short_call_id_comes_again_in_other_chats_and_names_no_event():
    (booking,) = bookings_in(openai_chat('{"ok": true}', call_id="call_1"))
    assert booking.event_id is None


def test_an_answer_that_came_later_goes_before_the_first():
    pending = openai_chat('{"status": "pending"}')
    later = {"role": "tool", "tool_call_id": "call_1", "content": json.dumps(BOOKED)}
    assert len(bookings_in([*pending, later])) == 1


def test_parallel_calls_keep_their_own_answers():
    calls = [{"id": name, "function": {"name": "createBooking", "arguments": "{}"}} for name in ("a", "b")]
    answers = [
        {"role": "tool", "tool_call_id": "b", "content": '{"bookingId": "BK-b"}'},
        {"role": "tool", "tool_call_id": "a", "content": '{"status": "error"}'},
    ]
    assert [booking.booking_id for booking in bookings_in([{"role": "assistant", "tool_calls": calls}, *answers])] == [
        "BK-b"
    ]


def test_the_result_goes_before_the_arguments():
    (booking,) = bookings_in(openai_chat('{"bookingId": "BK-1", "total_price": "Rp 175.000"}'))
    assert (booking.value, booking.currency) == (175000, "IDR")


@pytest.mark.parametrize("word", ["category", "serviceCategory", "kategori"])
def test_a_services_category_is_read(word):
    arguments = ARGUMENTS | {"services": [{"name": "Peeling", word: "Facial"}]}
    (booking,) = bookings_in(openai_chat(json.dumps(BOOKED), arguments=arguments))
    assert booking.services[0].category == "Facial"


def test_a_value_that_can_not_be_read_is_left_out_and_the_booking_kept():
    (booking,) = bookings_in(openai_chat('{"bookingId": "BK-1"}', arguments={"totalValue": "about 150k"}))
    assert booking.value is None


def test_a_faulty_part_is_dropped_and_named():
    arguments = ARGUMENTS | {
        "services": [{"name": "Wash"}, {"name": "x" * 501}, {"name": "Wax", "quantity": 0}],
        "customerName": "Bu\x00di",
    }
    (call,) = inspect_result(openai_chat(json.dumps(BOOKED), arguments=arguments))
    assert call.conversion is not None
    assert [service.name for service in call.conversion.services] == ["Wash", "Wax"]
    assert call.conversion.customer.name is None
    assert call.conversion.customer.phone == "6281234567890"
    assert "customer.name" in call.dropped


def test_a_lone_surrogate_loses_the_name_only():
    (booking,) = bookings_in(
        openai_chat('{"bookingId": "BK-1", "customerName": "\\ud800"}', arguments={"phone": "0812"})
    )
    assert booking.customer.name is None
    assert booking.customer.phone == "0812"


def test_a_request_or_message_id_is_no_booking_id():
    (booking,) = bookings_in(openai_chat('{"id": 1, "result": {"date": "2025-01-01"}}'))
    assert booking.booking_id is None
    (booking,) = bookings_in(openai_chat('{"id": "req-1", "data": {"id": 77, "date": "2025-01-01"}}'))
    assert booking.booking_id == "77"


def test_the_chats_own_customer_goes_first_and_is_filled_up():
    (booking,) = bookings_in(openai_chat(json.dumps(BOOKED)), customer=Customer(phone="+62 812-3456-7890"))
    assert booking.customer == Customer(phone="+62 812-3456-7890", name="Budi Santoso")


def test_a_friend_for_whom_somebody_books_is_not_mixed_with_the_chats_customer():
    (booking,) = bookings_in(openai_chat(json.dumps(BOOKED)), customer=Customer(phone="6289999999999"))
    assert booking.customer == Customer(phone="6289999999999")


def test_the_agents_own_name_is_not_the_customers():
    (booking,) = bookings_in(guide() | {"name": "cs-agent", "bookingId": "BK-1"})
    assert booking.customer == Customer()


def test_other_tools_and_events_can_be_named():
    transcript = openai_chat(json.dumps(BOOKED), name="reserve_table")
    assert bookings_in(transcript) == []
    (booking,) = bookings_in(transcript, tools=["reserveTable"], event="purchase")
    assert booking.event == "Purchase"


def test_a_predicate_can_judge_text():
    (booking,) = bookings_in(openai_chat("Booked BK-1"), success=lambda text: text.startswith("Booked"))
    assert booking.value == 150000


def test_an_event_that_no_ad_could_use_is_refused():
    with pytest.raises(Refused):
        bookings_in([], event="!")


def test_a_pydantic_response_is_read_like_its_json():
    class Item(BaseModel):
        type: str
        call_id: str
        name: str | None = None
        arguments: str | None = None
        output: str | None = None

    class Response(BaseModel):
        output: list[Item]

    items = openai_responses(json.dumps(BOOKED))
    assert bookings_in(Response(output=[Item(**item) for item in items])) == bookings_in(items)


def test_what_is_private_does_not_show_in_a_repr():
    assert "6281234567890" not in repr(inspect_result(openai_chat(json.dumps(BOOKED))))


KEYS = st.sampled_from(
    ["metadata", "toolsUsed", "toolResults", "messages", "output", "steps", "content", "tool_calls", "type", "role", "id",
     "name", "function", "arguments", "input", "tool_call_id", "tool_use_id", "call_id", "bookingId", "booking", "status",
     "services", "totalValue", "customer", "toolCalls", "result", "is_error"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["createBooking", "tool_use", "tool_result", "function_call", "function_call_output", "tool", "a", "{}", "ok"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(), inner, max_size=5) | inner.map(repr),
    max_leaves=30,
)


@settings(max_examples=300)
@given(ANYTHING)
def test_nothing_that_anybody_sends_raises(result):
    assert all(isinstance(booking, Conversion) for booking in bookings_in(result))
    assert all(
        isinstance(booking, Conversion)
        for booking in bookings_in({"metadata": {"toolsUsed": ["createBooking"], "toolResults": [result]}})
    )


@given(ANYTHING, ANYTHING)
def test_a_succeeded_call_with_any_fields_makes_at_most_one_booking_and_never_raises(result, arguments):
    transcript = [
        {"type": "tool_use", "id": "a", "name": "createBooking", "input": arguments},
        {"type": "tool_result", "tool_use_id": "a", "content": [{"ok": True}, result]},
    ]
    assert len(bookings_in(transcript)) <= 1


def test_a_transcript_that_holds_itself_ends():
    transcript = openai_chat(json.dumps(BOOKED))
    transcript.append({"messages": transcript, "history": transcript})
    assert len(bookings_in(transcript)) == 1


def test_what_a_tool_says_of_its_customer_is_told_with_the_booking():
    about = {"customer": {"phone": "0812-3456-7890", "city": "Jaksel", "province": "DKI", "language": "id"}}
    (found,) = bookings_in(openai_chat(json.dumps({**BOOKED, **about, "city": "Bandung", "leadgen_id": "1" * 15})))
    assert (found.customer.city, found.customer.region, found.customer.language) == ("Jaksel", "DKI", "id")
    assert found.customer.lead_id == "1" * 15


def test_a_city_alone_may_be_the_shops_and_is_nobodys():
    (found,) = bookings_in(openai_chat(json.dumps({**BOOKED, "city": "Bandung", "language": "id"})))
    assert (found.customer.city, found.customer.language) == (None, None)


def test_a_customer_who_is_given_may_have_several_phones_and_preferences():
    given = {"phone": ["0812-3456-7890", "0813-1111-2222"], "preferences": {"stylist": "Ani"}}
    result = inspect_result(openai_chat(json.dumps(BOOKED)), tools=("createBooking",), customer=Customer(**given))
    (found,) = [one.conversion for one in result if one.conversion is not None]
    assert (found.customer.phone, found.customer.preferences) == (given["phone"], given["preferences"])
