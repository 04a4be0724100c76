"""Single events that come at the same moment are accepted as a list."""

from __future__ import annotations

import asyncio

from konversi.errors import StorageUnavailable
from konversi.events.faults import Refused
from konversi.intake.prepare import Refusal
from konversi.intake.together import Together


class Door:
    """Takes lists, and answers them when it is told to."""

    def __init__(self, *, waits=False):
        self.lists = []
        self.open = asyncio.Event()
        if not waits:
            self.open.set()
        self.say = lambda body: f"receipt of {body.decode()}"

    async def accept(self, listing):
        self.lists.append([*listing.bodies])
        await self.open.wait()
        said = [self.say(body) for body in listing.bodies]
        if isinstance(said[0], Exception):
            raise said[0]
        return None if said[0] is None else said


def bodies(number, name="b"):
    return [f"{name}{n}".encode() for n in range(number)]


async def together(door, sent):
    gathered = Together(door.accept)
    return await asyncio.gather(*(gathered.accepted(body) for body in sent), return_exceptions=True)


async def test_those_who_come_together_each_get_their_own_receipt():
    door = Door()
    assert await together(door, bodies(20)) == [f"receipt of b{n}" for n in range(20)]
    assert len(door.lists) == 1


async def test_a_few_are_left_to_their_callers():
    door = Door()
    assert await together(door, bodies(3)) == [None] * 3
    assert door.lists == []


async def test_a_large_one_is_left_to_its_caller():
    door = Door()
    assert await together(door, [b"x" * 20_000, *bodies(6)]) == [None, *(f"receipt of b{n}" for n in range(6))]


async def test_who_is_refused_accepts_it_alone_to_find_the_words():
    door = Door()
    door.say = lambda body: Refusal(Refused(()), None) if body == b"b3" else body
    assert await together(door, bodies(6)) == [b"b0", b"b1", b"b2", None, b"b4", b"b5"]


async def test_a_list_that_was_not_done_is_left_to_its_callers():
    door = Door()
    door.say = lambda _body: None
    assert await together(door, bodies(6)) == [None] * 6


async def test_a_fault_is_told_to_everybody_in_the_list():
    door = Door()
    door.say = lambda _body: StorageUnavailable("gone")
    assert all(isinstance(one, StorageUnavailable) for one in await together(door, bodies(6)))


async def test_a_fault_that_nobody_foresaw_leaves_each_to_itself_since_it_may_be_one_events_own():
    door = Door()
    door.say = lambda _body: OverflowError("of one of them")
    assert await together(door, bodies(6)) == [None] * 6


async def test_what_comes_while_enough_are_under_way_makes_the_next_list():
    door = Door(waits=True)
    gathered = Together(door.accept)
    callers = []
    for group in range(6):
        callers += [asyncio.ensure_future(gathered.accepted(body)) for body in bodies(6, f"g{group}-")]
        for _ in range(3):
            await asyncio.sleep(0)
    assert [len(one) for one in door.lists] == [6, 6, 6]
    door.open.set()
    assert await asyncio.gather(*callers) == [f"receipt of g{group}-{n}" for group in range(6) for n in range(6)]
    assert [len(one) for one in door.lists] == [6, 6, 6, 18]


async def test_a_caller_who_goes_away_takes_nobody_along():
    door = Door(waits=True)
    gathered = Together(door.accept)
    callers = [asyncio.ensure_future(gathered.accepted(body)) for body in bodies(7)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    callers[2].cancel()
    door.open.set()
    said = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(said.pop(2), asyncio.CancelledError)
    assert said == [f"receipt of b{n}" for n in (0, 1, 3, 4, 5, 6)]
