"""A connection goes to another process whole, with what was read of it, or not at all."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

import pytest
import uvloop

from konversi.intake.preparer.handing import Hands

PATIENCE = 10.0


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def within(request):
    """Runs a story in each kind of event loop, between two ends."""

    def run(story):
        async def bounded():
            one, other = socket.socketpair()
            came = []
            giving, taking = Hands(one, lambda _handed: None), Hands(other, came.append)
            try:
                async with asyncio.timeout(PATIENCE):
                    await story(giving, taking, came)
            finally:
                giving.close()
                taking.close()
                for handed in came:
                    handed.connection.close()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded())

    return run


async def arrived(came, number):
    while len(came) < number:
        await asyncio.sleep(0.001)


def test_a_connection_comes_with_what_was_said(within):
    async def story(giving, _taking, came):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert giving.give(theirs.fileno(), b"said before")
            theirs.close()
            await arrived(came, 1)
            assert came[0].said == b"said before"
            ours.send(b"and after")
            assert came[0].connection.recv(100) == b"and after"

    within(story)


def test_many_keep_their_order_and_their_words(within):
    async def story(giving, _taking, came):
        pairs = [socket.socketpair() for _ in range(100)]
        for number, (_, theirs) in enumerate(pairs):
            while not giving.give(theirs.fileno(), b"%d" % number * number):
                await asyncio.sleep(0.001)
        await arrived(came, 100)
        for number, (ours, theirs) in enumerate(pairs):
            ours.send(b"%d" % number)
            assert came[number].said == b"%d" % number * number
            assert came[number].connection.recv(10) == b"%d" % number
            ours.close()
            theirs.close()

    within(story)


def test_what_was_said_may_be_longer_than_the_way_is_wide(within):
    async def story(giving, _taking, came):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            long = os.urandom(1_000_000)
            assert giving.give(theirs.fileno(), long)
            await arrived(came, 1)
            assert came[0].said == long

    within(story)


def test_where_the_other_end_does_not_take_it_stays(within):
    async def story(giving, taking, came):
        asyncio.get_running_loop().remove_reader(taking._end)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            given = 0
            while giving.give(theirs.fileno(), b"x" * 1_000):
                given += 1
            assert given > 10
            asyncio.get_running_loop().add_reader(taking._end, taking._come)
            await arrived(came, given)
            assert giving.give(theirs.fileno(), b"once more")

    within(story)


def test_nothing_goes_before_the_last_one_went_as_a_whole(within):
    async def story(giving, taking, came):
        asyncio.get_running_loop().remove_reader(taking._end)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert giving.give(theirs.fileno(), b"x" * 5_000_000)
            assert not giving.give(theirs.fileno(), b"not yet")
            asyncio.get_running_loop().add_reader(taking._end, taking._come)
            await arrived(came, 1)
            assert giving.give(theirs.fileno(), b"now")
            await arrived(came, 2)
            assert [handed.said for handed in came] == [b"x" * 5_000_000, b"now"]

    within(story)


def test_half_a_frame_is_nobodys(within):
    async def story(giving, taking, came):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert giving.give(theirs.fileno(), b"x" * 5_000_000)
            giving.close()
            while taking._end.fileno() >= 0:
                await asyncio.sleep(0.001)
            assert came == []

    within(story)


class Leaver:
    def __init__(self, connection, said):
        self.connection = connection
        self.said = said
        self.times_let_go = 0

    def descriptor(self):
        return self.connection.fileno()

    def let_go(self):
        self.times_let_go += 1
        self.connection.close()


def test_who_waits_for_room_goes_in_turn_with_all_that_was_said_meanwhile(within):
    async def story(giving, taking, came):
        asyncio.get_running_loop().remove_reader(taking._end)
        pairs = [socket.socketpair() for _ in range(100)]
        leavers = [Leaver(theirs, b"%d" % number * 5_000) for number, (_, theirs) in enumerate(pairs)]
        for one in leavers:
            giving.give_in_turn(one)
        assert leavers[0].times_let_go == 1
        assert leavers[-1].times_let_go == 0
        leavers[-1].said += b"meanwhile"
        leavers[-2].connection.close()
        asyncio.get_running_loop().add_reader(taking._end, taking._come)
        await arrived(came, 99)
        assert [one.times_let_go for one in leavers] == [1] * 100
        del leavers[-2]
        assert [handed.said for handed in came] == [one.said for one in leavers]
        for number, handed in enumerate(came[:-1]):
            pairs[number][0].send(b"%d" % number)
            assert handed.connection.recv(10) == b"%d" % number
        for ours, _ in pairs:
            ours.close()

    within(story)


def test_who_waits_for_room_is_let_go_when_there_will_be_none(within):
    async def story(giving, taking, _came):
        asyncio.get_running_loop().remove_reader(taking._end)
        pairs = [socket.socketpair() for _ in range(3)]
        leavers = [Leaver(theirs, b"x" * 500_000) for _, theirs in pairs]
        for one in leavers[:2]:
            giving.give_in_turn(one)
        giving.close()
        giving.give_in_turn(leavers[2])
        assert [one.times_let_go for one in leavers] == [1, 1, 1]
        for ours, _ in pairs:
            ours.close()

    within(story)


def test_a_frame_whose_connection_was_lost_on_the_way_ends_it_before_anybody_gets_anothers_words(within):
    async def story(giving, taking, came):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            giving._end.send(struct.pack("<IQ", 4, 1) + b"lost")
            assert giving.give(theirs.fileno(), b"next")
            while taking._end.fileno() >= 0:
                await asyncio.sleep(0.001)
            assert came == []

    within(story)


def test_nothing_is_given_to_who_is_gone(within):
    async def story(giving, taking, _came):
        taking.close()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert not giving.give(theirs.fileno(), b"anybody?")

    within(story)
