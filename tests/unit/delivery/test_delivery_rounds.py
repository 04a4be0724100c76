"""Delivery in rounds: only while somebody waits."""

import asyncio

import pytest
from delivering import Delivery, sent

from konversi.clock import monotonic
from konversi.delivery.dispatcher import Dispatcher
from konversi.delivery.rounds import Rounds
from konversi.meta.answers import Kind
from konversi.outbox.states import State
from outboxes import LIVE, OTHER, all_of, new_event, new_events, until

ENOUGH_TURNS = 200  # of the event loop, for an event in memory to be sent if anybody did


class OffDuty(Delivery):
    """A dispatcher that waits for rounds."""

    def __init__(self, **given):
        super().__init__(**given)
        self.dispatcher = Dispatcher(
            self.outbox, self.meta, self.destination, clock=self.clock, watch=self.watch, on_duty=False
        )
        self.rounds = Rounds(lambda: self.dispatcher, self.watch)

    async def turns(self):
        for _ in range(ENOUGH_TURNS):
            await asyncio.sleep(0)


async def test_an_event_is_delivered_within_the_round_that_asks_for_it():
    async with OffDuty().at_work() as delivery:
        ids = await delivery.accept(*new_events(3))
        assert await delivery.rounds.deliver(5, ids) == dict.fromkeys(ids, State.DELIVERED)
        assert len(delivery.meta.events) == 3


async def test_nothing_is_begun_between_rounds_and_the_next_round_takes_it():
    async with OffDuty().at_work() as delivery:
        (first,) = await delivery.accept(new_event("Lead:1"))
        await delivery.turns()
        assert delivery.meta.requests == []
        await delivery.rounds.deliver(5, [first])
        await delivery.accept(new_event("Lead:2"), new_event("Lead:3", lane=OTHER))
        await delivery.turns()
        assert delivery.meta.events == ["Lead:1"]
        await delivery.rounds.deliver(5)
        assert sorted(delivery.meta.events) == ["Lead:1", "Lead:2", "Lead:3"]


async def test_a_round_without_anything_due_ends_at_once():
    async with OffDuty().at_work() as delivery:
        began = monotonic()
        assert await delivery.rounds.deliver(20) == {}
        assert monotonic() - began < 5


async def test_a_round_ends_in_time_while_meta_hangs_and_what_has_begun_goes_on():
    async with OffDuty().at_work() as delivery:
        delivery.meta.gate.clear()
        (event,) = await delivery.accept(new_event())
        assert await delivery.rounds.deliver(0.2, [event]) == {}
        assert (await delivery.outbox.find(event)).state is State.SENDING
        delivery.meta.gate.set()
        await delivery.settled(State.DELIVERED, 1)


async def test_the_last_third_of_a_round_begins_nothing():
    async with OffDuty().at_work() as delivery:
        delivery.meta.gate.clear()
        (first,) = await delivery.accept(new_event("Lead:1"))
        round_ = asyncio.create_task(delivery.rounds.deliver(0.9, [first]))
        await until(lambda: delivery.meta.under_way)
        await until(lambda: not delivery.dispatcher.on_duty)
        assert not round_.done()
        await delivery.accept(new_event("Lead:2", lane=OTHER))
        delivery.dispatcher.look_around()
        await round_
        assert delivery.meta.events == ["Lead:1"]


async def test_a_lane_that_meta_does_not_answer_holds_up_no_round_once_its_breaker_is_open():
    async with OffDuty().at_work() as delivery:
        delivery.meta.answer = lambda ids: sent(Kind.PAUSED)
        (event,) = await delivery.accept(new_event())
        assert await delivery.rounds.deliver(5, [event]) == {event: State.WAITING}
        (other,) = await delivery.accept(new_event("Lead:2"))
        began = monotonic()
        assert await delivery.rounds.deliver(20, [other]) == {}
        assert monotonic() - began < 5
        assert len(delivery.meta.requests) == 1


async def test_a_bad_event_of_a_batch_is_found_within_the_round():
    async with OffDuty().at_work() as delivery:
        delivery.meta.answer = lambda ids: sent(Kind.REFUSED) if "Lead:1" in ids else sent(events_received=len(ids))
        ids = await delivery.accept(*new_events(4))
        states = await delivery.rounds.deliver(10, ids)
        assert sorted(states.values()) == [State.DEAD, *[State.DELIVERED] * 3]


async def test_an_event_that_another_process_has_is_not_waited_for():
    async with OffDuty().at_work() as delivery:
        (event,) = await delivery.accept(new_event())
        now = delivery.clock.now()
        await delivery.outbox.claim(LIVE, now, now + 60, all_of)
        began = monotonic()
        assert await delivery.rounds.deliver(20, [event]) == {}
        assert monotonic() - began < 5


@pytest.mark.parametrize("number", [2, 20])
async def test_rounds_at_the_same_time_send_nothing_twice(number):
    async with OffDuty().at_work() as delivery:

        async def one(index):
            ids = await delivery.accept(new_event(f"Lead:{index}"))
            return await delivery.rounds.deliver(10, ids)

        states = await asyncio.gather(*(one(index) for index in range(number)))
        assert all(list(found.values()) == [State.DELIVERED] for found in states)
        assert len(delivery.meta.events) == len(set(delivery.meta.events)) == number
        assert not delivery.dispatcher.on_duty


async def test_a_dispatcher_that_is_renewed_after_a_fault_stays_off_duty():
    delivery = OffDuty()
    assert not delivery.dispatcher.renewed().on_duty
