"""Bookings of LangChain agents and LangGraph graphs, on the real packages with a scripted model."""

import asyncio
import json
import threading
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from agent_cases import BOOKED, BOOKING, NO_SLOT, PHONE, Told, arrived_once, example_of, gist, said_without, sandboxed
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    LLMToolEmulator,
    ToolRetryMiddleware,
    wrap_tool_call,
)
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import StructuredTool, ToolException
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, interrupt
from pydantic import BaseModel

import konversi
from konversi.agents.langchain import Bookings

LONG_ID = "call_6f1c2b9d0e7a4f35"
HELLO = {"messages": [("user", "Mau booking")]}


class Scripted(BaseChatModel):
    """Gives the scripted messages one after another, in every run from where the last ended."""

    script: list[AIMessage]

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **_):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **_):
        return ChatResult(generations=[ChatGeneration(message=self.script.pop(0))])


def calls(*ids, tool="create_booking", **arguments):
    """One message of the model that calls the tool once for each id."""
    asked = arguments or {"customer_phone": PHONE}
    return AIMessage("", tool_calls=[{"name": tool, "args": asked, "id": call_id} for call_id in ids])


def model(*messages):
    """A model that says so and then ends the chat; by default it calls the tool once."""
    return Scripted(script=[*(messages or (calls(LONG_ID),)), AIMessage("Siap kak")])


def tool_of(function, coroutine=None, **more):
    return StructuredTool.from_function(function, coroutine, name="create_booking", description="Book a slot.", **more)


def answering(*results, **more):
    """A booking tool that gives, or raises, these one after another, and the last one from then on."""
    left = list(results)

    def create_booking(customer_phone: str):
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, BaseException):
            raise result
        return result

    return tool_of(create_booking, **more)


def agent_with(tool, *messages, middleware=(), told=None, checkpointer=None, context_schema=None, **options):
    """An agent that reports its bookings, and what was told of them."""
    told = told or Told()
    agent = create_agent(
        model(*messages), [tool], middleware=middleware, checkpointer=checkpointer, context_schema=context_schema
    )
    return agent.with_config(callbacks=[Bookings("Lead", via=told, **options)]), told


def graph_with(tool, *messages, told=None, checkpointer=None, **node):
    """A graph of one's own around a ToolNode, without `create_agent`."""
    told = told or Told()
    script = model(*messages)
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda state: {"messages": [script.invoke(state["messages"])]})
    builder.add_node("tools", ToolNode([tool], **node))
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", tools_condition)
    builder.add_edge("tools", "model")
    graph = builder.compile(checkpointer=checkpointer)
    return graph.with_config(callbacks=[Bookings("Lead", via=told)]), told


def thread(name="chat-1", **configurable):
    return {"configurable": {"thread_id": name, **configurable}}


class Booking(BaseModel):
    booking_id: str
    total_price: int


async def run_sync(runnable, value, config=None, **more):
    return await asyncio.to_thread(runnable.invoke, value, config, **more)


async def run_async(runnable, value, config=None, **more):
    return await runnable.ainvoke(value, config, **more)


async def run_streamed(runnable, value, config=None, **more):
    return [chunk async for chunk in runnable.astream(value, config, stream_mode=["values", "updates"], **more)]


async def run_events(runnable, value, config=None, **more):
    return [event async for event in runnable.astream_events(value, config, version="v2", **more)]


async def run_streamed_sync(runnable, value, config=None, **more):
    return await asyncio.to_thread(lambda: list(runnable.stream(value, config, **more)))


EVERY_WAY = pytest.mark.parametrize("run", [run_sync, run_async, run_streamed, run_streamed_sync, run_events])
BOTH_KINDS = pytest.mark.parametrize("having", [agent_with, graph_with])


@EVERY_WAY
@BOTH_KINDS
async def test_a_succeeded_booking_is_reported_in_every_kind_of_run(having, run):
    runnable, told = having(answering(BOOKED))
    await run(runnable, HELLO)
    (conversion,) = told.conversions
    assert gist(conversion) == BOOKING
    assert conversion.customer.phone == PHONE
    (use,) = told.uses
    assert (use.tool, use.outcome, use.error_kind, use.call_id) == ("create_booking", "succeeded", None, LONG_ID)
    assert use.seconds >= 0


@pytest.mark.parametrize("run", [run_sync, run_async])
async def test_a_tool_that_is_a_coroutine_is_reported_too(run):
    async def create_booking(customer_phone: str) -> dict:
        await asyncio.sleep(0)
        return BOOKED

    runnable, told = agent_with(tool_of(lambda customer_phone: BOOKED, create_booking))
    await run(runnable, HELLO)
    assert told.bookings == ["BK-1001"]


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(answering(json.dumps(BOOKED)), id="JSON text"),
        pytest.param(answering([BOOKED]), id="a list"),
        pytest.param(answering([{"type": "text", "text": json.dumps(BOOKED)}]), id="content blocks"),
        pytest.param(answering(("Siap!", BOOKED), response_format="content_and_artifact"), id="an artifact"),
        pytest.param(answering(("Siap!", Booking(**BOOKED)), response_format="content_and_artifact"), id="a model"),
        pytest.param(answering(ToolMessage(json.dumps(BOOKED), tool_call_id=LONG_ID)), id="a message"),
        pytest.param(
            answering(Command(update={"messages": [ToolMessage(json.dumps(BOOKED), tool_call_id=LONG_ID)]})),
            id="a command",
        ),
        pytest.param(
            answering([Command(update={"messages": [ToolMessage(json.dumps(BOOKED), tool_call_id=LONG_ID)]})]),
            id="a list of commands",
        ),
    ],
)
@BOTH_KINDS
async def test_a_booking_is_found_however_its_result_is_written(having, tool):
    runnable, told = having(tool)
    await runnable.ainvoke(HELLO)
    assert told.bookings == ["BK-1001"]
    assert told.conversions[0].value == 150000


async def test_a_model_as_result_is_text_to_langchain_and_does_not_count_unless_the_function_itself_is_watched():
    runnable, told = agent_with(answering(Booking(**BOOKED)))
    await runnable.ainvoke(HELLO)
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "unknown")]

    @konversi.on_success("Lead", via=told)
    def create_booking(customer_phone: str) -> Booking:
        return Booking(**BOOKED)

    runnable, _ = agent_with(tool_of(create_booking))
    await runnable.ainvoke(HELLO)
    assert told.bookings == ["BK-1001"]


@pytest.mark.parametrize(
    "tool",
    [
        answering(NO_SLOT),
        answering(json.dumps(NO_SLOT)),
        answering(("Penuh", NO_SLOT), response_format="content_and_artifact"),
        answering(Command(update={"messages": [ToolMessage(json.dumps(NO_SLOT), tool_call_id=LONG_ID)]})),
    ],
)
@BOTH_KINDS
async def test_a_soft_failure_does_not_count_though_its_message_says_success(having, tool):
    runnable, told = having(tool)
    after = await runnable.ainvoke(HELLO)
    assert after["messages"][-2].status == "success"
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


async def test_a_commands_other_updates_are_no_booking():
    class Memory(MessagesState):
        attempts: int

    def create_booking(customer_phone: str):
        return Command(update={"attempts": 3, "messages": [ToolMessage("Slot penuh kak", tool_call_id=LONG_ID)]})

    told = Told()
    builder = StateGraph(Memory)
    builder.add_node("tools", ToolNode([tool_of(create_booking)]))
    builder.add_edge(START, "tools")
    graph = builder.compile().with_config(callbacks=[Bookings(via=told)])
    assert (await graph.ainvoke({"messages": [calls(LONG_ID)]}))["attempts"] == 3
    assert told.conversions == []


async def test_an_exception_reaches_the_caller_and_does_not_count():
    for run in (run_sync, run_async):
        runnable, told = agent_with(answering(RuntimeError("no database")))
        with pytest.raises(RuntimeError, match="no database"):
            await run(runnable, HELLO)
        assert told.conversions == []
        assert told.ends == [("error", "RuntimeError")]


@pytest.mark.parametrize("run", [run_sync, run_async])
@pytest.mark.parametrize("handle", [True, json.dumps(BOOKED), lambda error: json.dumps(BOOKED)])
async def test_an_exception_that_the_tool_turns_into_text_does_not_count(handle, run):
    runnable, told = agent_with(answering(ToolException("Slot penuh"), handle_tool_error=handle))
    after = await run(runnable, HELLO)
    assert after["messages"][-2].status == "error"
    assert told.conversions == []
    assert told.ends == [("error", "ToolException")]


@pytest.mark.parametrize("run", [run_sync, run_async])
@pytest.mark.parametrize("handle", [True, json.dumps(BOOKED), lambda error: json.dumps(BOOKED)])
async def test_an_exception_that_the_tool_node_turns_into_text_does_not_count(handle, run):
    runnable, told = graph_with(answering(ValueError("Slot penuh")), handle_tool_errors=handle)
    after = await run(runnable, HELLO)
    assert after["messages"][-2].status == "error"
    assert told.conversions == []
    assert told.ends == [("error", "ValueError")]


@BOTH_KINDS
async def test_wrong_arguments_and_unknown_tools_do_not_count(having):
    runnable, told = having(answering(BOOKED), calls(LONG_ID, nobody="x"), calls("c2", tool="createBooking"))
    await runnable.ainvoke(HELLO)
    assert told.conversions == []
    assert [(use.tool, use.outcome) for use in told.uses] == [("create_booking", "error")]


@pytest.mark.parametrize("run", [run_sync, run_async])
async def test_of_a_tool_that_is_retried_only_the_success_counts(run):
    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0, jitter=False)
    tool = answering(ConnectionError("down"), ConnectionError("down"), BOOKED)
    runnable, told = agent_with(tool, middleware=[retry])
    await run(runnable, HELLO)
    assert told.bookings == ["BK-1001"]
    assert [use.outcome for use in told.uses] == ["error", "error", "succeeded"]


async def test_a_middleware_that_calls_a_succeeded_tool_again_makes_the_same_event():
    @wrap_tool_call
    async def twice(request, handler):
        await handler(request)
        return await handler(request)

    runnable, told = agent_with(answering({"confirmed_slot": "10:00"}), middleware=[twice])
    await runnable.ainvoke(HELLO)
    assert {conversion.event_id for conversion in told.conversions} == {f"Lead:{LONG_ID}"}


@pytest.mark.parametrize("run", [run_sync, run_async])
async def test_a_result_that_a_middleware_makes_up_does_not_count(run):
    emulator = LLMToolEmulator(model=Scripted(script=[AIMessage(json.dumps(BOOKED))]))
    runnable, told = agent_with(answering(RuntimeError("never called")), middleware=[emulator])
    after = await run(runnable, HELLO)
    assert json.loads(after["messages"][-2].content) == BOOKED
    assert told.conversions == []
    assert told.uses == []


async def test_a_call_that_waits_for_approval_counts_once_it_is_approved():
    asks = HumanInTheLoopMiddleware(interrupt_on={"create_booking": True})
    runnable, told = agent_with(answering(BOOKED), middleware=[asks], checkpointer=InMemorySaver())
    await runnable.ainvoke(HELLO, thread())
    assert told.conversions == []
    await runnable.ainvoke(Command(resume={"decisions": [{"type": "approve"}]}), thread())
    assert told.bookings == ["BK-1001"]


async def test_a_call_that_a_person_rejects_does_not_count():
    asks = HumanInTheLoopMiddleware(interrupt_on={"create_booking": True})
    runnable, told = agent_with(answering(BOOKED), middleware=[asks], checkpointer=InMemorySaver())
    await runnable.ainvoke(HELLO, thread())
    rejected = {"decisions": [{"type": "reject", "message": json.dumps(BOOKED)}]}
    await runnable.ainvoke(Command(resume=rejected), thread())
    assert told.conversions == []


@pytest.mark.parametrize("run", [run_sync, run_async])
@BOTH_KINDS
async def test_a_tool_that_asks_in_between_is_pending_and_then_counts_once(having, run):
    def create_booking(customer_phone: str):
        return BOOKED if interrupt("Jadi kak?") == "ya" else NO_SLOT

    runnable, told = having(tool_of(create_booking), checkpointer=InMemorySaver())
    await run(runnable, HELLO, thread())
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "pending")]
    await run(runnable, Command(resume="ya"), thread())
    assert told.bookings == ["BK-1001"]
    assert told.outcomes[1:] == [("create_booking", "succeeded")]


@BOTH_KINDS
async def test_a_run_that_is_replayed_from_a_checkpoint_makes_the_same_event(having):
    runnable, told = having(
        answering({"confirmed_slot": "10:00"}), calls("call_1"), AIMessage("Siap"), checkpointer=InMemorySaver()
    )
    await runnable.ainvoke(HELLO, thread())
    history = [state async for state in runnable.aget_state_history(thread())]
    before_the_tool = next(state for state in history if state.next == ("tools",))
    await runnable.ainvoke(None, before_the_tool.config)
    first, again = told.conversions
    assert first.event_id == again.event_id
    assert told.uses[0].call_id == told.uses[1].call_id


async def test_short_call_ids_of_two_chats_are_two_bookings():
    told = Told()
    for name in ("chat-1", "chat-2"):
        runnable, _ = agent_with(answering({"confirmed_slot": "10:00"}), calls("call_1"), told=told)
        await runnable.ainvoke(HELLO, thread(name))
    first, second = told.conversions
    assert first.event_id != second.event_id


@pytest.mark.parametrize("run", [run_sync, run_async])
@BOTH_KINDS
async def test_of_calls_in_parallel_each_is_judged_by_its_own_result(having, run):
    both_began = threading.Barrier(2, timeout=10)

    def create_booking(customer_phone: str):
        both_began.wait()
        return BOOKED if customer_phone == PHONE else NO_SLOT

    ask = AIMessage("", tool_calls=[*calls("c1").tool_calls, *calls("c2", customer_phone="0811-0000-0000").tool_calls])
    runnable, told = having(tool_of(create_booking), ask)
    await run(runnable, HELLO, thread())
    assert told.bookings == ["BK-1001"]
    assert told.conversions[0].customer.phone == PHONE
    assert sorted(use.outcome for use in told.uses) == ["failed", "succeeded"]


async def test_a_booking_that_the_model_makes_twice_has_one_id():
    runnable, told = agent_with(answering(BOOKED), calls("c1", "c2"), calls("c3"))
    await runnable.ainvoke(HELLO)
    assert told.bookings == ["BK-1001"] * 3
    assert {conversion.event_id for conversion in told.conversions} == {None}  # by the booking's id, at the gateway


async def test_a_tool_of_a_subagent_is_seen_as_well():
    inner = create_agent(model(calls(LONG_ID)), [answering(BOOKED)])

    async def ask_the_desk(question: str) -> str:
        """Ask."""
        return (await inner.ainvoke({"messages": [HumanMessage(question)]}))["messages"][-1].text

    tool = StructuredTool.from_function(coroutine=ask_the_desk)
    runnable, told = agent_with(tool, calls("c1", tool="ask_the_desk", question="Besok?"))
    await runnable.ainvoke(HELLO, thread())
    assert told.bookings == ["BK-1001"]
    assert {use.conversation for use in told.uses} == {"chat-1"}


async def test_a_tool_that_runs_by_itself_is_seen_with_its_config():
    told = Told()
    config = {"callbacks": [Bookings(via=told)], "metadata": {"session_id": "chat-7"}}
    assert answering(BOOKED).invoke({"customer_phone": PHONE}, config) == BOOKED
    assert await answering(BOOKED).ainvoke({"customer_phone": PHONE}, config) == BOOKED
    assert told.bookings == ["BK-1001", "BK-1001"]
    assert [use.conversation for use in told.uses] == ["chat-7", "chat-7"]


@dataclass
class Chat:
    phone: str


@pytest.mark.parametrize("run", [run_sync, run_async, run_events])
async def test_the_customer_comes_from_the_runs_context(run):
    runnable, told = agent_with(answering(BOOKED), context_schema=Chat, customer="context.phone")
    await run(runnable, HELLO, context=Chat("0811-2222-3333"))
    assert told.conversions[0].customer.phone == "0811-2222-3333"


@pytest.mark.parametrize("run", [run_sync, run_async, run_events])
async def test_the_customer_comes_from_the_runs_config(run):
    for where, config in (
        ("configurable.customer_phone", thread(customer_phone="0811-2222-3333")),
        ("metadata.customer.phone", {"metadata": {"customer": {"phone": "0811-2222-3333"}}}),
    ):
        runnable, told = agent_with(answering(BOOKED), customer=where)
        await run(runnable, HELLO, config)
        assert told.conversions[0].customer.phone == "0811-2222-3333"


async def test_the_run_shows_its_config_without_langgraphs_own_entries():
    seen = []
    runnable, _ = agent_with(answering(BOOKED), customer=lambda run: seen.append(dict(run.configurable)))
    await runnable.ainvoke(HELLO, thread(branch="Bandung"))
    assert seen[0].items() >= {"thread_id": "chat-1", "branch": "Bandung"}.items()
    assert not [name for name in seen[0] if name.startswith("__")]


async def test_the_customer_comes_from_a_function_of_the_run():
    runnable, told = agent_with(
        answering(BOOKED), context_schema=Chat, customer=lambda run: f"{run.context.phone}-{run.conversation}"
    )
    await runnable.ainvoke(HELLO, thread("3333"), context=Chat("0811-2222"))
    assert told.conversions[0].customer.phone == "0811-2222-3333"


@pytest.mark.parametrize("run", [run_sync, run_async])
async def test_the_customer_of_the_conversation_around_it_is_found_in_the_tools_threads(run):
    def create_booking():
        return BOOKED

    runnable, told = agent_with(tool_of(create_booking))
    with konversi.conversation(customer="0811-2222-3333", id="chat-9", via=told):
        await run(runnable, HELLO)
    assert told.conversions[0].customer.phone == "0811-2222-3333"
    assert told.uses[0].conversation == "chat-9"
    assert told.turns[0].booked


def test_the_run_of_a_call_shows_no_identity_in_its_text():
    from konversi.agents.langchain import Run

    assert PHONE not in repr(Run(context=PHONE, configurable={"phone": PHONE}, metadata={"phone": PHONE}))


async def test_a_required_id_and_a_predicate_decide():
    runnable, told = agent_with(answering({"confirmed_slot": "10:00"}), id="booking_id")
    await runnable.ainvoke(HELLO)
    assert told.conversions == []
    runnable, told = agent_with(answering("Booking OK"), success=lambda text: text.endswith("OK"))
    await runnable.ainvoke(HELLO)
    assert len(told.conversions) == 1
    runnable, told = agent_with(answering(BOOKED), success=lambda result: result["booking_id"] == "BK-1001")
    await runnable.ainvoke(HELLO)
    assert len(told.conversions) == 1


async def test_only_the_named_tools_book():
    runnable, told = agent_with(answering(BOOKED), tools=["reserve_table"])
    await runnable.ainvoke(HELLO)
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "succeeded")]


class Theirs(BaseCallbackHandler):
    """A user's own handler, which may be broken."""

    def __init__(self, *, broken=False, raise_error=False):
        self.heard: list[str] = []
        self._broken = broken
        self.raise_error = raise_error

    def on_tool_end(self, *_: Any, **__: Any) -> None:
        self.heard.append("tool")
        if self._broken:
            raise ValueError("their own fault")

    on_tool_start = on_tool_end


class TheirsAtTheEnd(Theirs):
    def on_tool_start(self, *_: Any, **__: Any) -> None:
        pass


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("run", [run_sync, run_async, run_events])
@pytest.mark.parametrize("broken", [False, True])
async def test_a_users_own_callbacks_go_on_beside_it_even_broken_ones(run, broken):
    runnable, told = agent_with(answering(BOOKED))
    theirs = Theirs(broken=broken)
    await run(runnable, HELLO, {"callbacks": [theirs]})
    assert theirs.heard == ["tool", "tool"]
    assert told.bookings == ["BK-1001"]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("run", [run_sync, run_async])
async def test_a_booking_counts_though_a_users_own_callback_breaks_the_run_after_it(run):
    runnable, told = agent_with(answering(BOOKED))
    with pytest.raises(ValueError, match="their own fault"):
        await run(runnable, HELLO, {"callbacks": [TheirsAtTheEnd(broken=True, raise_error=True)]})
    assert told.bookings == ["BK-1001"]


async def test_a_handler_that_is_given_twice_tells_once():
    told = Told()
    bookings = Bookings(via=told)
    agent = create_agent(model(), [answering(BOOKED)]).with_config(callbacks=[bookings])
    await agent.ainvoke(HELLO, {"callbacks": [bookings]})
    assert told.bookings == ["BK-1001"]
    assert len(told.uses) == 1


class Broken(Told):
    def submit(self, conversion):
        raise OSError("disk full")

    note = submit


@EVERY_WAY
async def test_a_broken_tracker_changes_nothing_about_the_run(run, capsys):
    runnable, told = agent_with(answering(BOOKED))
    broken, _ = agent_with(answering(BOOKED), told=Broken())
    assert len(await run(broken, HELLO)) == len(await run(runnable, HELLO))
    assert told.bookings == ["BK-1001"]


async def test_the_run_waits_no_longer_than_its_time_out_for_the_write():
    from concurrent.futures import Future

    class Stuck(Told):
        def submit(self, conversion):
            super().submit(conversion)
            return Future()

    runnable, told = agent_with(answering(BOOKED), told=Stuck(), timeout=0.05)
    after = await asyncio.wait_for(runnable.ainvoke(HELLO), 5)
    assert json.loads(after["messages"][-2].content) == BOOKED
    assert told.bookings == ["BK-1001"]


async def test_a_call_that_is_cancelled_is_forgotten_and_books_nothing():
    told = Told()
    bookings = Bookings(via=told)
    began = asyncio.Event()

    async def create_booking(customer_phone: str) -> dict:
        began.set()
        await asyncio.Event().wait()
        return BOOKED

    tool = tool_of(lambda customer_phone: BOOKED, create_booking)
    running = asyncio.create_task(tool.ainvoke({"customer_phone": PHONE}, {"callbacks": [bookings]}))
    await asyncio.wait_for(began.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(bookings._under_way) == 0
    assert told.bookings == []


def test_what_is_never_ended_takes_no_memory_for_ever(monkeypatch):
    monkeypatch.setattr("konversi.agents.langchain._MOST_UNDER_WAY", 3)
    told = Told()
    bookings = Bookings(via=told)
    for _ in range(5):  # as a process that is stopped in the middle of a tool leaves it
        bookings.on_tool_start({"name": "create_booking"}, "", run_id=uuid4(), inputs={"customer_phone": PHONE})
    assert len(bookings._under_way) == 3
    tool = tool_of(lambda customer_phone: BOOKED)
    assert tool.invoke({"customer_phone": PHONE}, {"callbacks": [bookings]}) == BOOKED
    assert told.bookings == ["BK-1001"]


def test_wrong_settings_are_refused_when_it_is_made():
    with pytest.raises(ValueError, match="timeout"):
        Bookings("Lead", timeout=0)


def test_without_langchain_it_says_how_to_install_it(monkeypatch):
    said = said_without("langchain_core.callbacks", "langchain", monkeypatch)
    assert 'pip install "konversi[langchain]"' in said


@pytest.fixture
def example(monkeypatch):
    return example_of("langchain", "langchain", monkeypatch)


@pytest.mark.parametrize("run", [run_sync, run_async])
async def test_the_example_of_the_how_to_page_reports_its_booking(example, run):
    names, told = example
    shop = names["shop"](model(calls(LONG_ID, service="Repaint", date="besok")))
    await run(shop, HELLO, context=names["Chat"](PHONE))
    (conversion,) = told.conversions
    assert (conversion.booking_id, conversion.channel, conversion.customer.phone) == ("BK-1002", "whatsapp", PHONE)


async def test_a_booking_reaches_meta(tmp_path, meta_sandbox):
    with sandboxed(tmp_path, meta_sandbox) as gateway:
        runnable, _ = agent_with(answering(BOOKED), calls("c1", "c2"), told=gateway)
        await runnable.ainvoke(HELLO, thread())
    assert arrived_once(meta_sandbox)
