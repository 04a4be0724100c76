"""What every store of waiting webhook calls does."""

from contextlib import asynccontextmanager

import pytest

from konversi.database.sqlite_database import SqliteDatabase
from konversi.journeys import forwards as module
from konversi.journeys.arrival import Arrival, Heard, Identities
from konversi.journeys.forwards import Forwards
from konversi.journeys.store import Journeys

NOW = 1_800_000_000.0
STATUSES = Heard((), (), 1)


class Here:
    """The stores in a folder, with a clock that stands where it is put, and room for six calls."""

    def __init__(self, database):
        self.time = NOW
        self.journeys = Journeys(database, b"s" * 32, country="ID", now=lambda: self.time, most_forwards=6)
        self.forwards = Forwards(database, lambda: self.time)

    async def keep(self, *sealed):
        for one in sealed:
            assert not (await self.journeys.arrive(STATUSES, sealed=one)).no_room

    async def due(self):
        return [one.sealed for one in await self.forwards.due(10)]


@pytest.fixture
def stores(tmp_path):
    @asynccontextmanager
    async def opened():
        database = await SqliteDatabase.open(f"sqlite:///{tmp_path / 'calls.db'}")
        try:
            yield Here(database)
        finally:
            await database.aclose()

    return opened()


def told(message="wamid.1"):
    who = Identities("+6281234567890", None, "Budi")
    return Heard((Arrival(message, "whatsapp", "1", "2", int(NOW), who, "text", None),), (), 0)


async def test_a_call_to_be_handed_on_is_kept_with_its_messages_and_once(stores):
    await stores.journeys.arrive(told(), sealed=b"first")
    await stores.journeys.arrive(told(), sealed=b"again")
    assert await stores.due() == [b"first"]


async def test_a_call_without_messages_is_always_handed_on(stores):
    await stores.keep(b"statuses", b"statuses")
    assert len(await stores.due()) == 2


async def test_a_call_that_could_not_be_handed_on_comes_again_later(stores):
    await stores.keep(b"x")
    (waiting,) = await stores.forwards.due(10)
    await stores.forwards.put_off(waiting.id, NOW + 5, "ConnectError")
    assert await stores.due() == []
    assert await stores.forwards.next_due() == NOW + 5
    stores.time = NOW + 5
    (again,) = await stores.forwards.due(10)
    assert (again.id, again.tries) == (waiting.id, 1)
    await stores.forwards.done(again.id)
    assert await stores.forwards.next_due() is None


async def test_those_under_way_are_left_out_and_the_oldest_come_first(stores):
    await stores.keep(b"1", b"2", b"3", b"4")
    first, second = await stores.forwards.due(2)
    assert [one.sealed for one in await stores.forwards.due(1, {first.id, second.id})] == [b"3"]


async def test_the_one_that_is_due_first_is_found_although_its_time_has_not_come(stores):
    assert await stores.forwards.soonest() is None
    await stores.keep(b"1", b"2")
    for number, waiting in enumerate(await stores.forwards.due(2)):
        await stores.forwards.put_off(waiting.id, NOW + 100 - number, "HTTP 500")
    assert (await stores.forwards.soonest()).sealed == b"2"


async def test_all_can_be_made_due_at_once_and_keep_their_tries(stores, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    await stores.keep(b"1", b"2", b"3", b"4", b"5")
    for waiting in (await stores.forwards.due(10))[1:]:
        await stores.forwards.put_off(waiting.id, NOW + 3_600, "HTTP 500")
    await stores.forwards.revive()
    assert [one.tries for one in await stores.forwards.due(10)] == [0, 1, 1, 1, 1]


async def test_those_from_before_a_time_are_let_go_and_no_others(stores, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 2)
    await stores.keep(b"1", b"2", b"3")
    stores.time = NOW + 1
    await stores.keep(b"4", b"5")
    assert await stores.forwards.give_up(NOW) == 0
    assert await stores.forwards.give_up(NOW + 1) == 3
    assert await stores.due() == [b"4", b"5"]


async def test_where_too_many_wait_the_messages_are_kept_without_the_call(stores):
    await stores.keep(b"1", b"2", b"3", b"4", b"5", b"6")
    assert await stores.journeys.arrive(told("wamid.a"), sealed=b"7") == (1, 0, True)
    assert await stores.journeys.arrive(told("wamid.a"), sealed=b"7") == (
        0,
        1,
        False,
    )  # it would not have been kept
    assert await stores.journeys.arrive(told("wamid.b")) == (1, 0, False)
    assert await stores.forwards.waiting() == 6
    second, third = (await stores.forwards.due(3))[1:]
    for gone in (second, third):
        await stores.forwards.done(gone.id)
    await stores.keep(b"8", b"9")
    assert (await stores.journeys.arrive(STATUSES, sealed=b"10")).no_room
    assert await stores.due() == [b"1", b"4", b"5", b"6", b"8", b"9"]
