import asyncio
import threading
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from konversi.agents.observer import Finished, Observer
from konversi.errors import IdempotencyConflict, StorageUnavailable
from konversi.events.conversion import Conversion, Customer, Service
from konversi.events.faults import Refused

BOOKED = {"booking_id": "BK-1", "total_price": 150000}
LONG_ID = "call_7nVtQxqkZ0bR3mYwP5sLd2Fh"


def call(**changes):
    return Finished(**{"tool": "create_booking", "result": BOOKED, "call_id": LONG_ID, **changes})


@pytest.fixture(params=["sync", "async"])
def see(request, run):
    """Tell an observer of calls, sync or async."""

    def seeing(observer, *calls):
        for each in calls:
            if request.param == "sync":
                observer.saw(each)
            else:
                run(observer.saw_async(each))

    return seeing


def test_a_succeeded_booking_is_one_conversion_and_one_record(told, see):
    see(Observer("Lead", currency="IDR", via=told), call(seconds=0.2, conversation="chat-1"))
    assert told.conversions == [Conversion(event="Lead", booking_id="BK-1", value=150000, currency="IDR")]
    (use,) = told.uses
    assert (use.tool, use.outcome, use.seconds, use.call_id) == ("create_booking", "succeeded", 0.2, LONG_ID)
    assert (use.conversation, use.customer, use.error_kind) == ("chat-1", None, None)
    assert use.called_at > 1_600_000_000


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"result": {"status": "error"}}, "failed"),
        ({"result": "Booked."}, "unknown"),
        ({"result": None}, "unknown"),
        ({"error": "ValueError"}, "error"),
        ({"error": "timeout"}, "error"),
        ({"error": "denied"}, "denied"),
        ({"error": "retried"}, "retried"),
        ({"error": "pending"}, "pending"),
        ({"error": "ModelRetry"}, "retried"),
        ({"error": "GraphInterrupt"}, "pending"),
        ({"error": "ToolFailed"}, "failed"),
        ({"cached": True}, "cached"),
    ],
)
def test_what_did_not_book_is_a_record_only(told, see, change, outcome):
    see(Observer(via=told), call(**change))
    assert told.conversions == []
    assert told.outcomes == [("create_booking", outcome)]
    assert told.uses[0].error_kind == change.get("error")


def test_other_tools_are_recorded_and_report_nothing(told, see):
    see(
        Observer(via=told, success=lambda result: True),
        call(tool="check_slots", result=["10:00"]),
        call(tool="cancel_booking"),
        call(tool="search", result="x" * 100_000),
    )
    assert told.conversions == []
    assert told.outcomes == [("check_slots", "unknown"), ("cancel_booking", "succeeded"), ("search", "unknown")]


@pytest.mark.parametrize("name", ["createBooking", "create_booking", "mcp__shop__create_booking"])
def test_the_usual_booking_tools_are_known(told, name):
    Observer(via=told).saw(call(tool=name))
    assert told.bookings == ["BK-1"]


@pytest.mark.parametrize("tools", [("reserve_table",), "reserve_table", {"Reserve Table"}])
def test_other_booking_tools_can_be_named(told, tools):
    Observer(tools=tools, via=told).saw(call(tool="reserve_table"))
    Observer(tools=tools, via=told).saw(call())
    assert told.bookings == ["BK-1"]


def test_a_tools_name_becomes_one_printable_word(told):
    Observer(tools=["Create a booking"], via=told).saw(call(tool="Create a booking"))
    Observer(via=told).saw(call(tool="予約"))
    assert [use.tool for use in told.uses] == ["Create_a_booking", "_"]
    assert told.bookings == ["BK-1"]


def test_without_a_booking_id_the_call_makes_the_event_id(told, see):
    see(Observer("lead", via=told), *[call(result={"ok": True, "seats": 2})] * 2)
    assert [conversion.event_id for conversion in told.conversions] == [f"Lead:{LONG_ID}"] * 2


def test_a_short_call_id_counts_only_within_its_conversation_and_shows_no_chat(told):
    observer = Observer(via=told)
    done = {"ok": True, "seats": 2}
    for conversation, arguments in (
        ("0812", {"day": 1}),
        ("0812", {"day": 1}),
        ("0812", {"day": 2}),
        ("0813", {"day": 1}),
    ):
        observer.saw(call(call_id="call_1", result=done, conversation=conversation, arguments=arguments))
    first, again, other_day, other_chat = [conversion.event_id for conversion in told.conversions]
    assert first == again
    assert len({first, other_day, other_chat}) == 3
    assert "081" not in first
    observer.saw(call(call_id="call_1", result=done))
    assert told.conversions[-1].event_id is None
    assert told.uses[-1].call_id is None


def test_the_customer_is_found_in_the_context_then_the_result_then_the_arguments(told):
    context = SimpleNamespace(deps={"phone": "0811"})
    observer = Observer(customer="deps.phone", via=told)
    observer.saw(call(context=context, result={**BOOKED, "deps": {"phone": "0812"}}))
    observer.saw(call(result={**BOOKED, "deps": {"phone": "0812"}}, arguments={"deps": {"phone": "0813"}}))
    observer.saw(call(arguments={"deps": {"phone": "0813"}}))
    assert [conversion.customer for conversion in told.conversions] == [
        Customer(phone="0811"),
        Customer(phone="0812"),
        Customer(phone="0813"),
    ]


@pytest.mark.parametrize(
    ("found", "customer"),
    [
        ("0812", Customer(phone="0812")),
        (62812, Customer(phone="62812")),
        ("ID.13491208655302741918", Customer(whatsapp_user_id="ID.13491208655302741918")),
        ("US.ENT.11815799212886844830", Customer(whatsapp_user_id="US.ENT.11815799212886844830")),
        (Customer(email="budi@example.com"), Customer(email="budi@example.com")),
        ({"phone": 62812, "name": "Budi"}, Customer(phone="62812", name="Budi")),
        ({"phoneNumber": "0812", "whatsappUserId": "ID.1"}, Customer(phone="0812", whatsapp_user_id="ID.1")),
        (SimpleNamespace(phone="0812"), Customer(phone="0812")),
        ('{"phone": "0812"}', Customer(phone="0812")),
    ],
)
def test_whatever_a_bot_has_becomes_the_customer(told, see, found, customer):
    see(Observer(customer=lambda context: context.who, via=told), call(context=SimpleNamespace(who=found)))
    assert told.conversions[0].customer == customer
    assert told.uses[0].customer == customer


@pytest.mark.parametrize("found", [None, "", " ", {}, [], Customer(), object(), True])
def test_nothing_usable_leaves_the_usual_names(told, found):
    Observer(customer=lambda context: found, via=told).saw(call(arguments={"customer_phone": "0812"}))
    assert told.conversions[0].customer == Customer(phone="0812")


def test_a_customer_that_can_not_be_asked_for_is_logged_without_a_word_of_it(told, see, logged):
    see(Observer(customer=lambda context: context["0812-secret"], via=told), call(context={}))
    assert told.bookings == ["BK-1"]
    assert logged[0]["parts"] == ("customer",)
    assert "0812" not in repr(logged)


def test_a_part_of_the_customer_that_can_not_be_used_is_left_out_and_logged(told, logged):
    Observer(customer=lambda _: {"phone": "0812", "name": "x" * 501}, via=told).saw(call())
    assert told.conversions[0].customer == Customer(phone="0812")
    assert logged[0]["parts"] == ("customer.name",)


def test_the_other_parts_are_those_of_the_decorator(told):
    observer = Observer(
        "Purchase", id="booking_id", value=lambda result: 5, services=[Service(name="Wash")], channel="whatsapp",
        source="bot", via=told,
    )  # fmt: skip
    observer.saw(call())
    assert told.conversions == [
        Conversion(
            event="Purchase", booking_id="BK-1", value=5, services=(Service(name="Wash"),), channel="whatsapp",
            source="bot",
        )
    ]  # fmt: skip


def test_a_tracker_that_takes_conversions_only_is_enough(see, logged):
    taken = []

    class Plain:
        def submit(self, conversion):
            taken.append(conversion.booking_id)
            future = Future()
            future.set_result(None)
            return future

    see(Observer(via=Plain()), call(), call(error="denied"))
    assert taken == ["BK-1"]
    assert logged == []


@pytest.mark.parametrize("late", [False, True])
def test_a_record_that_can_not_be_kept_is_logged_and_the_conversion_goes_on(told, see, logged, late):
    def note(*uses):
        if not late:
            raise StorageUnavailable("0812-secret")
        future = Future()
        future.set_exception(StorageUnavailable("0812-secret"))
        return future

    told.note = note
    see(Observer(via=told), call())
    assert told.bookings == ["BK-1"]
    assert [(line["event"], line["code"]) for line in logged] == [("note_not_recorded", "storage_unavailable")]
    assert "0812" not in repr(logged)


def test_a_conversion_that_can_not_be_recorded_leaves_its_record(told, see, logged):
    def submit(conversion):
        raise StorageUnavailable

    told.submit = submit
    see(Observer(via=told), call())
    assert told.outcomes == [("create_booking", "succeeded")]
    assert [(line["event"], line["code"]) for line in logged] == [("conversion_not_recorded", "storage_unavailable")]


def test_a_repeat_is_no_fault(told, see, logged):
    future = Future()
    future.set_exception(IdempotencyConflict())
    told.submit = lambda conversion: future
    see(Observer(via=told), call())
    assert [(line["event"], line["log_level"]) for line in logged] == [("conversion_already_recorded", "info")]


def test_nobody_waits_for_a_record(told, see, logged):
    told.note = lambda *uses: Future()
    see(Observer(via=told, timeout=60), call(), call(tool="check_slots"))
    assert logged == []


def test_nobody_waits_where_conversions_are_queued(told, see, logged):
    waiting = Future()
    told.queued, told.submit = True, lambda conversion: waiting
    see(Observer(via=told, timeout=60), call())
    assert logged == []
    waiting.set_exception(StorageUnavailable())
    assert [line["event"] for line in logged] == ["conversion_not_recorded"]


def test_a_slow_write_is_waited_for_until_the_time_out(told, see, logged):
    told.submit = lambda conversion: Future()
    see(Observer(via=told, timeout=0.01), call())
    assert [line["event"] for line in logged] == ["conversion_still_being_recorded"]


def test_the_conversion_is_handed_over_before_its_record(told):
    order = []
    submit, note = told.submit, told.note
    told.submit = lambda conversion: order.append("conversion") or submit(conversion)
    told.note = lambda *uses: order.append("record") or note(*uses)
    Observer(via=told).saw(call())
    assert order == ["conversion", "record"]


def test_what_can_not_be_read_at_all_is_logged_and_never_raised(told, see, logged):
    class Broken(dict):
        def items(self):
            raise OSError

        def __repr__(self):
            raise OSError

    see(Observer(via=told), call(call_id="1", conversation="chat", arguments=Broken(x=1)))
    assert [(line["event"], line["code"]) for line in logged] == [("conversion_not_recorded", "OSError")]


def test_an_opened_tracker_of_the_process_is_used_on_the_event_loop_itself(told, monkeypatch, run):
    import konversi.client

    threads = []
    monkeypatch.setattr(konversi.client, "opened_tracker", lambda: threads.append(threading.get_ident()) or told)
    run(Observer().saw_async(call()))
    assert told.bookings == ["BK-1"]
    assert threads == [threading.get_ident()]


def test_opening_the_processs_tracker_does_not_hold_up_the_event_loop(told, monkeypatch, run):
    import konversi.client

    threads = []
    monkeypatch.setattr(konversi.client, "opened_tracker", lambda: None)
    monkeypatch.setattr(
        konversi.client, "default_tracker", lambda: threads.append(threading.get_ident()) or told
    )  # fmt: skip
    run(Observer().saw_async(call()))
    assert told.bookings == ["BK-1"]
    assert threads != [threading.get_ident()]


def test_calls_from_many_threads_are_all_told(told):
    observer = Observer(via=told)
    threads = [
        threading.Thread(target=observer.saw, args=(call(result={"booking_id": str(number)}),)) for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(told.bookings, key=int) == [str(number) for number in range(20)]
    assert len(told.uses) == 20


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"event": "!"}, Refused),
        ({"value": -1}, ValidationError),
        ({"channel": "telegram"}, ValidationError),
        ({"timeout": 0}, ValueError),
        ({"timeout": 61}, ValueError),
        ({"via": object()}, TypeError),
        ({"customer": asyncio.sleep}, TypeError),
    ],
)
def test_settings_that_never_work_are_refused_where_they_are_written(settings, error):
    with pytest.raises(error):
        Observer(**settings)


def test_an_asynchronous_tracker_is_refused():
    class Async:
        async def submit(self, conversion): ...

    with pytest.raises(TypeError, match="SyncKonversi"):
        Observer(via=Async())


async def test_a_run_that_is_cancelled_while_the_gateway_opens_loses_no_booking(told, monkeypatch):
    import konversi.client

    opening, go_on = threading.Event(), threading.Event()

    def opened_slowly():
        opening.set()
        assert go_on.wait(10)
        return told

    monkeypatch.setattr(konversi.client, "opened_tracker", lambda: None)
    monkeypatch.setattr(konversi.client, "default_tracker", opened_slowly)
    running = asyncio.create_task(Observer().saw_async(call()))
    await asyncio.to_thread(opening.wait, 10)
    running.cancel()
    go_on.set()
    async with asyncio.timeout(10):
        while not told.conversions:
            await asyncio.sleep(0.002)
    assert running.cancelled()
