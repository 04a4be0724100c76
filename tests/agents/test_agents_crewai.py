"""Bookings of CrewAI's agents and crews, with a model that follows a script. CrewAI's own reporting is off."""

import asyncio
import json
import os
import socket
import threading
import warnings

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "CREWAI_TESTING": "true"}

with warnings.catch_warnings(action="ignore"):  # its own, while it is loaded
    import crewai  # noqa: F401

import pytest
from agent_cases import BOOKED, BOOKING, NO_SLOT, PHONE, Told, arrived_once, example_of, gist, said_without, sandboxed
from crewai import Agent, BaseLLM, Crew, Task
from crewai.hooks import (
    clear_all_tool_call_hooks,
    register_after_tool_call_hook,
    register_before_tool_call_hook,
)
from crewai.tools import BaseTool, tool
from crewai.tools.tool_failure import ToolFailure

from konversi.agents.crewai import Bookings

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")  # it uses what it deprecated itself

DONE = "Siap kak."
BOOK = ("create_booking", {"customer_phone": PHONE})
LOOK = ("check_slots", {"day": "besok"})

both_ways = pytest.mark.parametrize("native", [True, False], ids=["native calls", "calls in text"])


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No network, no file outside, no hook left over."""
    connect = socket.socket.connect

    def only_here(self, address):
        assert self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_here)
    for home in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(home, str(tmp_path))
    yield
    clear_all_tool_call_hooks()


class Script(BaseLLM):
    """Calls the tools it is told to, turn by turn, then says that it is done."""

    native: bool
    turns: list
    seen: str = ""  # all messages of the last turn

    def call(self, messages, *_, **__):
        self.seen = str(messages)
        calls = self.turns.pop(0) if self.turns else ()
        if not calls:
            return DONE if self.native else f"Thought: I now know the final answer\nFinal Answer: {DONE}"
        if self.native:
            return [
                {"id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
                for place, (name, given) in enumerate(calls)
            ]
        ((name, given),) = calls
        return f"Thought: I should use a tool\nAction: {name}\nAction Input: {json.dumps(given)}"

    async def acall(self, messages, *_, **__):
        return self.call(messages)

    def supports_function_calling(self):
        return self.native


class Shop:
    """A crew of one agent with these tools."""

    def __init__(self, *tools, turns=((BOOK,),), native=True, agent=None, **options):
        self.told = options.setdefault("via", Told())
        self.bookings = Bookings("Lead", **options).register()
        self.model = Script(model="script", native=native, turns=[list(turn) for turn in turns])
        self.agent = Agent(role="Admin", goal="Book", backstory="-", llm=self.model, tools=list(tools), **(agent or {}))
        task = Task(description="Book", expected_output="A booking", agent=self.agent)
        self.crew = Crew(agents=[self.agent], tasks=[task])

    def works(self, **inputs):
        return self.crew.kickoff(inputs=inputs).raw

    @property
    def errors(self):
        return [(use.outcome, use.error_kind) for use in self.told.uses]


def answering(result):
    @tool("create_booking")
    def create_booking(customer_phone: str):
        """Book a slot."""
        return result

    return create_booking


def raising(error):
    @tool("create_booking")
    def create_booking(customer_phone: str):
        """Book a slot."""
        raise error

    return create_booking


def waiting():
    @tool("create_booking")
    async def create_booking(customer_phone: str):
        """Book a slot."""
        await asyncio.sleep(0)
        return BOOKED

    return create_booking


def looking():
    @tool("check_slots")
    def check_slots(day: str):
        """Free slots."""
        return {"booking_id": "BK-1", "slots": ["10:00"]}

    return check_slots


class CreateBooking(BaseTool):
    name: str = "Create Booking"
    description: str = "Book a slot."

    def _run(self, customer_phone: str):
        return BOOKED


@both_ways
@pytest.mark.parametrize(
    "made", [lambda: answering(BOOKED), lambda: answering(json.dumps(BOOKED)), waiting, CreateBooking]
)
def test_a_succeeded_booking_is_reported(native, made):
    shop = Shop(made(), native=native)
    assert shop.works() == DONE
    (conversion,) = shop.told.conversions
    assert gist(conversion) == BOOKING
    assert conversion.customer.phone == PHONE
    (use,) = shop.told.uses
    assert (use.tool, use.outcome, use.error_kind) == ("create_booking", "succeeded", None)
    assert use.seconds >= 0


@both_ways
async def test_asynchronous_runs_report_too(native):
    shop = Shop(answering(BOOKED), native=native)
    assert (await shop.crew.akickoff()).raw == DONE
    assert shop.told.bookings == ["BK-1001"]
    shop.model.turns.append([("create_booking", {"customer_phone": "0811"})])
    assert (await shop.crew.kickoff_async()).raw == DONE
    assert shop.told.bookings == ["BK-1001", "BK-1001"]


@both_ways
async def test_an_agent_without_a_crew_reports_too(native):
    shop = Shop(answering(BOOKED), native=native)
    assert (await shop.agent.kickoff_async("Booking kak")).raw == DONE
    assert shop.told.bookings == ["BK-1001"]


@both_ways
@pytest.mark.parametrize("result", [NO_SLOT, json.dumps(NO_SLOT)])
def test_a_soft_failure_does_not_count(native, result):
    shop = Shop(answering(result), native=native)
    shop.works()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "failed")]


@both_ways
def test_a_declared_failure_does_not_count_whatever_the_bot_thinks_of_results(native):
    shop = Shop(answering(ToolFailure(message="Slot sudah penuh.")), native=native, success=lambda result: True)
    shop.works()
    assert shop.told.conversions == []
    assert shop.errors == [("error", "ToolFailure")]


@both_ways
def test_an_exception_turned_into_text_does_not_count_whatever_the_bot_thinks_of_results(native):
    shop = Shop(raising(RuntimeError("BK-1001")), native=native, success=lambda result: True)
    assert shop.works() == DONE
    assert "BK-1001" in shop.model.seen
    assert shop.told.conversions == []
    assert shop.errors == [("error", "ToolError")]


@both_ways
def test_text_is_judged_by_the_bots_own_function(native):
    shop = Shop(answering("Booking confirmed"), native=native, success=lambda text: text == "Booking confirmed")
    shop.works()
    assert len(shop.told.conversions) == 1
    shop.bookings.unregister()
    shop = Shop(answering("Booking confirmed"), native=native)
    shop.works()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "unknown")]


def test_a_call_that_crewai_repeats_until_it_succeeds_counts_once():
    results = [RuntimeError("no database"), BOOKED]

    @tool("create_booking")
    def create_booking(customer_phone: str):
        """Book a slot."""
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    shop = Shop(create_booking, native=False)
    shop.works()
    assert results == []
    assert shop.told.bookings == ["BK-1001"]


@both_ways
def test_a_cached_answer_does_not_count_again(native):
    ran = []

    @tool("create_booking")
    def create_booking(customer_phone: str):
        """Book a slot."""
        ran.append(customer_phone)
        return {"ok": True}

    turns = [[BOOK], [LOOK], [BOOK]]
    shop = Shop(create_booking, looking(), turns=turns, native=native, agent={"cache": True})
    shop.works()
    assert len(ran) == 1
    assert len(shop.told.conversions) == 1
    assert shop.told.outcomes == [
        ("create_booking", "succeeded"),
        ("check_slots", "succeeded"),
        ("create_booking", "cached"),
    ]


@both_ways
def test_the_same_call_counts_again_where_nothing_is_cached(native):
    shop = Shop(answering({"ok": True}), looking(), turns=[[BOOK], [LOOK], [BOOK]], native=native)
    shop.works()
    assert len(shop.told.conversions) == 2


def test_a_call_that_crewai_refuses_to_repeat_does_not_count():
    shop = Shop(answering(BOOKED), turns=[[BOOK], [BOOK]], native=False, success=lambda result: True)
    shop.works()
    assert len(shop.told.conversions) == 1
    assert shop.told.outcomes == [("create_booking", "succeeded"), ("create_booking", "denied")]


@both_ways
@pytest.mark.parametrize("is_first", [True, False])
def test_a_call_that_another_hook_blocks_does_not_count(native, is_first):
    if is_first:
        register_before_tool_call_hook(lambda context: False)
    shop = Shop(answering(BOOKED), native=native, success=lambda result: True)
    if not is_first:
        register_before_tool_call_hook(lambda context: False)
    assert shop.works() == DONE
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "denied")]


@both_ways
def test_a_call_beyond_the_tools_limit_does_not_count(native):
    @tool("create_booking", max_usage_count=1)
    def create_booking(customer_phone: str):
        """Book a slot."""
        return {"ok": True}

    second = ("create_booking", {"customer_phone": "0811"})
    shop = Shop(create_booking, turns=[[BOOK], [second]], native=native, success=lambda result: True)
    shop.works()
    assert len(shop.told.conversions) == 1
    assert shop.told.outcomes == [("create_booking", "succeeded"), ("create_booking", "denied")]


@both_ways
def test_wrong_arguments_do_not_count(native):
    wrong = [("create_booking", {"phone": PHONE})]
    shop = Shop(answering(BOOKED), turns=[wrong], native=native, success=lambda result: True)
    assert shop.works() == DONE
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("create_booking", "error")]


@both_ways
def test_a_tool_that_does_not_exist_does_not_count(native):
    shop = Shop(looking(), native=native, success=lambda result: True)
    assert shop.works() == DONE
    assert shop.told.conversions == []
    assert shop.errors == ([("error", "UnknownTool")] if native else [])


@both_ways
def test_other_tools_are_recorded_only(native):
    shop = Shop(looking(), turns=[[LOOK]], native=native)
    shop.works()
    assert shop.told.conversions == []
    assert shop.told.outcomes == [("check_slots", "succeeded")]


def test_calls_at_the_same_time_are_told_apart():
    both = threading.Barrier(2, timeout=10)

    @tool("create_booking")
    def create_booking(customer_phone: str):
        """Book a slot."""
        both.wait()
        return {"booking_id": f"BK-{customer_phone[-1]}"}

    shop = Shop(create_booking, turns=[[("create_booking", {"customer_phone": PHONE + last}) for last in "12"]])
    shop.works()
    assert {(it.booking_id, it.customer.phone) for it in shop.told.conversions} == {
        ("BK-1", PHONE + "1"),
        ("BK-2", PHONE + "2"),
    }


def test_a_call_inside_another_call_counts_once():
    inner = Agent(
        role="Booker", goal="Book", backstory="-", tools=[answering(BOOKED)],
        llm=Script(model="script", native=True, turns=[[BOOK]]),
    )  # fmt: skip

    @tool("ask_booker")
    def ask_booker(question: str):
        """Let a colleague book."""
        return {"said": inner.kickoff(question).raw}

    shop = Shop(ask_booker, turns=[[("ask_booker", {"question": "book"})]])
    shop.works()
    assert shop.told.bookings == ["BK-1001"]
    assert shop.told.outcomes == [("create_booking", "succeeded"), ("ask_booker", "succeeded")]
    assert all(use.seconds >= 0 for use in shop.told.uses)


def test_a_call_that_was_blocked_inside_another_one_is_not_taken_for_that():
    def no_bookings(context):
        return context.tool_name != "create_booking"

    register_before_tool_call_hook(no_bookings)
    inner = Shop(answering(BOOKED))
    inner.bookings.unregister()

    @tool("ask_booker")
    def ask_booker(question: str):
        """Let a colleague book."""
        return {"said": inner.agent.kickoff(question).raw}

    shop = Shop(ask_booker, turns=[[("ask_booker", {"question": "book"})]])
    shop.works()
    assert shop.told.outcomes == [("create_booking", "denied"), ("ask_booker", "succeeded")]
    assert [use.seconds is None for use in shop.told.uses] == [True, False]


@both_ways
@pytest.mark.parametrize("customer", ["inputs.phone", lambda run: run.inputs["phone"]])
def test_the_customer_comes_from_the_crews_inputs(native, customer):
    shop = Shop(answering({"booking_id": "BK-1"}), native=native, customer=customer)
    shop.works(phone="+62811111")
    assert shop.told.conversions[0].customer.phone == "+62811111"


def test_the_customer_comes_from_the_conversation_in_calls_at_the_same_time_too():
    import konversi

    turns = [[("create_booking", {"slot": slot}) for slot in "12"]]

    @tool("create_booking")
    def create_booking(slot: str):
        """Book a slot."""
        return {"booking_id": f"BK-{slot}"}

    shop = Shop(create_booking, turns=turns)
    with konversi.conversation(customer="+62811111", id="chat-1", via=shop.told):
        shop.works()
    assert {it.customer.phone for it in shop.told.conversions} == {"+62811111"}
    assert {use.conversation for use in shop.told.uses} == {"chat-1"}


@both_ways
def test_the_answer_and_the_users_own_hooks_stay_as_they_are(native):
    def shouts(context):
        return context.tool_result.upper()

    register_after_tool_call_hook(shouts)
    shop = Shop(answering(BOOKED), native=native)
    shop.works()
    assert "BOOKING_ID" in shop.model.seen
    assert shop.told.bookings == ["BK-1001"]


def test_registering_twice_counts_once_and_unregistering_ends_it():
    shop = Shop(answering(BOOKED), turns=[[BOOK], []])
    shop.bookings.register()
    shop.works()
    assert shop.told.bookings == ["BK-1001"]
    shop.bookings.unregister()
    shop.model.turns.append([("create_booking", {"customer_phone": "0811"})])
    shop.works()
    assert shop.told.bookings == ["BK-1001"]


def test_bookings_of_two_kinds_stand_beside_each_other():
    @tool("create_order")
    def create_order(item: str):
        """Order."""
        return {"order_id": "OR-1"}

    shop = Shop(answering(BOOKED), create_order, turns=[[BOOK], [("create_order", {"item": "cat"})]])
    Bookings("Purchase", tools=("create_order",), value=5.0, currency="USD", via=shop.told).register()
    shop.works()
    assert [conversion.event for conversion in shop.told.conversions] == ["Lead", "Purchase"]
    assert all(use.seconds is not None for use in shop.told.uses)


@both_ways
def test_a_tracker_that_fails_does_not_fail_the_run(native):
    class Broken(Told):
        def submit(self, conversion):
            raise OSError("disk full")

        def note(self, *uses):
            raise OSError("disk full")

    shop = Shop(answering(BOOKED), native=native, via=Broken())
    assert shop.works() == DONE


@pytest.fixture
def example(monkeypatch):
    return example_of("crewai", "crewai", monkeypatch)


def test_the_example_of_the_how_to_page_reports_its_booking(example):
    names, told = example
    model = Script(model="script", native=True, turns=[[("create_booking", {"service": "Repaint", "date": "besok"})]])
    assert names["shop"](model).kickoff(inputs={"text": "Booking kak", "phone": "+62811111"}).raw == DONE
    (conversion,) = told.conversions
    assert (conversion.booking_id, conversion.channel) == ("BK-1002", "whatsapp")
    assert conversion.customer.phone == "+62811111"


def test_a_booking_arrives_at_meta_once_however_often_its_tool_is_called(tmp_path, meta_sandbox):
    with sandboxed(tmp_path, meta_sandbox) as konversi:
        shop = Shop(answering(BOOKED), turns=[[BOOK, BOOK], [BOOK]], via=konversi)
        shop.works()
    assert arrived_once(meta_sandbox)


def test_without_crewai_the_install_line_is_shown(monkeypatch):
    said = said_without("crewai.tools.tool_failure", "crewai", monkeypatch)  # older ones declare no failures
    assert 'pip install "konversi[crewai]"' in said
