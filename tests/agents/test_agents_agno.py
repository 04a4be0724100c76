"""Bookings of an Agno agent, on the real package with a model that follows a script."""

import asyncio
import json
import threading

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
from agno.agent import Agent
from agno.exceptions import RetryAgentRun, StopAgentRun
from agno.models.base import Model
from agno.models.response import ModelResponse
from agno.run.base import RunStatus
from agno.team import Team
from agno.tools import Toolkit, tool
from agno.utils.log import agent_logger, team_logger

from konversi.agents.agno import Bookings

BOOK = {"customer_phone": PHONE}


class Script(Model):
    """A model that calls tools, each list in one answer, and then says `Siap!`."""

    def __init__(self, *answers):
        super().__init__(id="script", name="script", provider="script")
        self._answers = [*map(self._calls, answers), ModelResponse(content="Siap!")]

    def _calls(self, calls):
        return ModelResponse(
            tool_calls=[
                {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
                for id_, name, arguments in calls
            ]
        )

    def _next(self):
        return self._answers.pop(0)

    def invoke(self, *args, **kwargs):
        return self._next()

    async def ainvoke(self, *args, **kwargs):
        return self._next()

    def invoke_stream(self, *args, **kwargs):
        yield self._next()

    async def ainvoke_stream(self, *args, **kwargs):
        yield self._next()

    def _parse_provider_response(self, response, **kwargs):
        return response

    def _parse_provider_response_delta(self, response):
        return response


def once(name="create_booking", arguments=BOOK, id_="call_1"):
    return Script([(id_, name, arguments)])


def agent(*tools, model=None, hooks_before=(), hooks_after=(), tool_call_limit=None, **options):
    """An agent with these tools that calls the booking tool once, and what was told of it."""
    told = options.setdefault("via", Told())
    hooks = [*hooks_before, Bookings("Lead", **options), *hooks_after]
    model = model or once()
    return Agent(
        model=model, tools=list(tools), tool_hooks=hooks, tool_call_limit=tool_call_limit, telemetry=False
    ), told


def run(made, **more):
    return made.run("Mau booking", **more)


def arun(made, **more):
    return asyncio.run(asyncio.wait_for(made.arun("Mau booking", **more), 10))


def stream(made, **more):
    return [*made.run("Mau booking", stream=True, yield_run_output=True, **more)][-1]


def astream(made, **more):
    async def all_of_it():
        return [event async for event in made.arun("Mau booking", stream=True, yield_run_output=True, **more)][-1]

    return asyncio.run(asyncio.wait_for(all_of_it(), 10))


every_way = pytest.mark.parametrize("way", [run, arun, stream, astream])
every_async_way = pytest.mark.parametrize("way", [arun, astream])
both_kinds_of_hook = pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])


def answering(result):
    def create_booking(customer_phone: str):
        return result

    return create_booking


def answering_async(result):
    async def create_booking(customer_phone: str):
        await asyncio.sleep(0)
        return result

    return create_booking


def raising(error):
    def create_booking(customer_phone: str):
        raise error

    return create_booking


def raising_async(error):
    async def create_booking(customer_phone: str):
        raise error

    return create_booking


@pytest.fixture(autouse=True)
def quiet():
    """Agno logs tracebacks of what these tests raise."""
    levels = [(logger, logger.level) for logger in (agent_logger, team_logger)]
    for logger, _ in levels:
        logger.setLevel("CRITICAL")
    yield
    for logger, level in levels:
        logger.setLevel(level)


def is_one_booking(told):
    (conversion,) = told.conversions
    (use,) = told.uses
    assert gist(conversion) == BOOKING
    assert conversion.customer.phone == PHONE
    assert (use.tool, use.outcome, use.error_kind) == ("create_booking", "succeeded", None)
    return True


@every_way
def test_a_succeeded_booking_is_reported(way):
    made, told = agent(answering(BOOKED))
    assert way(made).content == "Siap!"
    assert is_one_booking(told)


@every_async_way
def test_a_succeeded_booking_of_an_async_tool_is_reported(way):
    made, told = agent(answering_async(BOOKED))
    assert way(made).content == "Siap!"
    assert is_one_booking(told)


@every_way
def test_json_text_is_a_result_too(way):
    made, told = agent(answering(json.dumps(BOOKED)))
    way(made)
    assert is_one_booking(told)


@every_way
def test_a_soft_failure_does_not_count(way):
    made, told = agent(answering(NO_SLOT))
    way(made)
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


@every_way
def test_an_error_does_not_count_and_reaches_the_model_as_before(way):
    made, told = agent(raising(RuntimeError("no database")))
    ended = way(made)
    assert ended.tools[0].tool_call_error is True
    assert ended.tools[0].result == "no database"
    assert told.conversions == []
    assert told.ends == [("error", "RuntimeError")]


@every_async_way
def test_an_error_of_an_async_tool_does_not_count(way):
    made, told = agent(raising_async(RuntimeError("no database")))
    assert way(made).tools[0].tool_call_error is True
    assert told.conversions == []
    assert told.ends == [("error", "RuntimeError")]


@every_way
def test_a_tool_that_asks_for_another_try_does_not_count(way):
    left = [RetryAgentRun("Ask for the phone number.")]

    def create_booking(customer_phone: str):
        if left:
            raise left.pop()
        return BOOKED

    model = Script([("call_1", "create_booking", BOOK)], [("call_2", "create_booking", BOOK)])
    made, told = agent(create_booking, model=model)
    assert way(made).content == "Siap!"
    assert told.bookings == ["BK-1001"]
    assert told.outcomes == [("create_booking", "retried"), ("create_booking", "succeeded")]


@every_way
def test_a_tool_that_stops_the_run_does_not_count(way):
    made, told = agent(raising(StopAgentRun("A colleague takes over.")))
    way(made)
    assert told.conversions == []
    assert [use.error_kind for use in told.uses] == ["StopAgentRun"]


@every_way
def test_a_stored_result_does_not_count_again(way, tmp_path):
    calls = []

    @tool(cache_results=True, cache_dir=str(tmp_path))
    def create_booking(customer_phone: str) -> dict:
        calls.append(customer_phone)
        return {"ok": True}  # no id by which a repeat could be known

    first, told = agent(create_booking)
    way(first)
    again, _ = agent(create_booking, via=told)
    way(again)
    assert len(calls) == 1
    assert len(told.conversions) == 1
    assert told.outcomes == [("create_booking", "succeeded"), ("create_booking", "cached")]


@every_async_way
def test_a_stored_result_of_an_async_tool_does_not_count_again(way, tmp_path):
    @tool(cache_results=True, cache_dir=str(tmp_path))
    async def create_booking(customer_phone: str) -> dict:
        return {"ok": True}

    told = Told()
    for _ in range(2):
        way(agent(create_booking, via=told)[0])
    assert told.outcomes == [("create_booking", "succeeded"), ("create_booking", "cached")]
    assert len(told.conversions) == 1


def test_a_call_that_another_hook_turned_into_another_question_is_no_stored_result(tmp_path):
    @tool(cache_results=True, cache_dir=str(tmp_path))
    def create_booking(customer_phone: str) -> dict:
        return {"booking_id": f"BK-{customer_phone}"}

    def for_another(function_call, arguments):
        arguments["customer_phone"] = "0812-0000-0002"
        return function_call(**arguments)

    first, told = agent(create_booking)
    run(first)
    second, _ = agent(create_booking, via=told, hooks_before=[for_another])
    run(second)
    assert told.bookings == [f"BK-{PHONE}", "BK-0812-0000-0002"]


@every_way
@both_kinds_of_hook
def test_the_hooks_of_the_user_go_on_working_on_both_sides(way, is_async):
    seen = []

    def plain(function_name, function_call, arguments):
        seen.append(function_name)
        return function_call(**arguments)

    async def asynchronous(function_name, function_call, arguments):
        seen.append(function_name)
        return await function_call(**arguments)

    hook = asynchronous if is_async else plain
    made, told = agent(answering(BOOKED), hooks_before=[hook], hooks_after=[hook])
    way(made)
    assert is_one_booking(told)
    is_skipped = is_async and way in (run, stream)  # by Agno, with a warning; ours is not
    assert seen == ([] if is_skipped else ["create_booking"] * 2)


@every_way
def test_a_hook_inside_that_denies_does_not_count(way):
    def deny(function_call, arguments):
        return {"status": "denied", "message": "Not on Sundays."}

    made, told = agent(answering(BOOKED), hooks_after=[deny])
    way(made)
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


@every_way
def test_a_call_that_waits_for_confirmation_counts_once_it_is_confirmed(way):
    @tool(requires_confirmation=True)
    def create_booking(customer_phone: str) -> dict:
        return BOOKED

    made, told = agent(create_booking)
    paused = made.run("Mau booking")
    assert paused.status is RunStatus.paused
    assert told.uses == []
    assert told.conversions == []
    for requirement in paused.active_requirements:
        requirement.confirm()
    continue_run(made, way, paused)
    assert is_one_booking(told)


@every_way
def test_a_call_that_is_not_confirmed_does_not_count(way):
    @tool(requires_confirmation=True)
    def create_booking(customer_phone: str) -> dict:
        return BOOKED

    made, told = agent(create_booking)
    paused = made.run("Mau booking")
    for requirement in paused.active_requirements:
        requirement.reject("No.")
    continue_run(made, way, paused)
    assert told.conversions == []


def continue_run(made, way, paused):
    async def ended(answer):
        return [event async for event in answer] if way is astream else await answer

    given = {"run_response": paused, "requirements": paused.requirements, "stream": way in (stream, astream)}
    if way is run:
        made.continue_run(**given)
    elif way is stream:
        list(made.continue_run(**given))
    else:

        async def go_on():
            await ended(made.acontinue_run(**given))

        asyncio.run(asyncio.wait_for(go_on(), 10))


def test_a_call_over_the_limit_does_not_count():
    model = Script([("call_1", "create_booking", BOOK), ("call_2", "create_booking", BOOK)])
    made, told = agent(answering(BOOKED), model=model, tool_call_limit=1)
    run(made)
    assert is_one_booking(told)


@every_way
def test_wrong_arguments_do_not_count(way):
    def create_booking(customer_phone: str, day: int) -> dict:
        return BOOKED

    made, told = agent(create_booking, model=once(arguments={"customer_phone": PHONE, "day": "besok"}))
    way(made)
    assert told.conversions == []
    assert [outcome for _, outcome in told.outcomes] == ["error"]


@every_way
def test_several_calls_in_one_answer_are_told_apart(way):
    def create_booking(customer_phone: str) -> dict:
        return {"booking_id": f"BK-{customer_phone[-1]}"}

    model = Script([(f"call_{last}", "create_booking", {"customer_phone": PHONE + last}) for last in "12"])
    made, told = agent(create_booking, model=model)
    way(made)
    booked = {(it.booking_id, it.customer.phone) for it in told.conversions}
    assert booked == {("BK-1", PHONE + "1"), ("BK-2", PHONE + "2")}


@every_async_way
def test_async_calls_at_the_same_time_are_told_apart(way):
    both = []

    async def create_booking(customer_phone: str) -> dict:
        both.append(customer_phone)
        while len(both) < 2:
            await asyncio.sleep(0)
        return {"booking_id": f"BK-{customer_phone[-1]}"}

    model = Script([(f"call_{last}", "create_booking", {"customer_phone": PHONE + last}) for last in "12"])
    made, told = agent(create_booking, model=model)
    way(made)
    booked = {(it.booking_id, it.customer.phone) for it in told.conversions}
    assert booked == {("BK-1", PHONE + "1"), ("BK-2", PHONE + "2")}


def test_a_cancelled_run_does_not_count():
    running = asyncio.Event()

    async def create_booking(customer_phone: str) -> dict:
        running.set()
        await asyncio.Event().wait()
        return BOOKED

    made, told = agent(create_booking)
    asyncio.run(cancel_once_running(made.arun("Mau booking"), running))
    assert told.conversions == []
    assert told.ends == [("error", "cancelled")]


@every_way
def test_a_fault_in_the_telling_stays_out_of_the_run(way, monkeypatch):
    monkeypatch.setattr("konversi.agents.agno._chain", raising(LookupError("built in another way")))
    made, told = agent(answering(BOOKED))
    assert not way(made).tools[0].tool_call_error
    assert told.uses == []


def test_the_model_is_given_the_result_as_it_was():
    result = dict(BOOKED)
    made, _ = agent(answering(result))
    bare = Agent(model=once(), tools=[answering(result)], telemetry=False)
    assert [it.result for it in run(made).tools] == [it.result for it in run(bare).tools]


def test_a_tool_that_streams_its_answer_goes_on_streaming():
    def create_booking(customer_phone: str):
        yield "Booking "
        yield "confirmed"

    made, told = agent(create_booking)
    assert run(made).tools[0].result == "Booking confirmed"
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "unknown")]


def test_tools_of_a_toolkit_and_of_a_team_count():
    shop = Toolkit(name="shop", tools=[answering(BOOKED)])
    made, told = agent(shop)
    run(made)
    assert is_one_booking(told)

    told = Told()
    team = Team(members=[], model=once(), tools=[answering(BOOKED)], tool_hooks=[Bookings(via=told)], telemetry=False)
    team.run("Mau booking")
    assert told.bookings == ["BK-1001"]


def test_a_copied_agent_tells_the_same_tracker():
    made, told = agent(answering(BOOKED))
    run(made.deep_copy(update={"model": once()}))
    assert told.bookings == ["BK-1001"]


def test_other_tools_are_recorded_only():
    def check_slots(customer_phone: str) -> dict:
        return {"booking_id": "BK-1", "slots": ["10:00"]}

    made, told = agent(check_slots, model=once("check_slots"))
    run(made)
    assert told.conversions == []
    assert told.outcomes == [("check_slots", "succeeded")]


@every_way
@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("user_id", {"user_id": "+62 811 111"}),
        ("session_state.phone", {"session_state": {"phone": "+62 811 111"}}),
        ("dependencies.customer.phone", {"dependencies": {"customer": {"phone": "+62 811 111"}}}),
        ("metadata.phone", {"metadata": {"phone": "+62 811 111"}}),
        (lambda run_context: run_context.user_id, {"user_id": "+62 811 111"}),
    ],
)
def test_the_customer_comes_from_the_run_context(way, path, given):
    made, told = agent(answering(BOOKED), customer=path)
    way(made, **given)
    assert told.conversions[0].customer.phone == "+62 811 111"


def test_the_conversation_is_agnos_session_and_the_call_is_the_models():
    made, told = agent(answering(BOOKED), model=once(id_="call_0123456789abcdef"))
    run(made, session_id="wa:6281234567890")
    assert (told.uses[0].conversation, told.uses[0].call_id) == ("wa:6281234567890", "call_0123456789abcdef")


def test_the_same_call_without_a_booking_id_is_one_event():
    events = []
    for _ in range(2):
        made, told = agent(answering({"ok": True}), model=once(id_="call_0123456789abcdef"))
        run(made, session_id="s1")
        events += [conversion.event_id for conversion in told.conversions]
    assert events == ["Lead:call_0123456789abcdef"] * 2


def test_a_hook_chain_that_is_built_otherwise_costs_only_the_calls_id():
    told = Told()
    hook = Bookings(via=told)
    assert hook("create_booking", lambda **_: BOOKED, BOOK) == BOOKED
    assert hook("create_booking", print, {}) is None
    assert told.bookings == ["BK-1001"]
    assert told.uses[0].call_id is None


@every_way
def test_a_tracker_that_fails_does_not_fail_the_run(way):
    class Broken(Told):
        def submit(self, conversion):
            raise OSError("disk full")

        def note(self, *uses):
            raise OSError("disk full")

    made, _ = agent(answering(BOOKED), via=Broken())
    ended = way(made)
    assert ended.content == "Siap!"
    assert not ended.tools[0].tool_call_error


def test_an_async_run_of_a_plain_tool_does_not_hold_up_the_event_loop():
    loops = []

    class Watched(Told):
        def submit(self, conversion):
            loops.append(threading.current_thread() is threading.main_thread())
            return super().submit(conversion)

    made, _ = agent(answering(BOOKED), via=Watched())
    arun(made)
    assert loops == [False]


@pytest.fixture
def example(monkeypatch):
    return example_of("agno", "agno", monkeypatch)


@every_way
def test_the_example_of_the_how_to_page_reports_its_booking(way, example):
    names, told = example
    way(names["shop"](once(arguments={"service": "Repaint", "date": "besok"})), user_id="+62 811 111")
    (conversion,) = told.conversions
    assert (conversion.booking_id, conversion.channel) == ("BK-1002", "whatsapp")
    assert conversion.customer.phone == "+62 811 111"


def test_a_booking_arrives_at_meta_once_however_often_the_model_calls_its_tool(tmp_path, meta_sandbox):
    model = Script(*([(f"call_{n}", "create_booking", BOOK)] for n in range(3)))
    with sandboxed(tmp_path, meta_sandbox) as konversi:
        made, _ = agent(answering(BOOKED), model=model, via=konversi)
        run(made)
    assert arrived_once(meta_sandbox)


def test_without_agno_the_install_line_is_shown(monkeypatch):
    said = said_without("agno.exceptions", "agno", monkeypatch)
    assert 'pip install "konversi[agno]"' in said
