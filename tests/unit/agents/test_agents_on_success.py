from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import inspect
import json
import sys
import threading
import types
import typing

import pytest
import structlog
from pydantic import ValidationError

from konversi.agents import tracker as handing_over
from konversi.agents.on_success import on_success
from konversi.errors import StorageUnavailable
from konversi.events.conversion import Conversion, Customer, Service
from konversi.events.faults import Refused

BOOKED = {"booking_id": "BK-1", "total_price": 150000}
DEADLINE = 10


class Recording:
    """A tracker whose writes are durable at once."""

    def __init__(self):
        self.conversions: list[Conversion] = []

    def submit(self, conversion):
        self.conversions.append(conversion)
        future = concurrent.futures.Future()
        future.set_result("receipt")
        return future


class Hanging:
    """A tracker whose writes never end."""

    def __init__(self):
        self.futures: list[concurrent.futures.Future] = []
        self.submitted = threading.Event()

    def submit(self, conversion):
        self.futures.append(concurrent.futures.Future())
        self.submitted.set()
        return self.futures[-1]


class Failing:
    """A tracker that fails: at once, or when the write does."""

    def __init__(self, error, *, late):
        self.error, self.late = error, late

    def submit(self, conversion):
        if not self.late:
            raise self.error
        future = concurrent.futures.Future()
        future.set_exception(self.error)
        return future


@pytest.fixture
def tracker():
    return Recording()


@pytest.fixture
def logged(monkeypatch):
    captured = structlog.testing.LogCapture()
    capturing = structlog.wrap_logger(None, processors=[captured], wrapper_class=structlog.BoundLogger)
    monkeypatch.setattr(handing_over, "logger", lambda: capturing)
    return captured.entries


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, DEADLINE))


@pytest.fixture(params=["sync", "async"])
def call(request):
    """Decorate a function that does `work(*args)`, sync or async, and call it."""

    def calling(decorator, work, *args, **kwargs):
        if request.param == "sync":
            return decorator(work)(*args, **kwargs)

        @decorator
        async def create_booking(*args, **kwargs):
            await asyncio.sleep(0)
            return work(*args, **kwargs)

        return run(create_booking(*args, **kwargs))

    return calling


def test_a_returned_booking_is_one_conversion(tracker, call):
    result = dict(BOOKED)
    given_back = call(
        on_success("Lead", id="booking_id", value="total_price", currency="IDR", via=tracker), lambda: result
    )
    assert given_back is result
    assert tracker.conversions == [Conversion(event="Lead", booking_id="BK-1", value=150000, currency="IDR")]


@pytest.mark.parametrize(
    "result",
    [
        {"status": "error", "booking_id": "BK-1"},
        {"ok": False, "booking_id": "BK-1"},
        {"booking_id": "BK-1", "error": "slot taken"},
        json.dumps({"status": "error", "booking_id": "BK-1"}),
        "Booked BK-1",
        None,
        {"ok": True},
    ],
)
def test_what_does_not_say_success_is_no_conversion_and_comes_back_untouched(tracker, call, logged, result):
    assert call(on_success("Lead", id="booking_id", via=tracker), lambda: result) is result
    assert tracker.conversions == []


@pytest.mark.parametrize("error", [ValueError("no slot"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_an_exception_passes_unchanged(tracker, error):
    def create_booking():
        raise error

    with pytest.raises(type(error)) as caught:
        on_success("Lead", via=tracker)(create_booking)()
    assert caught.value is error
    assert tracker.conversions == []


def test_an_exception_of_an_async_function_passes_unchanged(tracker):
    error = ValueError("no slot")

    @on_success("Lead", via=tracker)
    async def create_booking():
        raise error

    with pytest.raises(ValueError, match="no slot") as caught:
        run(create_booking())
    assert caught.value is error
    assert tracker.conversions == []


def test_a_cancelled_tool_is_cancelled_and_no_conversion(tracker):
    async def scenario():
        started = asyncio.Event()

        @on_success("Lead", via=tracker)
        async def create_booking():
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(create_booking())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())
    assert tracker.conversions == []


def test_cancelling_the_caller_during_the_write_does_not_cancel_the_write():
    hanging = Hanging()

    async def scenario():
        @on_success("Lead", via=hanging, timeout=DEADLINE)
        async def create_booking():
            return BOOKED

        task = asyncio.create_task(create_booking())
        assert await asyncio.to_thread(hanging.submitted.wait, DEADLINE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())
    assert not hanging.futures[0].cancelled()


def test_text_alone_is_not_counted_and_the_log_says_what_to_do(tracker, call, logged):
    call(on_success("Lead", via=tracker), lambda: "Booked for 0812-secret")
    (line,) = logged
    assert (line["event"], line["log_level"]) == ("conversion_not_counted", "warning")
    assert "success=" in line["remedy"]
    assert "0812" not in repr(line)


def test_a_predicate_can_judge_text(tracker, call):
    call(on_success("Lead", success=lambda text: "Booked" in text, via=tracker), lambda: "Booked")
    assert tracker.conversions == [Conversion(event="Lead")]


def test_a_predicate_that_raises_hurts_nobody(tracker, call, logged):
    assert call(on_success("Lead", success=lambda result: result["nope"], via=tracker), lambda: BOOKED) is BOOKED
    assert tracker.conversions == []
    assert "KeyError" in logged[0]["why"]


def test_a_configured_id_that_is_missing_is_no_conversion_and_logged(tracker, call, logged):
    call(on_success("Lead", id="reference", via=tracker), lambda: BOOKED)
    assert tracker.conversions == []
    assert "'reference'" in logged[0]["remedy"]


def test_an_id_that_was_not_configured_is_looked_for_and_not_required(tracker):
    decorator = on_success("Lead", via=tracker)
    decorator(lambda: {"booking": {"id": 7}})()
    decorator(lambda: {"ok": True})()
    assert [conversion.booking_id for conversion in tracker.conversions] == ["7", None]


def test_an_unusable_id_is_no_conversion(tracker, logged):
    on_success("Lead", id="booking_id", via=tracker)(lambda: {"booking_id": "x" * 201})()
    assert tracker.conversions == []
    assert logged[0]["parts"] == ("booking_id",)


def test_parts_are_read_in_the_result_then_in_the_arguments(tracker):
    @on_success(
        "Lead",
        id="bookingId",
        value="price",
        customer="contact.phone",
        services="service",
        currency="money",
        via=tracker,
    )
    def create_booking(contact, service, price=100, *, money="IDR", **more):
        return {"data": {"booking_id": "BK-1", "price": "Rp 150.000"}}

    create_booking({"phone": "0812"}, "Wash", customer_name="Budi")
    assert tracker.conversions == [
        Conversion(
            event="Lead", booking_id="BK-1", value=150000, currency="IDR",
            customer=Customer(phone="0812", name="Budi"), services=(Service(name="Wash"),),
        )
    ]  # fmt: skip


def test_parts_can_be_given_or_asked_for(tracker):
    @on_success(
        "Purchase", value=lambda result: result["cents"] // 100, customer=lambda _: Customer(phone="0812"),
        services=[Service(name="Wash", price=5)], channel="whatsapp", source="bot", currency="USD", via=tracker,
    )  # fmt: skip
    def pay():
        return {"cents": 15000, "order_id": 9}

    pay()
    assert tracker.conversions == [
        Conversion(
            event="Purchase", booking_id="9", value=150, currency="USD", customer=Customer(phone="0812"),
            services=(Service(name="Wash", price=5),), channel="whatsapp", source="bot",
        )
    ]  # fmt: skip


def test_a_part_that_can_not_be_asked_for_is_left_out_and_logged(tracker, call, logged):
    call(on_success("Lead", value=lambda result: result["0812-secret"], via=tracker), lambda: BOOKED)
    assert tracker.conversions == [Conversion(event="Lead", booking_id="BK-1")]
    assert logged[0]["parts"] == ("value",)
    assert "0812" not in repr(logged)


def test_a_value_that_is_not_there_is_logged(tracker, logged):
    on_success("Lead", value="price", via=tracker)(lambda: {"booking_id": "BK-1"})()
    assert len(tracker.conversions) == 1
    assert (logged[0]["event"], logged[0]["parts"]) == ("conversion_incomplete", ("value",))


@pytest.mark.parametrize("late", [False, True])
def test_a_failing_tracker_is_logged_and_never_raises(call, logged, late):
    failing = Failing(StorageUnavailable("0812-secret"), late=late)
    assert call(on_success("Lead", via=failing), lambda: BOOKED) is BOOKED
    (line,) = logged
    assert (line["event"], line["code"]) == ("conversion_not_recorded", "storage_unavailable")
    assert "0812" not in repr(line)


def test_a_hanging_tracker_is_waited_for_until_the_time_out_only(call, logged):
    hanging = Hanging()
    assert call(on_success("Lead", via=hanging, timeout=0.01), lambda: BOOKED) is BOOKED
    assert [(line["event"], line["code"]) for line in logged] == [("conversion_still_being_recorded", "timeout")]
    assert not hanging.futures[0].cancelled()


def test_a_write_that_fails_after_the_time_out_is_logged(logged):
    hanging = Hanging()
    on_success("Lead", via=hanging, timeout=0.01)(lambda: BOOKED)()
    hanging.futures[0].set_exception(StorageUnavailable())
    assert logged[-1]["code"] == "storage_unavailable"


def test_a_cancelled_write_is_logged(call, logged):
    class Stopped(Hanging):
        def submit(self, conversion):
            future = super().submit(conversion)
            future.cancel()
            return future

    assert call(on_success("Lead", via=Stopped()), lambda: BOOKED) is BOOKED
    assert logged[0]["code"] == "CancelledError"


def test_a_tracker_that_gives_back_nonsense_hurts_nobody(call, logged):
    nonsense = types.SimpleNamespace(submit=lambda conversion: object())
    assert call(on_success("Lead", via=nonsense), lambda: BOOKED) is BOOKED
    assert logged[0]["event"] == "conversion_not_recorded"


def test_the_event_loop_runs_on_during_the_write():
    hanging = Hanging()

    async def scenario():
        @on_success("Lead", via=hanging, timeout=DEADLINE)
        async def create_booking():
            return BOOKED

        task = asyncio.create_task(create_booking())
        assert await asyncio.to_thread(hanging.submitted.wait, DEADLINE)
        threading.Thread(target=hanging.futures[0].set_result, args=("receipt",)).start()
        return await task

    assert run(scenario()) is BOOKED


def test_the_processs_own_tracker_is_used_where_none_is_given(tracker, monkeypatch):
    client = types.ModuleType("konversi.client")
    client.opened_tracker = lambda: None
    client.default_tracker = lambda: tracker
    monkeypatch.setitem(sys.modules, "konversi.client", client)
    on_success("Lead")(lambda: BOOKED)()
    assert len(tracker.conversions) == 1


def test_a_default_tracker_that_can_not_start_hurts_nobody(monkeypatch, logged):
    monkeypatch.setitem(sys.modules, "konversi.client", None)
    assert on_success("Lead")(lambda: BOOKED)() is BOOKED
    assert logged[0]["event"] == "conversion_not_recorded"


def test_methods_class_methods_and_static_methods_work(tracker):
    class Shop:
        city = "Bandung"

        @on_success("Lead", via=tracker)
        def book(self, phone):
            return {"booking_id": self.city, "phone": phone}

        @classmethod
        @on_success("Lead", via=tracker)
        def book_by_class(cls, phone):
            return {"booking_id": cls.city}

        @staticmethod
        @on_success("Lead", via=tracker)
        async def book_by_none(phone):
            return {"booking_id": "none"}

    Shop().book("0812")
    Shop.book_by_class("0812")
    run(Shop().book_by_none("0812"))
    assert [conversion.booking_id for conversion in tracker.conversions] == ["Bandung", "Bandung", "none"]
    assert {conversion.customer.phone for conversion in tracker.conversions} == {"0812"}


def test_a_partial_and_a_bound_method_can_be_wrapped(tracker):
    def book(shop, phone):
        return {"booking_id": shop}

    on_success("Lead", via=tracker)(functools.partial(book, "a"))(phone="0812")
    on_success("Lead", via=tracker)(types.MethodType(book, "b"))("0812")
    assert [conversion.booking_id for conversion in tracker.conversions] == ["a", "b"]


def test_a_generator_is_refused():
    def sync_stream():
        yield BOOKED

    async def async_stream():
        yield BOOKED

    for stream in (sync_stream, async_stream):
        with pytest.raises(TypeError, match="generator"):
            on_success("Lead")(stream)


@pytest.mark.parametrize(
    "thing", [staticmethod(print), classmethod(print), types.SimpleNamespace(name="tool"), int, "create_booking"]
)
def test_what_is_no_plain_function_is_refused_with_the_right_place(thing):
    with pytest.raises(TypeError, match="on_success"):
        on_success("Lead")(thing)


def test_the_decorator_without_its_parentheses_is_refused():
    with pytest.raises(TypeError, match="parentheses"):
        on_success(print)


def test_an_async_predicate_is_refused_since_it_would_always_be_true():
    async def always(result):
        return False

    with pytest.raises(TypeError, match="success"):
        on_success("Lead", success=always)


def test_settings_that_never_work_are_refused_where_they_are_written():
    with pytest.raises(Refused):
        on_success("!")
    with pytest.raises(ValidationError):
        on_success("Lead", value=-1)
    with pytest.raises(ValidationError):
        on_success("Lead", channel="telegram")
    with pytest.raises(ValueError, match="timeout"):
        on_success("Lead", timeout=0)


def test_an_awaitable_from_a_plain_function_is_not_taken_for_a_booking(tracker, logged):
    async def later():
        return BOOKED

    def create_booking():
        return later()

    waiting = on_success("Lead", via=tracker)(create_booking)()
    assert run(waiting) == BOOKED
    assert tracker.conversions == []


def create_booking(date, phone: typing.Annotated[str, "E.164"], *services, price=0, notes=None, **more):
    """Books a slot."""
    return BOOKED


create_booking.__annotations__ |= {"date": str, "price": int, "notes": str | None, "return": dict[str, typing.Any]}


async def create_booking_async(date: str, price: int = 0) -> dict[str, typing.Any]:
    """Books a slot."""
    return BOOKED


@pytest.mark.parametrize("function", [create_booking, create_booking_async])
def test_frameworks_see_the_functions_own_schema(function):
    wrapped = on_success("Lead")(function)
    assert typing.get_type_hints(wrapped, include_extras=True) == typing.get_type_hints(function, include_extras=True)
    assert typing.get_type_hints(wrapped) == typing.get_type_hints(function)
    assert inspect.signature(wrapped) == inspect.signature(function, eval_str=True)
    assert inspect.iscoroutinefunction(wrapped) == inspect.iscoroutinefunction(function)
    assert (wrapped.__name__, wrapped.__doc__, wrapped.__module__) == (function.__name__, "Books a slot.", __name__)
    specification, own = inspect.getfullargspec(wrapped), inspect.getfullargspec(function)
    assert specification._replace(annotations={}) == own._replace(annotations={})
    assert specification.annotations == inspect.get_annotations(function, eval_str=True)


def test_the_argument_specification_of_a_function_with_real_types_is_the_same():
    namespace: dict[str, typing.Any] = {}
    exec(
        compile("def book(date: str, price: int = 0) -> dict: return {}", "shop.py", "exec", dont_inherit=True),
        namespace,
    )
    book = namespace["book"]
    assert inspect.getfullargspec(on_success("Lead")(book)) == inspect.getfullargspec(book)
    assert inspect.signature(on_success("Lead")(book)) == inspect.signature(book)


def test_annotations_that_can_not_be_resolved_stay_as_they_are():
    def book(date: OnlyForTypeCheckers) -> None:  # noqa: F821
        """Books."""

    wrapped = on_success("Lead")(book)
    assert inspect.signature(wrapped) == inspect.signature(book)
    assert wrapped.__annotations__ == book.__annotations__


def test_the_original_keeps_its_own_annotations():
    before = dict(create_booking_async.__annotations__)
    on_success("Lead")(create_booking_async)
    assert create_booking_async.__annotations__ == before
