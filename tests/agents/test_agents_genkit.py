"""Bookings of Genkit, with a model that follows a script."""

import asyncio
import gc
import json
import weakref
from typing import Any

import pytest
from agent_cases import (
    BOOKED,
    BOOKING,
    NO_SLOT,
    PHONE,
    Told,
    arrived_once,
    cancel_once_running,
    example_of,
    gist,
    said_without,
    sandboxed,
)
from genkit import (
    Genkit,
    GenkitError,
    Interrupt,
    Message,
    ModelResponse,
    MultipartToolResponse,
    Part,
    Role,
    ToolRunContext,
    respond_to_interrupt,
    restart_tool,
)
from genkit.exp import Genkit as GenkitWithAgents
from genkit.exp import InMemorySessionStore
from genkit.middleware import BaseMiddleware
from pydantic import BaseModel

from konversi.agents.genkit import Bookings

DONE = "Siap kak."
BOOK = ("create_booking", {"customer_phone": PHONE})


class Asked(BaseModel):
    customer_phone: str


class Shop:
    """A Genkit app with these tools, whose model calls them turn by turn, then says that it is done."""

    def __init__(self, *tools, turns=((BOOK,),), use=(), genkit=Genkit, **options):
        self.told = options.setdefault("via", Told())
        self.bookings = Bookings("Lead", **options)
        self.use = [*use, self.bookings]
        self.ai = genkit(model="script")
        self.ai.define_model("script", self._script)
        self.tools = [self.ai.tool()(tool) for tool in tools]
        self.seen = []
        self._turns = list(turns)

    async def _script(self, request, ctx):
        self.seen.append(request.messages[-1])
        calls = self._turns.pop(0) if self._turns else ()
        parts = [
            Part.from_tool_request(name=name, input=given, ref=rest[0] if rest else None)
            for name, given, *rest in calls
        ]
        return ModelResponse(message=Message(role=Role.MODEL, content=parts or [Part.from_text(DONE)]))

    async def says(self, **more):
        return await self.ai.generate(**{"prompt": "Mau booking kak", "tools": self.tools, "use": self.use} | more)

    @property
    def answers(self):
        """What the model was told of its calls, in order."""
        parts = [part for message in self.seen for part in message.content]
        return [part.tool_response.output for part in parts if part.tool_response]


def answering(result, returns=None):
    """A booking tool with that answer, and with that return type where one is given."""

    async def create_booking(asked: Asked):
        return result

    if returns is not None:
        create_booking.__annotations__["return"] = returns
    return create_booking


def raising(error):
    async def create_booking(asked: Asked):
        raise error

    return create_booking


async def create_booking(asked: Asked) -> dict[str, Any]:
    """Book a slot."""
    return BOOKED


class Booking(BaseModel):
    booking_id: str
    total_price: int


@pytest.mark.parametrize(
    "tool",
    [
        create_booking,
        answering(BOOKED),
        answering(Booking(**BOOKED), Booking),
        answering(json.dumps(BOOKED), str),
        answering(MultipartToolResponse(output=BOOKED), MultipartToolResponse),
    ],
)
async def test_a_succeeded_booking_is_reported(tool):
    shop = Shop(tool)
    response = await shop.says()
    assert response.text == DONE
    (conversion,) = shop.told.conversions
    assert gist(conversion) == BOOKING
    assert conversion.customer.phone == PHONE
    (use,) = shop.told.uses
    assert (use.tool, use.outcome, use.error_kind) == ("create_booking", "succeeded", None)
    assert use.seconds >= 0


async def test_a_tool_that_takes_one_bare_value_is_reported_too():
    async def create_booking(slot: str) -> dict[str, Any]:
        return BOOKED | {"slot": slot}

    shop = Shop(create_booking, turns=[[("create_booking", "besok jam 10")]], customer="phone")
    await shop.says(context={"phone": PHONE})
    assert shop.answers == [BOOKED | {"slot": "besok jam 10"}]
    assert shop.told.conversions[0].customer.phone == PHONE


async def test_streamed_generations_and_prompts_report_too():
    shop = Shop(create_booking, turns=[[BOOK], [], [BOOK]])
    streamed = shop.ai.generate_stream(prompt="Booking kak", tools=shop.tools, use=shop.use)
    async for _ in streamed.stream:
        pass
    assert (await streamed.response).text == DONE
    prompt = shop.ai.define_prompt(name="booker", prompt="Booking kak", tools=["create_booking"], use=shop.use)
    assert (await prompt()).text == DONE
    assert shop.told.bookings == ["BK-1001", "BK-1001"]


async def test_it_can_be_registered_under_a_name():
    shop = Shop(create_booking)
    shop.ai.define_middleware(type(shop.bookings), name="bookings")
    await shop.says()
    assert shop.told.bookings == ["BK-1001"]


@pytest.mark.parametrize("tool", [answering(NO_SLOT), answering(json.dumps(NO_SLOT), str)])
async def test_a_soft_failure_does_not_count(tool):
    shop = Shop(tool)
    await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "failed")]


async def test_text_is_judged_by_the_bots_own_function():
    tool = answering("Booking confirmed", str)
    shop = Shop(tool, success=lambda text: text == "Booking confirmed")
    await shop.says()
    assert len(shop.told.conversions) == 1
    shop = Shop(tool)
    await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "unknown")]


@pytest.mark.parametrize("error", [RuntimeError("no database"), TimeoutError()])
async def test_an_exception_does_not_count_and_ends_the_generation_as_without_us(error):
    shop = Shop(raising(error))
    with_us = await shop.says()
    assert shop.told.conversions == []
    assert shop.told.ends == [("error", type(error).__name__)]
    without_us = await Shop(raising(error)).says(use=[])
    assert with_us.finish_reason == "failed"
    assert with_us.error == without_us.error


class Mends(BaseMiddleware):
    """Turns an exception into text, as agents' middleware does for the model's sake."""

    async def wrap_tool(self, params, ctx, next_fn):
        try:
            return await next_fn(params, ctx)
        except GenkitError:
            return MultipartToolResponse(output="Tool call failed, please try again.")


async def test_an_exception_that_other_middleware_turned_into_text_does_not_count():
    shop = Shop(raising(RuntimeError("no database")), use=[Mends()])
    response = await shop.says()
    assert response.text == DONE
    assert shop.told.conversions == []
    assert shop.told.ends == [("error", "RuntimeError")]
    shop = Shop(raising(RuntimeError("no database")))
    await shop.says(use=[shop.bookings, Mends()])
    assert shop.told.conversions == []


class Repeats(BaseMiddleware):
    async def wrap_tool(self, params, ctx, next_fn):
        try:
            return await next_fn(params, ctx)
        except GenkitError:
            return await next_fn(params, ctx)


async def test_a_retry_that_succeeds_counts_once():
    results = [RuntimeError("no database"), BOOKED]

    async def create_booking(asked: Asked) -> dict[str, Any]:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    shop = Shop(create_booking, use=[Repeats()])
    await shop.says()
    assert shop.told.bookings == ["BK-1001"]
    assert shop.told.outcomes == [("create_booking", "error"), ("create_booking", "succeeded")]


class Remembers(BaseMiddleware):
    async def wrap_tool(self, params, ctx, next_fn):
        return MultipartToolResponse(output=BOOKED)


async def test_an_answer_of_other_middleware_in_the_tools_place_does_not_count():
    shop = Shop(create_booking, use=[Remembers()])
    await shop.says()
    assert shop.answers == [BOOKED]
    assert shop.told.conversions == []


async def test_a_cancelled_call_does_not_count():
    running = asyncio.Event()

    async def create_booking(asked: Asked) -> dict[str, Any]:
        running.set()
        await asyncio.Event().wait()
        return BOOKED

    shop = Shop(create_booking)
    await cancel_once_running(shop.says(), running)
    assert shop.told.conversions == []
    assert shop.told.ends == [("error", "cancelled")]


async def test_wrong_arguments_and_unknown_tools_do_not_count():
    shop = Shop(create_booking, turns=[[("create_booking", {})], [("createBooking", {"customer_phone": PHONE})]])
    assert (await shop.says()).finish_reason == "failed"
    assert (await shop.says()).finish_reason == "failed"
    assert shop.told.conversions == []
    assert shop.told.ends == [("error", "ValidationError")]


def asks_first():
    async def create_booking(asked: Asked, ctx: ToolRunContext) -> dict[str, Any]:
        if not ctx.is_resumed():
            raise Interrupt({"reason": "Yakin?"})
        return BOOKED

    return create_booking


async def test_a_call_that_asks_first_is_pending_and_counts_once_it_may_go_on():
    shop = Shop(asks_first())
    response = await shop.says()
    assert shop.told.conversions == []
    assert shop.told.ends == [("pending", "pending")]
    (asked,) = response.interrupts
    await shop.says(messages=response.messages, prompt=None, resume_restart=restart_tool(interrupt=asked))
    assert shop.told.bookings == ["BK-1001"]
    assert shop.told.outcomes[1:] == [("create_booking", "succeeded")]


async def test_a_call_that_is_refused_does_not_count():
    shop = Shop(asks_first())
    response = await shop.says()
    refusal = respond_to_interrupt({"error": "Jangan dulu"}, interrupt=response.interrupts[0])
    await shop.says(messages=response.messages, prompt=None, resume_respond=refusal)
    assert shop.answers == [{"error": "Jangan dulu"}]
    assert shop.told.conversions == []


class Approves(BaseMiddleware):
    """Holds every call for a human's approval."""

    async def wrap_tool(self, params, ctx, next_fn):
        if not (params.tool_request_part.metadata or {}).get("resumed"):
            raise Interrupt({"message": "Tool not in approved list"})
        return await next_fn(params, ctx)


@pytest.mark.parametrize("is_last", [True, False])
async def test_a_call_that_waits_for_approval_counts_only_once_it_is_given(is_last):
    shop = Shop(create_booking)
    shop.use = [Approves(), shop.bookings] if is_last else [shop.bookings, Approves()]
    response = await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == ([] if is_last else [("create_booking", "pending")])
    go_on = restart_tool(interrupt=response.interrupts[0])
    await shop.says(messages=response.messages, prompt=None, resume_restart=go_on)
    assert shop.told.bookings == ["BK-1001"]


async def test_a_booking_beside_a_call_that_waits_counts_once():
    async def pay(asked: dict) -> dict[str, Any]:
        raise Interrupt

    shop = Shop(create_booking, pay, turns=[[BOOK, ("pay", {"amount": 5})]])
    response = await shop.says()
    answer = respond_to_interrupt({"paid": True}, interrupt=response.interrupts[0])
    await shop.says(messages=response.messages, prompt=None, resume_respond=answer)
    assert shop.answers == [BOOKED, {"paid": True}]
    assert shop.told.bookings == ["BK-1001"]


async def test_other_tools_are_recorded_only():
    async def check_slots(asked: dict) -> dict[str, Any]:
        return {"booking_id": "BK-1", "slots": ["10:00"]}

    shop = Shop(check_slots, turns=[[("check_slots", {"day": "besok"})]])
    await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("check_slots", "succeeded")]


async def test_calls_at_the_same_time_are_told_apart():
    both = asyncio.Barrier(2)

    async def create_booking(asked: Asked) -> dict[str, Any]:
        await both.wait()
        return {"booking_id": f"BK-{asked.customer_phone[-1]}"}

    shop = Shop(create_booking, turns=[[("create_booking", {"customer_phone": PHONE + last}) for last in "12"]])
    await shop.says()
    assert {(it.booking_id, it.customer.phone) for it in shop.told.conversions} == {
        ("BK-1", PHONE + "1"),
        ("BK-2", PHONE + "2"),
    }


@pytest.mark.parametrize("customer", ["customer_phone", "auth.phone", lambda context: context["customer_phone"]])
async def test_the_customer_comes_from_the_context(customer):
    shop = Shop(answering({"booking_id": "BK-1"}), customer=customer)
    await shop.says(context={"customer_phone": "+62811111", "auth": {"phone": "+62811111"}})
    assert shop.told.conversions[0].customer.phone == "+62811111"


async def test_an_agents_session_is_the_conversation():
    shop = Shop(answering({"ok": True}), turns=[[(*BOOK, "0")], [], [(*BOOK, "1")]], genkit=GenkitWithAgents)
    agent = shop.ai.define_agent("shop", tools=shop.tools, use=shop.use, store=InMemorySessionStore())
    chat = agent.chat()
    assert (await chat.send("Booking kak")).text == DONE
    await chat.send("Satu lagi")
    first, second = shop.told.uses
    assert first.conversation == second.conversation == chat.session_id
    assert first.call_id != second.call_id
    assert len({conversion.event_id for conversion in shop.told.conversions}) == 2


async def test_the_answer_and_the_users_own_middleware_stay_as_they_are():
    seen = []

    class Shouts(BaseMiddleware):
        async def wrap_tool(self, params, ctx, next_fn):
            result = await next_fn(params, ctx)
            seen.append(result.output)
            return MultipartToolResponse(output={"note": "ok"})

    shop = Shop(create_booking, use=[Shouts()])
    await shop.says()
    assert seen == [BOOKED]
    assert shop.answers == [{"note": "ok"}]
    assert shop.told.bookings == ["BK-1001"]


async def test_one_generation_takes_bookings_of_two_kinds():
    async def create_order(asked: dict) -> dict[str, Any]:
        return {"order_id": "OR-1"}

    told = Told()
    also = Bookings("Purchase", tools=("create_order",), value=5.0, currency="USD", via=told)
    shop = Shop(create_booking, create_order, turns=[[BOOK], [("create_order", {"item": "cat"})]], use=[also], via=told)
    await shop.says()
    assert [conversion.event for conversion in told.conversions] == ["Lead", "Purchase"]


async def test_a_tracker_that_fails_does_not_fail_the_run():
    class Broken(Told):
        def submit(self, conversion):
            raise OSError("disk full")

        def note(self, *uses):
            raise OSError("disk full")

    shop = Shop(create_booking, via=Broken())
    response = await shop.says()
    assert response.text == DONE
    assert shop.answers == [BOOKED]


async def test_bookings_made_for_each_message_leave_nothing_behind():
    shop = Shop(create_booking)
    await shop.says(use=[Bookings("Lead", via=shop.told)])
    bookings = weakref.ref(type(Bookings("Lead", via=shop.told)))
    gc.collect()
    assert bookings() is None
    assert shop.told.bookings == ["BK-1001"]


def test_settings_that_never_work_are_refused_at_once():
    with pytest.raises(TypeError, match="via"):
        Bookings("Lead", via=object())
    with pytest.raises(TypeError, match="bookings"):
        Bookings("Lead", bookings=True)


@pytest.fixture
def example(monkeypatch):
    return example_of("genkit", "genkit", monkeypatch)


async def test_the_example_of_the_how_to_page_reports_its_booking(example):
    names, told = example
    script = Shop(turns=[[("create_booking", {"service": "Repaint", "date": "besok"})]])._script
    names["ai"].define_model("script", script)
    assert await names["answer"]("Booking kak", "+62811111", "script") == DONE
    (conversion,) = told.conversions
    assert (conversion.booking_id, conversion.channel) == ("BK-1002", "whatsapp")
    assert conversion.customer.phone == "+62811111"


async def test_a_booking_arrives_at_meta_once_however_often_its_tool_is_called(tmp_path, meta_sandbox):
    with sandboxed(tmp_path, meta_sandbox) as konversi:
        shop = Shop(create_booking, turns=[[BOOK, BOOK], [BOOK]], via=konversi)
        await shop.says()
        assert len(shop.answers) == 3
    assert arrived_once(meta_sandbox)


def test_without_genkit_the_install_line_is_shown(monkeypatch):
    said = said_without("genkit.middleware", "genkit", monkeypatch)
    assert 'pip install "konversi[genkit]"' in said
