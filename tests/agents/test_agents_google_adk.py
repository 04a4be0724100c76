"""Bookings of Google ADK agents, with a model that follows a script."""

import asyncio
import json

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
    openings,
    said_without,
    sandboxed,
)
from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.plugins import ReflectAndRetryToolPlugin
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.runners import InMemoryRunner
from google.adk.tools import FunctionTool, LongRunningFunctionTool, ToolContext
from google.adk.tools.agent_tool import AgentTool
from google.genai import types
from pydantic import Field

from konversi.agents.google_adk import Bookings

DONE = "Siap kak."
BOOK = ("create_booking", {"customer_phone": PHONE})


class Script(BaseLlm):
    """Calls the tools it is told to, turn by turn, then says that it is done."""

    model: str = "script"
    turns: list = Field(default_factory=list)
    seen: list = Field(default_factory=list)

    async def generate_content_async(self, llm_request, stream=False):
        self.seen.append(llm_request.contents[-1])
        calls = self.turns.pop(0) if self.turns else ()
        parts = [
            types.Part(function_call=types.FunctionCall(name=name, args=arguments, id=rest[0] if rest else None))
            for name, arguments, *rest in calls
        ]
        yield LlmResponse(content=types.Content(role="model", parts=parts or [types.Part(text=DONE)]))


class Shop:
    """An agent with these tools, in one session of one customer."""

    def __init__(self, *tools, turns=((BOOK,),), plugins=(), state=None, user="adi", agent=None, **options):
        self.told = options.setdefault("via", Told())
        self.model = Script(turns=[list(turn) for turn in turns])
        agent = LlmAgent(name="shop", model=self.model, tools=list(tools), **(agent or {}))
        self.bookings = Bookings("Lead", **options)
        self.runner = InMemoryRunner(app=App(name="shop", root_agent=agent, plugins=[*plugins, self.bookings]))
        self._state, self._user, self._session = state, user, None

    async def says(self, *parts):
        if self._session is None:
            sessions = self.runner.session_service
            self._session = await sessions.create_session(app_name="shop", user_id=self._user, state=self._state)
        parts = parts or (types.Part(text="Mau booking kak"),)
        message = types.Content(role="user", parts=list(parts))
        running = self.runner.run_async(user_id=self._user, session_id=self._session.id, new_message=message)
        return [event async for event in running]

    @property
    def answers(self):
        """What the model was told of its calls, in order."""
        parts = [part for content in self.model.seen for part in content.parts]
        return [part.function_response.response for part in parts if part.function_response]


def answering(result):
    def create_booking(customer_phone: str):
        """Book a slot."""
        return result

    return create_booking


def raising(error):
    def create_booking(customer_phone: str):
        """Book a slot."""
        raise error

    return create_booking


async def create_booking(customer_phone: str):
    """Book a slot."""
    return BOOKED


@pytest.mark.parametrize(
    "tool", [answering(BOOKED), create_booking, answering(json.dumps(BOOKED)), FunctionTool(create_booking)]
)
async def test_a_succeeded_booking_is_reported(tool):
    shop = Shop(tool)
    events = await shop.says()
    assert events[-1].content.parts[0].text == DONE
    (conversion,) = shop.told.conversions
    assert gist(conversion) == BOOKING
    assert conversion.customer.phone == PHONE
    (use,) = shop.told.uses
    assert (use.tool, use.outcome, use.error_kind) == ("create_booking", "succeeded", None)
    assert use.seconds >= 0
    assert use.conversation == shop._session.id


def test_a_synchronous_run_reports_too():
    shop = Shop(create_booking)
    asyncio.run(shop.runner.session_service.create_session(app_name="shop", user_id="adi", session_id="s1"))
    message = types.Content(role="user", parts=[types.Part(text="Halo")])
    events = list(shop.runner.run(user_id="adi", session_id="s1", new_message=message))
    assert events[-1].content.parts[0].text == DONE
    assert shop.told.bookings == ["BK-1001"]


@pytest.mark.parametrize("result", [NO_SLOT, json.dumps(NO_SLOT), {"result": NO_SLOT}])
async def test_a_soft_failure_does_not_count(result):
    shop = Shop(answering(result))
    await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "failed")]


async def test_text_is_judged_by_the_bots_own_function():
    shop = Shop(answering("Booking confirmed"), success=lambda text: text == "Booking confirmed")
    await shop.says()
    assert len(shop.told.conversions) == 1
    shop = Shop(answering("Booking confirmed"))
    await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "unknown")]


async def test_an_exception_does_not_count_and_is_raised_as_without_us():
    shop = Shop(raising(RuntimeError("no database")))
    with pytest.raises(RuntimeError, match="no database"):
        await shop.says()
    assert shop.told.conversions == []
    assert shop.told.ends == [("error", "RuntimeError")]


def never_done(running):
    async def create_booking(customer_phone: str):
        """Book a slot."""
        running.set()
        await asyncio.Event().wait()

    return create_booking


async def test_a_cancelled_call_does_not_count():
    running = asyncio.Event()
    shop = Shop(never_done(running))
    await cancel_once_running(shop.says(), running)
    assert shop.told.conversions == []
    assert shop.told.ends == [("error", "cancelled")]


async def test_a_cancelled_call_opens_no_gateway(monkeypatch):
    tries, running = openings(monkeypatch), asyncio.Event()
    await cancel_once_running(Shop(never_done(running), via=None).says(), running)
    assert tries == []


class Mends(BasePlugin):
    """Answers in the place of an exception, with what looks like a booking."""

    async def on_tool_error_callback(self, **_):
        return BOOKED


def mends(tool, args, tool_context, error):
    return BOOKED


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"plugins": [Mends("mends")]}, "ToolError"),
        ({"plugins": [ReflectAndRetryToolPlugin()]}, "ToolError"),
        ({"agent": {"on_tool_error_callback": mends}}, "RuntimeError"),
    ],
)
async def test_an_answer_given_in_the_place_of_an_exception_does_not_count(options, kind):
    shop = Shop(raising(RuntimeError("no database")), **options)
    await shop.says()
    assert shop.told.conversions == []
    assert shop.told.ends == [("error", kind)]


async def test_a_retry_that_succeeds_counts_once():
    results = [RuntimeError("no database"), BOOKED]

    def create_booking(customer_phone: str):
        """Book a slot."""
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    shop = Shop(create_booking, turns=[[BOOK], [BOOK]], plugins=[ReflectAndRetryToolPlugin()])
    await shop.says()
    assert shop.told.bookings == ["BK-1001"]
    assert shop.told.outcomes == [("create_booking", "error"), ("create_booking", "succeeded")]


@pytest.mark.parametrize(
    ("answer", "outcome"), [(BOOKED, "cached"), ({"error": "Not on Sundays"}, "denied"), ("Not allowed", "denied")]
)
@pytest.mark.parametrize("is_plugin", [True, False])
async def test_an_answer_of_a_callback_in_the_tools_place_does_not_count(answer, outcome, is_plugin):
    class Answers(BasePlugin):
        async def before_tool_callback(self, **_):
            return answer

    def before(tool, args, tool_context):
        return answer

    options = {"plugins": [Answers("answers")]} if is_plugin else {"agent": {"before_tool_callback": before}}
    shop = Shop(create_booking, **options)
    await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", outcome)]


async def test_wrong_arguments_and_unknown_tools_do_not_count():
    shop = Shop(create_booking, turns=[[("create_booking", {})], [("createBooking", {"customer_phone": PHONE})]])
    await shop.says()
    assert shop.told.conversions == []
    assert [(use.tool, use.outcome, use.error_kind) for use in shop.told.uses] == [
        ("create_booking", "failed", None),
        ("createBooking", "error", "ValueError"),
    ]


def decision(events, confirmed):
    """The user's answer to the confirmation that the last run asked for."""
    calls = [call for event in events for call in event.get_function_calls()]
    (asked,) = [call for call in calls if call.name == "adk_request_confirmation"]
    answer = types.FunctionResponse(id=asked.id, name=asked.name, response={"confirmed": confirmed})
    return types.Part(function_response=answer)


@pytest.mark.parametrize(
    ("confirmed", "bookings", "outcome"), [(True, ["BK-1001"], "succeeded"), (False, [], "denied")]
)
async def test_a_call_that_waits_for_confirmation_counts_only_once_it_is_given(confirmed, bookings, outcome):
    shop = Shop(FunctionTool(create_booking, require_confirmation=True))
    events = await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "pending")]
    await shop.says(decision(events, confirmed))
    assert shop.told.bookings == bookings
    assert shop.told.outcomes[1:] == [("create_booking", outcome)]


async def test_a_tool_that_asks_for_confirmation_itself_is_pending():
    def create_booking(customer_phone: str, tool_context: ToolContext):
        """Book a slot."""
        if tool_context.tool_confirmation is None:
            tool_context.request_confirmation(hint="Yakin?")
            return {"held": "10:00"}
        return BOOKED

    shop = Shop(create_booking)
    events = await shop.says()
    assert shop.told.outcomes == [("create_booking", "pending")]
    await shop.says(decision(events, confirmed=True))
    assert shop.told.bookings == ["BK-1001"]


@pytest.mark.parametrize("first", [BOOKED, {"ticket": "T-1"}, None])
async def test_a_long_running_call_counts_when_its_final_answer_comes(first):
    shop = Shop(LongRunningFunctionTool(answering(first)), turns=[[BOOK]])
    events = await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "pending")]
    (call,) = [call for event in events for call in event.get_function_calls()]

    def later(response):
        return types.Part(
            function_response=types.FunctionResponse(id=call.id, name="create_booking", response=response)
        )

    await shop.says(later({"status": "pending"}))
    assert shop.told.conversions == []
    await shop.says(later(BOOKED))
    (conversion,) = shop.told.conversions
    assert (conversion.booking_id, conversion.customer.phone) == ("BK-1001", PHONE)
    assert shop.told.outcomes == [("create_booking", outcome) for outcome in ("pending", "failed", "succeeded")]


async def test_an_answer_to_a_call_that_nobody_made_does_not_count():
    shop = Shop(create_booking, turns=[[]])
    await shop.says()
    made_up = types.FunctionResponse(id="adk-1", name="create_booking", response=BOOKED)
    with pytest.raises(ValueError, match="adk-1"):
        await shop.says(types.Part(function_response=made_up))
    assert shop.told.conversions == []
    assert shop.told.uses == []


async def test_other_tools_are_recorded_only():
    def check_slots(day: str):
        """Free slots."""
        return {"booking_id": "BK-1", "slots": ["10:00"]}

    shop = Shop(check_slots, turns=[[("check_slots", {"day": "besok"})]])
    await shop.says()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("check_slots", "succeeded")]


async def test_calls_at_the_same_time_are_told_apart():
    both = asyncio.Barrier(2)

    async def create_booking(customer_phone: str):
        """Book a slot."""
        await both.wait()
        return {"booking_id": f"BK-{customer_phone[-1]}"}

    shop = Shop(create_booking, turns=[[("create_booking", {"customer_phone": PHONE + last}) for last in "12"]])
    await shop.says()
    assert {(it.booking_id, it.customer.phone) for it in shop.told.conversions} == {
        ("BK-1", PHONE + "1"),
        ("BK-2", PHONE + "2"),
    }


@pytest.mark.filterwarnings("ignore:The `plugins` argument is deprecated:DeprecationWarning")  # ADK warns of itself
async def test_the_call_of_an_agent_inside_a_tool_counts_once():
    inner = LlmAgent(name="booker", model=Script(turns=[[BOOK]]), tools=[create_booking])
    shop = Shop(AgentTool(inner), turns=[[("booker", {"request": "book"})]])
    await shop.says()
    assert shop.told.bookings == ["BK-1001"]
    assert shop.told.outcomes[0] == ("create_booking", "succeeded")


@pytest.mark.parametrize(
    "customer", ["state.customer_phone", "user_id", lambda run: run.state["customer_phone"], lambda run: run.user_id]
)
async def test_the_customer_comes_from_the_run(customer):
    shop = Shop(
        answering({"booking_id": "BK-1"}), state={"customer_phone": "+62811111"}, user="+62811111", customer=customer
    )
    await shop.says()
    assert shop.told.conversions[0].customer.phone == "+62811111"


async def test_the_customer_may_be_what_the_tool_put_into_the_state():
    def create_booking(day: str, tool_context: ToolContext):
        """Book a slot."""
        tool_context.state["customer_phone"] = "+62811111"
        return {"booking_id": "BK-1"}

    shop = Shop(create_booking, turns=[[("create_booking", {"day": "besok"})]], customer="state.customer_phone")
    await shop.says()
    assert shop.told.conversions[0].customer.phone == "+62811111"


async def test_bookings_without_an_id_are_told_apart_by_their_call():
    shop = Shop(answering({"ok": True}), turns=[[BOOK], [BOOK]])
    await shop.says()
    first, second = shop.told.conversions
    assert first.event_id != second.event_id


async def test_the_answer_and_the_users_own_callbacks_stay_as_they_are():
    def shouts(tool, args, tool_context, tool_response):
        return {"note": str(tool_response["booking_id"])}

    shop = Shop(create_booking, agent={"after_tool_callback": shouts})
    await shop.says()
    assert shop.answers == [{"note": "BK-1001"}]
    assert shop.told.bookings == ["BK-1001"]
    plain = Shop(create_booking)
    await plain.says()
    assert plain.answers == [BOOKED]


async def test_one_app_takes_bookings_of_two_kinds():
    def create_order(item: str):
        """Order."""
        return {"order_id": "OR-1"}

    told = Told()
    also = Bookings("Purchase", tools=("create_order",), value=5.0, currency="USD", via=told)
    turns = [[BOOK], [("create_order", {"item": "cat"})]]
    shop = Shop(create_booking, create_order, turns=turns, plugins=[also], via=told)
    await shop.says()
    assert [conversion.event for conversion in told.conversions] == ["Lead", "Purchase"]


async def test_a_tracker_that_fails_does_not_fail_the_run():
    class Broken(Told):
        def submit(self, conversion):
            raise OSError("disk full")

        def note(self, *uses):
            raise OSError("disk full")

    shop = Shop(create_booking, via=Broken())
    events = await shop.says()
    assert events[-1].content.parts[0].text == DONE
    assert shop.answers == [BOOKED]


async def test_calls_leave_nothing_behind():
    shop = Shop(create_booking)
    await shop.says()
    assert len(shop.bookings._began) == 0


@pytest.fixture
def example(monkeypatch):
    return example_of("google-adk", "google_adk", monkeypatch)


async def test_the_example_of_the_how_to_page_reports_its_booking(example):
    names, told = example
    model = Script(turns=[[("create_booking", {"service": "Repaint", "date": "besok"})]])
    await InMemoryRunner(app=names["shop"](model)).run_debug("Booking kak", user_id="+62811111", quiet=True)
    (conversion,) = told.conversions
    assert (conversion.booking_id, conversion.channel) == ("BK-1002", "whatsapp")
    assert conversion.customer.phone == "+62811111"


async def test_a_booking_arrives_at_meta_once_however_often_its_tool_is_called(tmp_path, meta_sandbox):
    with sandboxed(tmp_path, meta_sandbox) as konversi:
        shop = Shop(create_booking, turns=[[BOOK, BOOK], [BOOK]], via=konversi)
        await shop.says()
        assert len(shop.answers) == 3
    assert arrived_once(meta_sandbox)


def test_without_adk_the_install_line_is_shown(monkeypatch):
    said = said_without("google.adk.plugins.base_plugin", "google_adk", monkeypatch)
    assert 'pip install "konversi[google-adk]"' in said
