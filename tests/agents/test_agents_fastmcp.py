"""Bookings of a FastMCP server, on the real package with its own client in the same process."""

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
from fastmcp import Client, Context, FastMCP
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.middleware.error_handling import ErrorHandlingMiddleware, RetryMiddleware
from fastmcp.tools import ToolResult
from mcp import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult
from pydantic import BaseModel

from konversi.agents.fastmcp import Bookings


def shop(*tools, before=(), after=(), **options):
    """A server whose tools are these functions, and what was told of their calls."""
    told = options.setdefault("via", Told())
    server = FastMCP("shop", middleware=[*before, Bookings("Lead", **options), *after])
    for tool in tools:
        server.tool(tool)
    return server, told


async def call(server, tool="create_booking", arguments=None, **more):
    async with Client(server) as client:
        return await client.call_tool(tool, arguments or {"customer_phone": PHONE}, raise_on_error=False, **more)


def answering(result, returns=None):
    """A booking tool with that answer, and with that return type where one is given."""

    def create_booking(customer_phone: str):
        return result

    if returns is not None:
        create_booking.__annotations__["return"] = returns
    return create_booking


def raising(*errors, then=None):
    """A booking tool that raises these errors, one at each call."""
    left = list(errors)

    def create_booking(customer_phone: str):
        if left:
            raise left.pop(0)
        return then

    return create_booking


class Booking(BaseModel):
    booking_id: str
    total_price: int


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(answering(BOOKED), id="no return type"),
        pytest.param(answering(BOOKED, dict), id="a dict"),
        pytest.param(answering(Booking(**BOOKED), Booking), id="a model"),
        pytest.param(answering(json.dumps(BOOKED)), id="JSON text only"),
        pytest.param(answering(json.dumps(BOOKED), str), id="JSON text in structured content"),
        pytest.param(answering([BOOKED]), id="a list as JSON text"),
        pytest.param(answering([BOOKED], list[dict]), id="a list in structured content"),
        pytest.param(answering(ToolResult(content=json.dumps(BOOKED))), id="FastMCP's own result"),
        pytest.param(answering(ToolResult(content="Siap!", structured_content=BOOKED)), id="text beside structure"),
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
    async def create_booking(customer_phone: str) -> dict:
        await asyncio.sleep(0)
        return BOOKED

    server, told = shop(create_booking)
    await call(server)
    assert told.bookings == ["BK-1001"]


@pytest.mark.parametrize("returns", [None, dict, str])
async def test_a_soft_failure_does_not_count(returns):
    server, told = shop(answering(json.dumps(NO_SLOT) if returns is str else NO_SLOT, returns))
    assert not (await call(server)).is_error
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "failed")]


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        (raising(ToolError("Slot sudah penuh.")), "ToolError"),
        (raising(RuntimeError("no database")), "RuntimeError"),
        (answering(ToolResult(content="", structured_content=BOOKED, is_error=True)), "ToolError"),
    ],
)
async def test_an_error_does_not_count_and_still_reaches_the_client(tool, kind):
    server, told = shop(tool)
    assert (await call(server)).is_error
    assert told.conversions == []
    assert told.ends == [("error", kind)]


async def test_wrong_arguments_and_unknown_tools_do_not_count():
    server, told = shop(answering(BOOKED))
    async with Client(server) as client:
        assert (await client.call_tool("create_booking", {"phone": PHONE}, raise_on_error=False)).is_error
        assert (await client.call_tool("createBooking", {}, raise_on_error=False)).is_error
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "error"), ("createBooking", "error")]


async def test_a_tool_that_takes_too_long_does_not_count():
    async def create_booking(customer_phone: str) -> dict:
        await asyncio.Event().wait()
        return BOOKED

    server, told = shop()
    server.tool(create_booking, timeout=0.01)
    assert (await call(server)).is_error
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "error")]


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
    server, _ = shop(answering(json.dumps(BOOKED)), success=lambda result: given.append(result) or True)
    await call(server)
    assert given == [BOOKED]


async def test_a_tool_that_asks_the_user_first_is_pending_and_then_counts_once():
    async def create_booking(customer_phone: str, ctx: Context) -> dict | InputRequiredResult:
        if ctx.input_responses is None:
            schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}}
            question = ElicitRequest(params=ElicitRequestFormParams(message="Sure?", requested_schema=schema))
            return InputRequiredResult(input_requests={"sure": question})
        return BOOKED

    async def sure(message, response_type, params, context):
        return {"sure": True}

    server, told = shop(create_booking)
    async with Client(server, elicitation_handler=sure) as client:
        await client.call_tool("create_booking", {"customer_phone": PHONE})
    assert told.outcomes == [("create_booking", "pending"), ("create_booking", "succeeded")]
    assert told.bookings == ["BK-1001"]


async def test_a_cancelled_call_does_not_count():
    running, ended = asyncio.Event(), asyncio.Event()

    async def create_booking(customer_phone: str) -> dict:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return BOOKED

    server, told = shop(create_booking)
    async with Client(server) as client:
        await cancel_once_running(client.call_tool("create_booking", {"customer_phone": PHONE}), running)
        await asyncio.wait_for(ended.wait(), 10)
    assert told.conversions == []
    assert told.ends == [("error", "cancelled")]


async def test_a_long_call_that_reports_progress_counts_once():
    async def create_booking(customer_phone: str, ctx: Context) -> dict:
        for step in range(3):
            await ctx.report_progress(step, 3)
        return BOOKED

    seen = []

    async def progress(done, total, message):
        seen.append(done)

    server, told = shop(create_booking)
    await call(server, progress_handler=progress)
    assert seen == [0, 1, 2]
    assert told.outcomes == [("create_booking", "succeeded")]
    assert told.bookings == ["BK-1001"]


async def test_an_answer_from_a_cache_outside_is_not_seen_again():
    server, told = shop(answering(BOOKED), before=[ResponseCachingMiddleware()])
    async with Client(server) as client:
        for _ in range(2):
            await client.call_tool("create_booking", {"customer_phone": PHONE})
    assert told.bookings == ["BK-1001"]


async def test_an_answer_from_a_cache_inside_is_the_same_booking():
    server, told = shop(answering(BOOKED), after=[ResponseCachingMiddleware()])
    async with Client(server) as client:
        for _ in range(2):
            await client.call_tool("create_booking", {"customer_phone": PHONE})
    assert len({conversion.event_id or conversion.booking_id for conversion in told.conversions}) == 1


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_call_that_is_tried_again_counts_once(place):
    tool = raising(ConnectionError("gone"), then=BOOKED)
    again = RetryMiddleware(base_delay=0.001, retry_exceptions=(ConnectionError, ToolError))
    server, told = shop(tool, **{place: [again]})
    assert not (await call(server)).is_error
    assert told.bookings == ["BK-1001"]


async def test_errors_that_other_middleware_rewrites_do_not_count():
    server, told = shop(raising(ValueError("full")), after=[ErrorHandlingMiddleware()])
    async with Client(server) as client:
        with pytest.raises(MCPError, match="full"):
            await client.call_tool("create_booking", {"customer_phone": PHONE})
    assert told.conversions == []
    assert told.outcomes == [("create_booking", "error")]


async def test_other_tools_are_recorded_only_and_other_requests_not_at_all():
    def check_slots(customer_phone: str) -> dict:
        return {"booking_id": "BK-1", "slots": ["10:00"]}

    server, told = shop(check_slots)
    async with Client(server) as client:
        await client.list_tools()
        await client.call_tool("check_slots", {"customer_phone": PHONE})
    assert told.conversions == []
    assert told.outcomes == [("check_slots", "succeeded")]


async def test_a_mounted_servers_tool_counts_under_the_name_it_is_called_by():
    mounted = FastMCP("bookings")
    mounted.tool(answering(BOOKED))
    server, told = shop(tools=("shop_create_booking",))
    server.mount(mounted, namespace="shop")
    await call(server, "shop_create_booking")
    assert told.outcomes == [("shop_create_booking", "succeeded")]
    assert told.bookings == ["BK-1001"]


async def test_a_call_from_the_servers_own_code_counts():
    server, told = shop(answering(BOOKED), customer="meta.customer_phone")
    await server.call_tool("create_booking", {"customer_phone": PHONE})
    assert told.bookings == ["BK-1001"]
    assert told.uses[0].call_id is None


async def test_calls_at_the_same_time_are_told_apart():
    both = asyncio.Barrier(2)

    async def create_booking(customer_phone: str) -> dict:
        await both.wait()
        return {"booking_id": f"BK-{customer_phone[-1]}"}

    server, told = shop(create_booking)
    async with Client(server) as client:
        await asyncio.gather(*(client.call_tool("create_booking", {"customer_phone": PHONE + last}) for last in "12"))
    booked = {(it.booking_id, it.customer.phone) for it in told.conversions}
    assert booked == {("BK-1", PHONE + "1"), ("BK-2", PHONE + "2")}


async def test_the_customer_comes_from_the_requests_meta():
    server, told = shop(answering(BOOKED), customer="meta.customer_phone")
    await call(server, meta={"customer_phone": "+62 811 111"})
    assert told.conversions[0].customer.phone == "+62 811 111"


async def test_the_customer_comes_from_a_function_of_the_request():
    server, told = shop(answering(BOOKED), customer=lambda request: request.meta["com.example/phone"])
    await call(server, meta={"com.example/phone": "+62 811 111"})
    assert told.conversions[0].customer.phone == "+62 811 111"


class Http:
    """Clients of one server over streamable HTTP, in this process."""

    def __init__(self, server):
        self._app = server.http_app(json_response=True)

    async def __aenter__(self):
        self._running = self._app.router.lifespan_context(self._app)
        await self._running.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self._running.__aexit__(*error)

    def _client(self, **options):
        options.pop("transport", None)
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self._app), **options)

    async def book(self, mode="auto", headers=None):
        transport = StreamableHttpTransport(
            "http://127.0.0.1:8000/mcp/", headers=headers, httpx_client_factory=self._client
        )
        async with Client(transport, mode=mode) as client:
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

    class Beside(Middleware):
        async def on_call_tool(self, context, call_next):
            seen.append(context.message.name)
            return await call_next(context)

    tool = answering(BOOKED, dict[str, Any])
    bare = FastMCP("shop")
    bare.tool(tool)
    server, told = shop(tool, before=[Beside()], after=[Beside()])
    ours, theirs = await call(server), await call(bare)
    assert (ours.structured_content, ours.content, ours.data) == (
        theirs.structured_content,
        theirs.content,
        theirs.data,
    )
    assert seen == ["create_booking"] * 2
    assert told.bookings == ["BK-1001"]


async def test_a_tracker_that_fails_does_not_fail_the_call():
    class Broken(Told):
        def submit(self, conversion):
            raise OSError("disk full")

        def note(self, *uses):
            raise OSError("disk full")

    server, _ = shop(answering(BOOKED), via=Broken())
    result = await call(server)
    assert result.structured_content == BOOKED


@pytest.fixture
def example(monkeypatch):
    return example_of("mcp", "fastmcp", monkeypatch)


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


def test_without_fastmcp_the_install_line_is_shown(monkeypatch):
    said = said_without("fastmcp.server.middleware", "fastmcp", monkeypatch)
    assert 'pip install "konversi[fastmcp]"' in said
