"""Waiting for what becomes of one event."""

import asyncio

import pytest

from konversi.delivery.watch import Watch
from outboxes import ended


async def test_everybody_who_waits_for_an_event_is_told():
    watch = Watch()
    with watch.of(1) as one, watch.of(1) as other, watch.of(2) as stranger:
        watch.announce([1, 3], ended())
        assert await one == await other == ended()
        assert not stranger.done()
    assert watch._waiting == {}


async def test_only_the_first_end_is_told():
    watch = Watch()
    with watch.of(1) as future:
        watch.announce([1], ended(verdict="first"))
        watch.announce([1], ended(verdict="second"))
        assert (await future).verdict == "first"


async def test_one_who_gives_up_disturbs_nobody():
    watch = Watch()
    with watch.of(1) as patient:
        with pytest.raises(TimeoutError), watch.of(1) as hasty:
            await asyncio.wait_for(hasty, 0.001)
        assert hasty.cancelled()
        watch.announce([1], ended())
        assert await patient == ended()
    watch.announce([1], ended())
    assert watch._waiting == {}


async def test_a_future_cancelled_from_outside_is_left_alone():
    watch = Watch()
    with watch.of(1) as future:
        future.cancel()
        watch.announce([1], ended())
        assert future.cancelled()
    assert watch._waiting == {}
