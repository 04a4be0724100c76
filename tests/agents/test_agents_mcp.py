"""Bookings of an MCP server, on the official SDK with its own client in the same process."""

import asyncio
import json
from typing import Any

import httpx2
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
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    TextContent,
)
from pydantic import BaseModel

from konversi.agents.mcp import Bookings


def shop(*tools, middleware=(), **options):
    """A server whose tools are these functions, and what was told of their calls."""
    told = options.setdefault("via", Told())
    server = MCPServer("shop", middleware=[*middleware, Bookings("Lead", **options)], log_level="CRITICAL")
    for tool in tools:
        server.add_tool(tool)
    return server, told


async def call(server, tool="create_booking", arguments=None, **more):
    async with Client(server) as client:
        return await client.call_tool(tool, arguments or {"customer_phone": PHONE}, **more)


def answering(result, returns=None):
    """A booking tool with that answer, and with that return type where one is given."""

    def create_booking(customer_phone: str):
        return result

    if returns is not None:
        create_booking.__annotations__["return"] = returns
    return create_booking


def raising(error):
    def create_booking(customer_phone: str):
        raise error

    return create_booking


class Booking(BaseModel):
    booking_id: str
    total_price: int


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(answering(BOOKED), id="no return type: JSON text only"),
        pytest.param(answering(BOOKED, dict), id="a bare dict: JSON text only"),
        pytest.param(answering(BOOKED, dict[str, Any]), id="a typed dict: structured content"),
        pytest.param(answering(Booking(**BOOKED), Booking), id="a model: structured content"),
        pytest.param(answering(json.dumps(BOOKED)), id="JSON text"),
        pytest.param(answering(json.dumps(BOOKED), str), id="JSON text in structured content"),
        pytest.param(answering([BOOKED]), id="a list: a text for each entry"),
        pytest.param(answering([BOOKED], list[dict[str, Any]]), id="a list in structured content"),
        pytest.param(answering([{"note": "ok"}, BOOKED]), id="several texts"),
        pytest.param(answering(CallToolResult(content=[], structured_content=BOOKED)), id="the protocol's own result"),
    ],
)
async def test_a_succeeded_booking_is_reported_however_its_result_is_written(tool):
    server, told = shop(tool)
    result = await call(server)
    assert not result.is_error
    (conversion,) = told.conversions
    assert gist(conversion) == BOOKING
    assert conversion.customer.phone == PHONE
    (use,) = told.uses
    assert (use.tool, use.outcome, use.error_kind) == ("create_booking", "succeeded", None)
    assert use.seconds >= 0


async def test_an_async_tool_is_reported_too():
    async def create_booking(customer_phone: str) -> dict[str, Any]:
        await asyncio.sleep(0)
        return BOOKED

    server, told = shop(create_booking)
    await call(server)
    assert told.bookings == ["BK-1001"]


@pytest.mark.parametrize("returns", [None, dict[str, Any]])
async def test_a_soft_failure_does_not_count(returns):
    server, told = shop(answering(NO_SLOT, returns))
    result = await call(server)
    assert not result.is_error
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


@pytest.mark.parametrize(
    "tool",
    [
        raising(ToolError("Slot sudah penuh.")),
        raising(RuntimeError("no database")),
        answering(CallToolResult(content=[TextContent(text=json.dumps(BOOKED))], is_error=True)),
        answering(CallToolResult(content=[], structured_content=BOOKED, is_error=True)),
    ],
)
async def test_an_error_that_became_a_result_does_not_count(tool):
    server, told = shop(tool)
    result = await call(server)
    assert result.is_error
    assert told.conversions == []
    assert told.ends == [("error", "ToolError")]


async def test_a_protocol_error_goes_through_and_does_not_count():
    server, told = shop(raising(MCPError(code=-32000, message="not now")))
    async with Client(server) as client:
        with pytest.raises(MCPError, match="not now"):
            await client.call_tool("create_booking", {"customer_phone": PHONE})
    assert told.conversions == []
    assert told.ends == [("error", "MCPError")]


async def test_wrong_arguments_and_unknown_tools_do_not_count():
    server, told = shop(answering(BOOKED))
    async with Client(server) as client:
        assert (await client.call_tool("create_booking", {"phone": PHONE})).is_error
        assert (await client.call_tool("createBooking", {})).is_error
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "error"), ("createBooking", "error")]


async def test_text_is_judged_by_the_servers_own_function():
    tool = answering("Booking confirmed", str)
    server, told = shop(tool, success=lambda text: text.startswith("Booking confirmed"))
    await call(server)
    assert len(told.conversions) == 1
    server, told = shop(tool)
    await call(server)
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "unknown")]


async def test_functions_are_given_what_the_tool_returned():
    given = []
    server, _ = shop(answering(BOOKED), success=lambda result: given.append(result) or True)
    await call(server)
    assert given == [BOOKED]


async def test_a_tool_that_asks_the_user_first_is_pending_and_then_counts_once():
    async def create_booking(customer_phone: str, ctx: Context) -> dict[str, Any] | InputRequiredResult:
        if ctx.input_responses is None:
            schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
            question = ElicitRequest(params=ElicitRequestFormParams(message="Sure?", requested_schema=schema))
            return InputRequiredResult(input_requests={"sure": question})
        return BOOKED

    async def sure(context, params):
        return ElicitResult(action="accept", content={"sure": True})

    server, told = shop(create_booking)
    async with Client(server, elicitation_callback=sure) as client:
        await client.call_tool("create_booking", {"customer_phone": PHONE})
    assert told.outcomes == [("create_booking", "pending"), ("create_booking", "succeeded")]
    assert told.bookings == ["BK-1001"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_cancelled_call_does_not_count(mode):
    running, ended = asyncio.Event(), asyncio.Event()

    async def create_booking(customer_phone: str) -> dict[str, Any]:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return BOOKED

    server, told = shop(create_booking)
    async with Client(server, mode=mode) as client:
        await cancel_once_running(client.call_tool("create_booking", {"customer_phone": PHONE}), running)
        await asyncio.wait_for(ended.wait(), 10)
    assert told.conversions == []
    assert told.ends == [("error", "cancelled")]


async def test_a_long_call_that_reports_progress_counts_once():
    async def create_booking(customer_phone: str, ctx: Context) -> dict[str, Any]:
        for step in range(3):
            await ctx.report_progress(step, 3)
        return BOOKED

    seen = []

    async def progress(done, total, message):
        seen.append(done)

    server, told = shop(create_booking)
    await call(server, progress_callback=progress)
    assert seen == [0, 1, 2]
    assert told.outcomes == [("create_booking", "succeeded")]
    assert told.bookings == ["BK-1001"]


async def test_other_tools_are_recorded_only_and_other_requests_not_at_all():
    def check_slots(customer_phone: str) -> dict[str, Any]:
        return {"booking_id": "BK-1", "slots": ["10:00"]}

    server, told = shop(check_slots)
    async with Client(server, mode="legacy") as client:
        await client.list_tools()
        await client.call_tool("check_slots", {"customer_phone": PHONE})
    assert told.conversions == []
    assert told.outcomes == [("check_slots", "succeeded")]


async def test_another_tool_can_be_the_booking_tool():
    def reserve(customer_phone: str) -> dict[str, Any]:
        return BOOKED

    server, told = shop(reserve, tools=("reserve",))
    await call(server, "reserve")
    assert told.bookings == ["BK-1001"]


async def test_calls_at_the_same_time_are_told_apart():
    both = asyncio.Barrier(2)

    async def create_booking(customer_phone: str) -> dict[str, Any]:
        await both.wait()
        return {"booking_id": f"BK-{customer_phone[-1]}"}

    server, told = shop(create_booking)
    async with Client(server) as client:
        await asyncio.gather(*(client.call_tool("create_booking", {"customer_phone": PHONE + last}) for last in "12"))
    assert {(it.booking_id, it.customer.phone) for it in told.conversions} == {
        ("BK-1", PHONE + "1"),
        ("BK-2", PHONE + "2"),
    }


async def test_the_customer_comes_from_the_requests_meta():
    server, told = shop(answering({"booking_id": "BK-1"}), customer="meta.customer_phone")
    await call(server, meta={"customer_phone": "+62 811 111"})
    assert told.conversions[0].customer.phone == "+62 811 111"


async def test_the_customer_comes_from_a_function_of_the_request():
    server, told = shop(answering(BOOKED), customer=lambda request: request.meta["com.example/phone"])
    await call(server, meta={"com.example/phone": "+62 811 111"})
    assert told.conversions[0].customer.phone == "+62 811 111"


class Http:
    """Clients of one server over streamable HTTP, in this process."""

    def __init__(self, server):
        self._app = server.streamable_http_app(json_response=True)
        self._sessions = server.session_manager

    async def __aenter__(self):
        self._running = self._sessions.run()
        await self._running.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self._running.__aexit__(*error)

    async def book(self, mode, headers=None):
        transport = httpx2.ASGITransport(self._app)
        async with (
            httpx2.AsyncClient(transport=transport, headers=headers) as http,
            Client(streamable_http_client("http://127.0.0.1:8000/mcp", http_client=http), mode=mode) as client,
        ):
            return await client.call_tool("create_booking", {"customer_phone": PHONE})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_customer_comes_from_a_header(mode):
    server, told = shop(answering(BOOKED), customer="headers.x-customer-phone")
    async with Http(server) as http:
        await http.book(mode, {"X-Customer-Phone": "+62 811 111"})
    assert told.conversions[0].customer.phone == "+62 811 111"


async def test_two_customers_whose_requests_have_the_same_number_are_two_bookings():
    server, told = shop(answering({"ok": True}))
    async with Http(server) as http:
        for _ in range(2):
            await http.book("legacy")
    first, second = told.conversions
    assert first.event_id != second.event_id
    assert told.uses[0].conversation != told.uses[1].conversation


async def test_the_result_and_other_middleware_stay_as_they_are():
    seen = []

    async def before(ctx, call_next):
        seen.append(ctx.method)
        return await call_next(ctx)

    tool = answering(BOOKED, dict[str, Any])
    bare = MCPServer("shop", log_level="CRITICAL")
    bare.add_tool(tool)
    server, told = shop(tool, middleware=[before])
    assert await call(server) == await call(bare)
    assert "tools/call" in seen
    assert told.bookings == ["BK-1001"]


async def test_an_answer_that_other_middleware_gives_is_judged_alike():
    async def stand_in(ctx, call_next):
        if ctx.method == "tools/call":
            return CallToolResult(content=[], structured_content=NO_SLOT)
        return await call_next(ctx)

    server, told = shop(answering(BOOKED))
    server.middleware.append(stand_in)
    result = await call(server)
    assert result.structured_content == NO_SLOT
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


async def test_a_tracker_that_fails_does_not_fail_the_call():
    class Broken(Told):
        def submit(self, conversion):
            raise OSError("disk full")

        def note(self, *uses):
            raise OSError("disk full")

    server, _ = shop(answering(BOOKED, dict[str, Any]), via=Broken())
    result = await call(server)
    assert result.structured_content == BOOKED


@pytest.fixture
def example(monkeypatch):
    return example_of("mcp", "mcp", monkeypatch)


async def test_the_example_of_the_how_to_page_reports_its_booking(example):
    names, told = example
    await call(names["server"], arguments={"customer_phone": PHONE, "service": "Repaint"})
    (conversion,) = told.conversions
    assert (conversion.booking_id, conversion.channel, conversion.customer.phone) == ("BK-1002", "whatsapp", PHONE)


async def test_a_booking_arrives_at_meta_once_however_often_its_tool_is_called(tmp_path, meta_sandbox):
    with sandboxed(tmp_path, meta_sandbox) as konversi:
        server, _ = shop(answering(BOOKED), via=konversi)
        for _ in range(3):
            await call(server)
    assert arrived_once(meta_sandbox)


def test_without_the_sdk_or_with_its_first_version_the_install_line_is_shown(monkeypatch):
    said = said_without("mcp.server.context", "mcp", monkeypatch)  # version 1 has no middleware
    assert 'pip install "konversi[mcp]"' in said
