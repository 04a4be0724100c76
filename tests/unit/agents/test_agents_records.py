"""What `@on_success` records beside its conversions."""

import asyncio

import pytest

from konversi.agents.on_success import on_success

BOOKED = {"booking_id": "BK-1"}


def test_each_call_is_recorded_with_its_outcome_and_duration(told):
    results = [BOOKED, {"status": "error"}, "Booked."]
    create_booking = on_success(via=told)(lambda: results.pop(0))
    for _ in range(3):
        create_booking()
    assert [use.outcome for use in told.uses] == ["succeeded", "failed", "unknown"]
    assert all(use.seconds >= 0 for use in told.uses)


async def test_the_duration_is_that_of_the_function(told, monkeypatch):
    from konversi.agents import on_success as module

    clock = iter([10.0, 12.5])
    monkeypatch.setattr(module, "monotonic", lambda: next(clock))

    @on_success(via=told)
    async def create_booking():
        return BOOKED

    await create_booking()
    assert (told.uses[0].tool, told.uses[0].seconds) == ("create_booking", 2.5)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("0812-secret"), "error"),
        (TimeoutError(), "error"),
        (type("ModelRetry", (Exception,), {})(), "retried"),
        (KeyboardInterrupt(), "error"),
        (SystemExit(3), "error"),
    ],
)
def test_an_exception_is_recorded_by_its_class(told, error, outcome):
    def create_booking():
        raise error

    with pytest.raises(type(error)) as caught:
        on_success(via=told)(create_booking)()
    assert caught.value is error
    assert [(use.outcome, use.error_kind) for use in told.uses] == [(outcome, type(error).__name__)]
    assert "0812" not in told.uses[0].model_dump_json()
    assert told.conversions == []


async def test_a_cancelled_tool_is_recorded_as_such(told):
    started = asyncio.Event()

    @on_success(via=told)
    async def create_booking():
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(create_booking())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(use.outcome, use.error_kind) for use in told.uses] == [("error", "cancelled")]


def test_a_program_on_its_way_out_opens_no_gateway(monkeypatch):
    import konversi.client

    def never():
        raise AssertionError

    monkeypatch.setattr(konversi.client, "opened_tracker", lambda: None)
    monkeypatch.setattr(konversi.client, "default_tracker", never)

    def create_booking():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        on_success()(create_booking)()


def test_a_call_with_the_wrong_arguments_fails_as_it_would_alone(told):
    @on_success(via=told)
    def create_booking(date): ...

    with pytest.raises(TypeError, match="date"):
        create_booking()
    assert [use.error_kind for use in told.uses] == ["TypeError"]


def test_the_customer_of_a_conversion_is_that_of_its_record(told):
    @on_success(customer="phone", via=told)
    def create_booking(phone):
        return BOOKED

    create_booking("0812")
    assert told.uses[0].customer == told.conversions[0].customer
    assert told.uses[0].customer.phone == "0812"


def test_a_failing_record_leaves_the_function_alone(told, logged):
    told.note = None.__class__
    assert on_success(via=told)(lambda: BOOKED)() is BOOKED
    assert logged[0]["event"] == "note_not_recorded"
