"""Bookings of the OpenAI Agents SDK, on the real package with a scripted model."""

import asyncio
import gc
import json
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from agent_cases import BOOKED, BOOKING, NO_SLOT, PHONE, Told, arrived_once, example_of, gist, said_without, sandboxed
from agents.agent import Agent
from agents.exceptions import UserError
from agents.items import ModelResponse
from agents.lifecycle import AgentHooks, RunHooks
from agents.models.interface import Model
from agents.run import Runner
from agents.run_config import RunConfig
from agents.tool import ToolOutputText, default_tool_error_function, function_tool
from agents.tool_guardrails import ToolGuardrailFunctionOutput, tool_input_guardrail, tool_output_guardrail
from agents.tracing import set_trace_processors
from agents.usage import Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from pydantic import BaseModel

import konversi
from konversi.agents.openai_agents import AgentBookings, Bookings

LONG_ID = "call_6f1c2b9d0e7a4f35"


@pytest.fixture(autouse=True)
def _no_exporter():
    """Spans stay in this process."""
    set_trace_processors([])


class Scripted(Model):
    """Gives the scripted answers one after another; each is a list of output items."""

    def __init__(self, *answers):
        self._answers = list(answers)

    async def get_response(self, *args, **kwargs):
        return ModelResponse(output=self._answers.pop(0), usage=Usage(), response_id=None)

    async def stream_response(self, *args, **kwargs):
        response = Response(
            id="resp_1",
            created_at=0,
            model="scripted",
            object="response",
            output=self._answers.pop(0),
            parallel_tool_calls=True,
            tool_choice="auto",
            tools=[],
        )
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)


def asks(*ids, tool="create_booking", **arguments):
    """The model calls the tool once for each id."""
    said = json.dumps(arguments or {"customer_phone": PHONE})
    return [ResponseFunctionToolCall(arguments=said, call_id=i, name=tool, type="function_call") for i in ids]


def says(text="Siap kak"):
    content = [ResponseOutputText(text=text, type="output_text", annotations=[])]
    return [ResponseOutputMessage(id="msg_1", content=content, role="assistant", status="completed", type="message")]


def answering(*results, **more):
    """A booking tool that gives, or raises, these one after another, and the last one from then on."""
    left = list(results)

    def create_booking(customer_phone: str):
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, BaseException):
            raise result
        return result

    return function_tool(create_booking, **more)


def slow(**more):
    async def create_booking(customer_phone: str) -> dict:
        await asyncio.Event().wait()
        return BOOKED

    return function_tool(create_booking, timeout=0.02, **more)


def agent_with(*tools, turns=(), **more):
    return Agent("desk", tools=list(tools), model=Scripted(*(turns or [asks(LONG_ID)]), says()), **more)


async def run_async(agent, **more):
    return await Runner.run(agent, "Mau booking", **more)


async def run_sync(agent, **more):
    def in_its_own_thread():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return Runner.run_sync(agent, "Mau booking", **more)
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    return await asyncio.to_thread(in_its_own_thread)


async def run_streamed(agent, **more):
    result = Runner.run_streamed(agent, "Mau booking", **more)
    async for _ in result.stream_events():
        pass
    return result


EVERY_WAY = pytest.mark.parametrize("run", [run_async, run_sync, run_streamed])
TRACED_OR_NOT = pytest.mark.parametrize("tracing_disabled", [False, True])


async def told_of(*tools, turns=(), run=run_async, run_config=None, context=None, **options):
    """What a run with these tools tells of."""
    told = options.setdefault("via", Told())
    await run(
        agent_with(*tools, turns=turns), hooks=Bookings("Lead", **options), run_config=run_config, context=context
    )
    return told


def tool_outputs(result):
    return [item.output for item in result.new_items if item.type == "tool_call_output_item"]


class Booking(BaseModel):
    booking_id: str
    total_price: int


@EVERY_WAY
async def test_a_succeeded_booking_is_reported_in_every_kind_of_run(run):
    told = await told_of(answering(BOOKED), run=run)
    (conversion,) = told.conversions
    assert gist(conversion) == BOOKING
    assert conversion.customer.phone == PHONE
    (use,) = told.uses
    assert (use.tool, use.outcome, use.error_kind, use.call_id) == ("create_booking", "succeeded", None, LONG_ID)
    assert use.seconds >= 0


async def test_a_tool_that_is_a_coroutine_is_reported_too():
    async def create_booking(customer_phone: str) -> dict:
        await asyncio.sleep(0)
        return BOOKED

    told = await told_of(function_tool(create_booking, timeout=5))
    assert told.bookings == ["BK-1001"]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(json.dumps(BOOKED), id="JSON text"),
        pytest.param([BOOKED], id="a list"),
        pytest.param(Booking(**BOOKED), id="a model"),
        pytest.param(ToolOutputText(text=json.dumps(BOOKED)), id="the SDK's own output"),
        pytest.param({"type": "text", "text": json.dumps(BOOKED)}, id="a text of an MCP server"),
    ],
)
async def test_a_booking_is_found_however_its_result_is_written(result):
    told = await told_of(answering(result))
    assert told.bookings == ["BK-1001"]
    assert told.conversions[0].value == 150000


@pytest.mark.parametrize("result", [NO_SLOT, json.dumps(NO_SLOT), {"type": "text", "text": json.dumps(NO_SLOT)}])
async def test_a_soft_failure_does_not_count(result):
    told = await told_of(answering(result))
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


@EVERY_WAY
@TRACED_OR_NOT
async def test_an_exception_that_the_sdk_turns_into_text_does_not_count(run, tracing_disabled):
    told = await told_of(
        answering(RuntimeError("no database")), run=run, run_config=RunConfig(tracing_disabled=tracing_disabled)
    )
    assert told.conversions == []
    assert told.ends == [("error", "tool_raised")]


@TRACED_OR_NOT
async def test_not_even_a_predicate_that_takes_everything_sees_the_sdks_own_error_texts(tracing_disabled):
    for tool in (answering(RuntimeError("no database")), slow()):
        told = await told_of(tool, success=lambda _: True, run_config=RunConfig(tracing_disabled=tracing_disabled))
        assert told.conversions == []


@TRACED_OR_NOT
@pytest.mark.parametrize("text", ["Maaf kak, gagal", "Booking failed: no database", json.dumps(NO_SLOT)])
async def test_a_failure_in_the_users_own_words_does_not_count(text, tracing_disabled):
    tool = answering(RuntimeError("no database"), failure_error_function=lambda context, error: text)
    told = await told_of(tool, run_config=RunConfig(tracing_disabled=tracing_disabled))
    assert told.conversions == []
    if not tracing_disabled:
        assert [use.error_kind for use in told.uses] == ["tool_raised"]


async def test_a_failure_that_looks_like_a_success_is_told_by_its_span_or_by_a_required_id():
    def lie(context, error):
        return json.dumps({"total_price": 150000})

    tool = answering(RuntimeError("no database"), failure_error_function=lie)
    assert (await told_of(tool)).conversions == []
    untraced = RunConfig(tracing_disabled=True)
    assert (await told_of(tool, run_config=untraced, id="booking_id")).conversions == []
    assert len((await told_of(tool, run_config=untraced)).conversions) == 1  # as the how-to page says


@TRACED_OR_NOT
async def test_a_failure_in_the_runs_own_words_does_not_count(tracing_disabled):
    config = RunConfig(tracing_disabled=tracing_disabled, tool_error_formatter=lambda failure: "Coba lagi nanti")
    told = await told_of(answering(RuntimeError("no database")), run_config=config)
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "unknown" if tracing_disabled else "error")]


async def test_wrong_arguments_do_not_count():
    told = await told_of(answering(BOOKED), turns=[asks(LONG_ID, nobody="x")])
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "error")]


@TRACED_OR_NOT
async def test_a_tool_that_takes_too_long_does_not_count(tracing_disabled):
    told = await told_of(slow(), run_config=RunConfig(tracing_disabled=tracing_disabled))
    assert told.conversions == []
    assert told.ends == [("error", "timeout")]


async def test_a_time_out_in_the_users_own_words_does_not_count():
    told = await told_of(slow(timeout_error_function=lambda context, error: "Maaf, sistem lambat"))
    assert told.conversions == []


@pytest.mark.parametrize(
    "tool",
    [
        answering(RuntimeError("no database"), failure_error_function=None),
        slow(timeout_behavior="raise_exception"),
    ],
)
async def test_an_exception_that_ends_the_run_ends_it_as_before_and_does_not_count(tool):
    told = Told()
    with pytest.raises(Exception, match=r"no database|timed out"):
        await run_async(agent_with(tool), hooks=Bookings(via=told))
    assert told.conversions == []


async def test_a_result_that_a_guardrail_rejects_does_not_count():
    @tool_output_guardrail
    def refuse(data):
        return ToolGuardrailFunctionOutput.reject_content("Tidak boleh ditampilkan")

    told = await told_of(answering(BOOKED, tool_output_guardrails=[refuse]))
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "unknown")]


async def test_a_call_that_a_guardrail_rejects_is_no_call():
    @tool_input_guardrail
    def refuse(data):
        return ToolGuardrailFunctionOutput.reject_content(json.dumps(BOOKED))

    told = await told_of(answering(BOOKED, tool_input_guardrails=[refuse]))
    assert told.conversions == []
    assert told.uses == []


@pytest.mark.parametrize("approved", [True, False])
async def test_a_call_that_waits_for_approval_counts_once_it_is_approved(approved):
    told = Told()
    hooks = Bookings(via=told)
    agent = agent_with(answering(BOOKED, needs_approval=True))
    waiting = await run_async(agent, hooks=hooks)
    assert told.conversions == []
    state = waiting.to_state()
    (pending,) = waiting.interruptions
    if approved:
        state.approve(pending)
    else:
        state.reject(pending, rejection_message=json.dumps(BOOKED))
    await Runner.run(agent, state, hooks=hooks)
    assert told.bookings == (["BK-1001"] if approved else [])


async def test_a_call_that_fails_first_counts_once():
    told = await told_of(answering(RuntimeError("down"), NO_SLOT, BOOKED), turns=[asks("c1"), asks("c2"), asks("c3")])
    assert told.bookings == ["BK-1001"]
    assert [use.outcome for use in told.uses] == ["error", "failed", "succeeded"]


async def test_of_calls_in_parallel_each_is_judged_by_its_own_result():
    began = asyncio.Semaphore(0)

    async def create_booking(customer_phone: str) -> dict:
        began.release()
        while began._value < 2:
            await asyncio.sleep(0)
        if customer_phone != PHONE:
            raise RuntimeError("no database")
        return BOOKED

    told = await told_of(
        function_tool(create_booking), turns=[asks("c1") + asks("c2", customer_phone="0811-0000-0000")]
    )
    assert told.bookings == ["BK-1001"]
    assert told.conversions[0].customer.phone == PHONE
    assert sorted(use.outcome for use in told.uses) == ["error", "succeeded"]


async def test_the_calls_own_id_makes_one_event_of_a_booking_without_an_id():
    told = await told_of(answering({"confirmed_slot": "10:00"}))
    assert [conversion.event_id for conversion in told.conversions] == [f"Lead:{LONG_ID}"]


async def test_the_group_of_the_run_is_the_conversation():
    told = Told()
    for group in ("chat-1", "chat-2"):
        await told_of(
            answering({"confirmed_slot": "10:00"}),
            turns=[asks("call_1")],
            run_config=RunConfig(group_id=group),
            via=told,
        )
    assert [use.conversation for use in told.uses] == ["chat-1", "chat-2"]
    first, second = told.conversions
    assert first.event_id != second.event_id


@dataclass
class Chat:
    phone: str


@pytest.mark.parametrize("context", [Chat("0811-2222-3333"), {"phone": "0811-2222-3333"}])
@pytest.mark.parametrize("customer", ["phone", lambda chat: getattr(chat, "phone", None) or chat["phone"]])
async def test_the_customer_comes_from_the_runs_context(context, customer):
    told = await told_of(answering(BOOKED), context=context, customer=customer)
    assert told.conversions[0].customer.phone == "0811-2222-3333"


@EVERY_WAY
async def test_the_customer_of_the_conversation_around_it_is_found(run):
    def create_booking():
        return BOOKED

    told = Told()
    with konversi.conversation(customer="0811-2222-3333", id="chat-9", via=told):
        await told_of(function_tool(create_booking), run=run, via=told)
    assert told.conversions[0].customer.phone == "0811-2222-3333"
    assert told.uses[0].conversation == "chat-9"
    assert told.turns[0].booked


async def test_only_the_named_tools_book():
    told = await told_of(answering(BOOKED), tools=["reserve_table"])
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "succeeded")]


def desk_behind(inner, **more):
    """An agent that has the other as its tool."""
    return agent_with(
        inner.as_tool("ask_the_desk", "Ask.", **more), turns=[asks("c1", tool="ask_the_desk", input="Besok?")]
    )


async def test_the_hooks_of_a_run_do_not_see_into_an_agent_that_is_a_tool_unless_that_has_them_too():
    told = Told()
    await run_async(desk_behind(agent_with(answering(BOOKED))), hooks=Bookings(via=told))
    assert told.conversions == []

    hooks = Bookings(via=told)
    await run_async(desk_behind(agent_with(answering(BOOKED)), hooks=hooks), hooks=hooks)
    assert told.bookings == ["BK-1001"]

    inner = agent_with(answering(BOOKED), hooks=AgentBookings(via=told))
    await run_async(desk_behind(inner))
    assert told.bookings == ["BK-1001"] * 2


async def test_the_hooks_of_a_run_see_the_agent_that_it_is_handed_to():
    told = Told()
    desk = agent_with(answering(BOOKED))
    front = Agent("front", handoffs=[desk], model=Scripted(asks("h1", tool="transfer_to_desk")))
    await run_async(front, hooks=Bookings(via=told))
    assert told.bookings == ["BK-1001"]


def theirs_at(kind, name_of_hooks, *, broken=()):
    """A user's own hooks, which remember what they heard, and raise where they are broken."""
    heard: list[str] = []

    class Theirs(kind):
        pass

    for name in name_of_hooks:

        async def hear(self, *args, name=name, **kwargs):
            heard.append(name)
            if name in broken:
                raise ValueError("their own fault")

        setattr(Theirs, name, hear)
    return Theirs(), heard


OF_A_RUN = (
    "on_agent_start",
    "on_agent_end",
    "on_llm_start",
    "on_llm_end",
    "on_tool_start",
    "on_tool_end",
    "on_handoff",
)
OF_AN_AGENT = ("on_start", "on_end", "on_llm_start", "on_llm_end", "on_tool_start", "on_tool_end", "on_handoff")


async def test_a_users_own_run_hooks_hear_the_same_beside_it():
    def handed_over():
        desk = agent_with(answering(BOOKED))
        return Agent("front", handoffs=[desk], model=Scripted(asks("h1", tool="transfer_to_desk")))

    alone, heard_alone = theirs_at(RunHooks, OF_A_RUN)
    await run_async(handed_over(), hooks=alone)
    beside, heard_beside = theirs_at(RunHooks, OF_A_RUN)
    told = Told()
    await run_async(handed_over(), hooks=Bookings(also=beside, via=told))
    assert heard_beside == heard_alone
    assert set(heard_beside) == set(OF_A_RUN)
    assert told.bookings == ["BK-1001"]


async def test_a_users_own_agent_hooks_hear_the_same_beside_it():
    def handed_over(hooks):
        desk = agent_with(answering(BOOKED), hooks=hooks)
        return Agent("front", handoffs=[desk], model=Scripted(asks("h1", tool="transfer_to_desk")))

    alone, heard_alone = theirs_at(AgentHooks, OF_AN_AGENT)
    await run_async(handed_over(alone))
    beside, heard_beside = theirs_at(AgentHooks, OF_AN_AGENT)
    told = Told()
    await run_async(handed_over(AgentBookings(also=beside, via=told)))
    assert heard_beside == heard_alone
    assert "on_tool_end" in heard_beside
    assert told.bookings == ["BK-1001"]


async def test_a_users_agent_hooks_go_on_beside_those_of_the_run():
    theirs, heard = theirs_at(AgentHooks, OF_AN_AGENT)
    told = Told()
    await run_async(agent_with(answering(BOOKED), hooks=theirs), hooks=Bookings(via=told))
    assert heard.count("on_tool_end") == 1
    assert told.bookings == ["BK-1001"]


@pytest.mark.parametrize("where", ["beside", "at the agent", "at the run"])
async def test_a_booking_counts_though_the_users_own_hooks_break_the_run_after_it(where):
    told = Told()
    broken, _ = theirs_at(
        AgentHooks if where == "at the agent" else RunHooks, ("on_tool_end",), broken=("on_tool_end",)
    )
    at_the_agent, at_the_run = {
        "beside": lambda: (None, Bookings(also=broken, via=told)),
        "at the agent": lambda: (broken, Bookings(via=told)),
        "at the run": lambda: (AgentBookings(via=told), broken),
    }[where]()
    with pytest.raises((ValueError, UserError), match="their own fault"):
        await run_async(agent_with(answering(BOOKED), hooks=at_the_agent), hooks=at_the_run)
    assert told.bookings == ["BK-1001"]


async def test_hooks_at_the_run_and_at_its_agent_make_the_same_event():
    told = Told()
    await run_async(
        agent_with(answering({"confirmed_slot": "10:00"}), hooks=AgentBookings(via=told)), hooks=Bookings(via=told)
    )
    assert {conversion.event_id for conversion in told.conversions} == {f"Lead:{LONG_ID}"}


def test_hooks_for_the_wrong_place_are_refused_when_it_is_made():
    with pytest.raises(TypeError, match="RunHooks"):
        Bookings(also=AgentHooks())
    with pytest.raises(TypeError, match="AgentHooks"):
        AgentBookings(also=RunHooks())
    with pytest.raises(ValueError, match="timeout"):
        Bookings("Lead", timeout=0)


class Broken(Told):
    def submit(self, conversion):
        raise OSError("disk full")

    note = submit


class Stuck(Told):
    def submit(self, conversion):
        super().submit(conversion)
        return Future()


@EVERY_WAY
@pytest.mark.parametrize("tracker", [Told, Broken, Stuck])
async def test_whatever_the_tracker_does_the_run_is_the_same(run, tracker):
    plain = await run(agent_with(answering(BOOKED)))
    hooked = await asyncio.wait_for(run(agent_with(answering(BOOKED)), hooks=Bookings(via=tracker(), timeout=0.05)), 5)
    assert hooked.final_output == plain.final_output
    assert tool_outputs(hooked) == tool_outputs(plain)
    assert hooked.to_input_list() == plain.to_input_list()


@pytest.mark.parametrize("failure_error_function", [default_tool_error_function, None])
async def test_calls_are_forgotten_however_they_end(failure_error_function):
    hooks = Bookings(via=Told())

    def create_booking(customer_phone: str):
        raise RuntimeError("no database")

    tool = function_tool(create_booking, failure_error_function=failure_error_function)
    with suppress(UserError):
        await run_async(agent_with(tool), hooks=hooks)
    gc.collect()
    assert len(hooks._began) == 0


async def test_a_tool_without_a_call_of_its_own_is_only_recorded():
    from agents.run_context import RunContextWrapper

    class Computer:
        name = "computer_use_preview"

    told = Told()
    hooks = Bookings(via=told)
    shared: Any = RunContextWrapper(context=None)
    await hooks.on_tool_start(shared, Agent("desk"), Computer())
    await hooks.on_tool_end(shared, Agent("desk"), Computer(), "data:image/png;base64,")
    assert told.outcomes == [("computer_use_preview", "unknown")]
    assert told.uses[0].seconds is None


def test_without_the_sdk_it_says_how_to_install_it(monkeypatch):
    said = said_without("agents.lifecycle", "openai_agents", monkeypatch)
    assert 'pip install "konversi[openai-agents]"' in said


@pytest.fixture
def example(monkeypatch):
    return example_of("openai-agents", "openai_agents", monkeypatch)


async def test_the_example_of_the_how_to_page_reports_its_booking(example):
    names, told = example
    model = Scripted(asks(LONG_ID, service="Repaint", date="besok"), says("Sampai besok kak"))
    assert await names["reply"]("Mau booking", PHONE, model) == "Sampai besok kak"
    (conversion,) = told.conversions
    assert (conversion.booking_id, conversion.channel, conversion.customer.phone) == ("BK-1002", "whatsapp", PHONE)


async def test_a_booking_reaches_meta(tmp_path, meta_sandbox):
    with sandboxed(tmp_path, meta_sandbox) as gateway:
        await told_of(answering(BOOKED), turns=[asks("c1", "c2"), asks("c3")], via=gateway)
    assert arrived_once(meta_sandbox)
