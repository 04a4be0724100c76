"""The adapter on the real package, with models that follow a script."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from agent_cases import ASKS, BOOKED, CLAIMS, NO_SLOT, PHONE, Told, arrived_once, cancel_once_running, sandboxed
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, ModelRetry, RunContext, ToolDenied
from pydantic_ai.capabilities import AbstractCapability, Hooks
from pydantic_ai.exceptions import SkipToolExecution, ToolFailed
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from pydantic_ai.models.test import TestModel

import konversi
from konversi.agents.pydantic_ai import Bookings
from konversi.events.conversion import Conversion, Customer, Service

LONG_ID = "call_7nVtQxqkZ0bR3mYwP5sLd2Fh"


@dataclass
class Deps:
    phone: str = PHONE


def calling(*rounds: list[ToolCallPart]) -> FunctionModel:
    """A model that makes these calls round by round, and then says that it is done."""
    left = list(rounds)

    def respond(messages: Any, info: Any) -> ModelResponse:
        return ModelResponse(parts=left.pop(0) if left else [TextPart(CLAIMS)])

    return FunctionModel(respond)


def booking_call(call_id: str = LONG_ID, **args: Any) -> ToolCallPart:
    return ToolCallPart("create_booking", args or {"service": "Repaint"}, tool_call_id=call_id)


def agent_with(told: Any, tool: Any, *rounds: list[ToolCallPart], **options: Any) -> Agent[Any, Any]:
    capabilities = [*options.pop("capabilities", ()), Bookings("Lead", customer="deps.phone", via=told)]
    agent = Agent(
        calling(*(rounds or ([booking_call()],))), deps_type=Deps, capabilities=capabilities, retries=3, **options
    )
    if tool is not None:
        agent.tool_plain(tool, name="create_booking")
    return agent


def create_booking(service: str = "Repaint") -> dict[str, Any]:
    return BOOKED


async def test_a_succeeded_booking_is_one_conversion():
    told = Told()
    result = await agent_with(told, create_booking).run(ASKS, deps=Deps(), conversation_id="chat-7")
    assert result.output == CLAIMS
    assert told.conversions == [
        Conversion(
            event="Lead", booking_id="BK-1001", customer=Customer(phone=PHONE), value=150000,
            services=(Service(name="Repaint"),),
        )
    ]  # fmt: skip
    (use,) = told.uses
    assert (use.tool, use.outcome, use.call_id, use.conversation) == ("create_booking", "succeeded", LONG_ID, "chat-7")
    assert use.customer == Customer(phone=PHONE)
    assert use.seconds >= 0


async def test_a_cancelled_call_does_not_count():
    running = asyncio.Event()

    async def create_booking(service: str) -> None:
        running.set()
        await asyncio.Event().wait()

    told = Told()
    await cancel_once_running(agent_with(told, create_booking).run(ASKS, deps=Deps()), running)
    assert told.conversions == []
    assert told.ends == [("error", "cancelled")]


@pytest.fixture
def event_loop():
    """What `run_sync` makes for itself otherwise, and never closes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("event_loop")
def test_a_sync_run_counts_too():
    told = Told()
    agent_with(told, create_booking).run_sync(ASKS, deps=Deps())
    assert told.bookings == ["BK-1001"]


async def test_an_async_tool_with_the_run_context_counts_too():
    told = Told()
    agent = agent_with(told, None)

    @agent.tool
    async def create_booking(ctx: RunContext[Deps], service: str) -> dict[str, Any]:
        return {**BOOKED, "customer_name": "Budi"}

    await agent.run(ASKS, deps=Deps())
    assert told.conversions[0].customer == Customer(phone=PHONE, name="Budi")


async def test_a_streaming_run_counts_too():
    told = Told()
    rounds = [[{0: DeltaToolCall("create_booking", '{"service": "Wash"}', tool_call_id=LONG_ID)}], [CLAIMS]]

    async def respond(messages: Any, info: Any) -> Any:
        for delta in rounds.pop(0):
            yield delta

    agent = Agent(
        FunctionModel(stream_function=respond), deps_type=Deps, capabilities=[Bookings(customer="deps.phone", via=told)]
    )
    agent.tool_plain(create_booking)
    async with agent.run_stream(ASKS, deps=Deps()) as stream:
        assert await stream.get_output() == CLAIMS
    assert told.bookings == ["BK-1001"]
    assert told.outcomes == [("create_booking", "succeeded")]


async def test_the_test_model_calls_every_tool_and_only_bookings_count():
    told = Told()
    agent = Agent(TestModel(), deps_type=Deps, capabilities=[Bookings(customer="deps.phone", via=told)])
    agent.tool_plain(create_booking)

    @agent.tool_plain
    def check_slots() -> list[str]:
        return ["10:00"]

    await agent.run(ASKS, deps=Deps())
    assert told.bookings == ["BK-1001"]
    assert sorted(told.outcomes) == [("check_slots", "unknown"), ("create_booking", "succeeded")]


async def test_a_soft_failure_is_none():
    told = Told()
    await agent_with(told, lambda service: NO_SLOT).run(ASKS, deps=Deps())
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


async def test_an_exception_is_none_and_comes_out_as_it_was():
    told, error = Told(), LookupError("no slot")

    def broken(service: str) -> None:
        raise error

    with pytest.raises(LookupError) as caught:
        await agent_with(told, broken).run(ASKS, deps=Deps())
    assert caught.value is error
    assert told.conversions == []
    assert told.ends == [("error", "LookupError")]


async def test_a_model_retry_is_retried_and_the_booking_after_it_counts_once():
    told, tries = Told(), []

    def second_time_lucky(service: str) -> dict[str, Any]:
        tries.append(1)
        if len(tries) == 1:
            raise ModelRetry("Which day?")
        return BOOKED

    await agent_with(told, second_time_lucky, [booking_call()], [booking_call(LONG_ID + "2")]).run(ASKS, deps=Deps())
    assert told.bookings == ["BK-1001"]
    assert told.outcomes == [("create_booking", "retried"), ("create_booking", "succeeded")]


async def test_arguments_that_do_not_fit_are_retried():
    told = Told()

    def strict(service: int) -> dict[str, Any]:
        return BOOKED

    await agent_with(told, strict, [booking_call(service="Wash")], [booking_call(service=3)]).run(ASKS, deps=Deps())
    assert told.bookings == ["BK-1001"]
    assert told.outcomes == [("create_booking", "retried"), ("create_booking", "succeeded")]


async def test_a_tool_that_says_failed_is_failed():
    told = Told()

    def full(service: str) -> None:
        raise ToolFailed("Fully booked.")

    await agent_with(told, full).run(ASKS, deps=Deps())
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


async def approved_or_not(told: Told, answer: Any) -> Any:
    agent = Agent(
        calling([booking_call()]), deps_type=Deps, output_type=[str, DeferredToolRequests],
        capabilities=[Bookings(customer="deps.phone", via=told)],
    )  # fmt: skip
    agent.tool_plain(create_booking, requires_approval=True)
    asked = await agent.run(ASKS, deps=Deps())
    assert isinstance(asked.output, DeferredToolRequests)
    assert told.conversions == []
    results = DeferredToolResults(approvals={LONG_ID: answer})
    return await agent.run(message_history=asked.all_messages(), deferred_tool_results=results, deps=Deps())


async def test_a_call_that_waits_for_approval_counts_once_it_is_approved():
    told = Told()
    await approved_or_not(told, True)
    assert told.bookings == ["BK-1001"]
    assert told.outcomes[-1] == ("create_booking", "succeeded")


async def test_a_denied_call_is_none():
    told = Told()
    await approved_or_not(told, ToolDenied("Not today."))
    assert told.conversions == []
    assert told.outcomes[-1] == ("create_booking", "denied")


async def test_a_history_with_a_denied_call_tells_it_once():
    told = Told()
    done = await approved_or_not(told, ToolDenied("Not today."))
    agent = Agent(calling(), deps_type=Deps, capabilities=[Bookings(via=told)])
    await agent.run(ASKS, deps=Deps(), message_history=done.all_messages())
    assert [outcome for _, outcome in told.outcomes].count("denied") == 1


async def test_an_approval_that_a_tool_asks_for_is_pending():
    from pydantic_ai import ApprovalRequired

    told = Told()

    def careful(service: str) -> None:
        raise ApprovalRequired

    await agent_with(told, careful, output_type=[str, DeferredToolRequests]).run(ASKS, deps=Deps())
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "pending")]


async def test_a_replay_of_the_same_call_makes_the_same_event_id():
    told = Told()
    tool = lambda service: {"status": "confirmed", "seats": 2}
    for _ in range(2):
        await agent_with(told, tool).run(ASKS, deps=Deps())
    assert {conversion.event_id for conversion in told.conversions} == {f"Lead:{LONG_ID}"}
    assert {use.call_id for use in told.uses} == {LONG_ID}


async def test_parallel_calls_count_one_by_one():
    told = Told()

    async def book(service: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"booking_id": service} if service != "full" else NO_SLOT

    calls = [booking_call(f"{LONG_ID}{name}", service=name) for name in ("a", "full", "b")]
    await agent_with(told, book, calls).run(ASKS, deps=Deps())
    assert sorted(told.bookings) == ["a", "b"]
    assert sorted(told.outcomes) == [("create_booking", "failed")] + [("create_booking", "succeeded")] * 2


async def test_an_answer_in_the_tools_place_is_no_booking():
    class Cache(AbstractCapability[Any]):
        async def before_tool_execute(self, ctx: Any, *, call: Any, tool_def: Any, args: Any) -> Any:
            raise SkipToolExecution(BOOKED)

    told = Told()
    await agent_with(told, create_booking, capabilities=[Cache()]).run(ASKS, deps=Deps())
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "cached")]


async def test_the_users_own_hooks_work_beside_it_and_may_refuse_a_result():
    told, hooks, seen = Told(), Hooks(), []

    @hooks.on.after_tool_execute(tools=["create_booking"])
    async def check(ctx: Any, *, call: Any, tool_def: Any, args: Any, result: Any) -> Any:
        seen.append(result)
        if len(seen) == 1:
            raise ModelRetry("Ask for the colour first.")
        return result

    agent = agent_with(
        told, create_booking, [booking_call()], [booking_call(LONG_ID + "2")], capabilities=[hooks]
    )  # fmt: skip
    await agent.run(ASKS, deps=Deps())
    assert seen == [BOOKED, BOOKED]
    assert told.outcomes == [("create_booking", "retried"), ("create_booking", "succeeded")]
    assert told.bookings == ["BK-1001"]


async def test_the_model_gets_what_the_tool_returned():
    result = await agent_with(Told(), create_booking).run(ASKS, deps=Deps())
    (part,) = [part for message in result.new_messages() for part in message.parts if isinstance(part, ToolReturnPart)]
    assert part.content is BOOKED


async def test_a_tracker_that_fails_does_not_fail_the_run():
    class Broken(Told):
        def submit(self, conversion: Any) -> Any:
            raise OSError

        def note(self, *uses: Any) -> Any:
            raise OSError

    result = await agent_with(Broken(), create_booking).run(ASKS, deps=Deps())
    assert result.output == CLAIMS


async def test_the_customer_comes_from_the_conversation_around_the_run():
    told = Told()
    agent = Agent(calling([booking_call()]), capabilities=[Bookings(via=told)])
    agent.tool_plain(create_booking)
    async with konversi.conversation(customer=PHONE, id="chat-7") as chat:
        chat.reply = (await agent.run(ASKS)).output
    assert told.conversions[0].customer == Customer(phone=PHONE)
    assert told.uses[0].conversation == "chat-7"
    (turn,) = told.turns
    assert (turn.conversation, turn.tools, turn.booked, turn.claimed) == ("chat-7", 1, True, True)


@pytest.mark.usefixtures("event_loop")
def test_a_booking_arrives_at_meta(tmp_path, meta_sandbox, caplog):
    with sandboxed(tmp_path, meta_sandbox) as tracker, konversi.conversation(id="chat-7") as chat:
        chat.reply = agent_with(tracker, create_booking).run_sync(ASKS, deps=Deps()).output
    assert "not_recorded" not in caplog.text
    assert arrived_once(meta_sandbox)
