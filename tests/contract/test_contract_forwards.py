"""Calls that wait to be handed on, over every database."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from konversi.database.opening import open_database
from konversi.journeys.forwards import Forwards, keep

NOW = 1_800_000_000.0
LONG = 60.0  # seconds: more than anybody may keep a call to himself


class Time:
    now = NOW


@pytest.fixture
def opened(url):
    @asynccontextmanager
    async def opening():
        database = await open_database(url)
        try:
            yield database, Forwards(database, lambda: Time.now)
        finally:
            await database.aclose()

    return opening


@pytest.fixture(autouse=True)
def start_of_time():
    Time.now = NOW


async def kept(database, *bodies):
    for body in bodies:
        await database.write(lambda connection, body=body: keep(connection, body, Time.now))


async def test_calls_come_in_their_order_and_are_gone_when_done(opened):
    async with opened() as (database, forwards):
        await kept(database, b"1", b"2", b"3")
        assert await forwards.waiting() == 3
        due = await forwards.due(10)
        assert [one.sealed for one in due] == [b"1", b"2", b"3"]
        for one in due:
            await forwards.done(one.id)
        assert await forwards.waiting() == 0
        assert await forwards.next_due() is None


async def test_a_call_that_was_put_off_comes_again_when_it_is_time(opened):
    async with opened() as (database, forwards):
        await kept(database, b"1")
        (one,) = await forwards.due(10)
        await forwards.put_off(one.id, NOW + 5, "HTTP 500")
        assert await forwards.due(10) == []
        assert await forwards.next_due() == NOW + 5
        Time.now = NOW + 6
        (again,) = await forwards.due(10)
        assert (again.id, again.tries) == (one.id, 1)


async def test_after_an_outage_all_are_due_at_once(opened):
    async with opened() as (database, forwards):
        await kept(database, b"1", b"2")
        for one in await forwards.due(10):
            await forwards.put_off(one.id, NOW + 3_600, "HTTP 500")
        await forwards.revive()
        assert len(await forwards.due(10)) == 2


async def test_two_processes_never_hand_on_the_same_call(opened):
    async with opened() as (database, ours):
        if not database.shared:
            pytest.skip("one process owns it")
        async with opened() as (_, theirs):
            await kept(database, *(b"%d" % number for number in range(40)))
            takes = await asyncio.gather(*(one.due(4) for _ in range(6) for one in (ours, theirs)))
            given = [one.id for take in takes for one in take]
            assert len(given) == len(set(given)) == 40
            assert await theirs.soonest() is not None  # a probe may take what is late


async def test_what_a_dead_process_had_comes_to_another(opened):
    async with opened() as (database, ours):
        await kept(database, b"1")
        async with opened() if database.shared else opened_again(database, ours) as (_, theirs):
            (lost,) = await ours.due(1)
            await theirs.revive()
            if database.shared:
                assert await theirs.due(1) == []
            Time.now = NOW + LONG
            assert [one.id for one in await theirs.due(1)] == [lost.id]


@asynccontextmanager
async def opened_again(database, forwards):
    yield database, forwards
