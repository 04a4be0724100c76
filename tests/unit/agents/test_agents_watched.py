import asyncio

import pytest
from agent_cases import openings

from konversi.agents.observer import Finished, Observer
from konversi.agents.watched import called, watched

BOOKED = {"booking_id": "BK-1"}


def telling(result, error, seconds):
    kind = None if error is None else type(error).__name__
    return Finished(tool="create_booking", result=result, error=kind, seconds=seconds)


def speechless(result, error, seconds):
    raise LookupError("0812-secret")


async def answering(result):
    return result


async def raising(error):
    raise error


async def test_a_cancelled_call_is_mentioned_where_there_is_a_tracker(told):
    with pytest.raises(asyncio.CancelledError):
        await watched(Observer(via=told), raising(asyncio.CancelledError()), telling)
    assert [(use.outcome, use.error_kind) for use in told.uses] == [("error", "CancelledError")]


async def test_a_cancelled_call_opens_no_gateway(monkeypatch):
    tries = openings(monkeypatch)
    with pytest.raises(asyncio.CancelledError):
        await watched(Observer(), raising(asyncio.CancelledError()), telling)
    with pytest.raises(KeyboardInterrupt):
        called(Observer(), lambda: _raise(KeyboardInterrupt()), telling)
    assert tries == []


async def test_a_call_that_cannot_be_told_gives_its_result_all_the_same(told, logged):
    observer = Observer(via=told)
    assert await watched(observer, answering(BOOKED), speechless) is BOOKED
    assert called(observer, lambda: BOOKED, speechless) is BOOKED
    assert [(entry["event"], entry["code"]) for entry in logged] == [("conversion_not_recorded", "LookupError")] * 2
    assert "0812" not in repr(logged)


@pytest.mark.parametrize("error", [ValueError("no slot"), asyncio.CancelledError()])
async def test_a_call_that_cannot_be_told_raises_its_own_error(told, logged, error):
    observer = Observer(via=told)
    with pytest.raises(type(error)) as caught:
        await watched(observer, raising(error), speechless)
    assert caught.value is error
    with pytest.raises(type(error)) as caught:
        called(observer, lambda: _raise(error), speechless)
    assert caught.value is error
    assert [(entry["event"], entry["code"]) for entry in logged] == [("note_not_recorded", "LookupError")] * 2


async def test_an_awaitable_result_is_told_once_it_has_come(told):
    running = called(Observer(via=told), lambda: answering(BOOKED), telling)
    assert told.uses == []
    assert await running is BOOKED
    assert told.bookings == ["BK-1"]


def _raise(error):
    raise error
