"""Couriers and their dispatcher at work, between a store in memory and a Meta that does as it is told."""

import asyncio
import math

import pytest
from delivering import Delivery, sent

from konversi.delivery import courier as couriers
from konversi.delivery.breaker import Position
from konversi.errors import StorageUnavailable
from konversi.meta.answers import Kind
from konversi.meta.usage import Usage
from konversi.outbox.memory import MemoryOutbox
from konversi.outbox.states import State
from outboxes import LIVE, OTHER, TEST, new_event, new_events, until


async def test_what_is_accepted_is_delivered_once():
    async with Delivery().at_work() as delivery:
        ids = await delivery.accept(*new_events(5))
        await delivery.settled(State.DELIVERED, 5)
        assert sorted(delivery.meta.events) == sorted(f"Lead:{n}" for n in range(5))
        stored = await delivery.outbox.find(ids[0])
        assert (stored.tries, stored.in_doubt) == (1, 0)


async def test_what_waited_before_the_start_is_delivered():
    delivery = Delivery()
    await delivery.outbox.append(new_events(3))
    async with delivery.at_work():
        await delivery.settled(State.DELIVERED, 3)


async def test_each_lane_has_its_own_requests_and_test_events_their_code():
    async with Delivery().at_work() as delivery:
        await delivery.accept(new_event("1", lane=LIVE), new_event("2", lane=TEST), new_event("3", lane=OTHER))
        await delivery.settled(State.DELIVERED, 3)
        codes = dict(zip((ids[0] for ids in delivery.meta.requests), delivery.meta.codes, strict=True))
        assert codes == {"1": None, "2": "TEST12345", "3": None}


async def test_what_comes_while_a_request_is_under_way_makes_the_next_batch():
    async with Delivery().at_work() as delivery:
        delivery.meta.gate.clear()
        await delivery.accept(new_event("first"))
        await until(lambda: delivery.meta.requests)
        for n in range(20):
            await delivery.accept(new_event(f"{n}"))
            await asyncio.sleep(0)
        delivery.meta.gate.set()
        await delivery.settled(State.DELIVERED, 21)
        assert [len(ids) for ids in delivery.meta.requests] == [1, 20]


async def test_a_backlog_travels_in_full_batches_with_several_under_way():
    delivery = Delivery()
    await delivery.outbox.append(new_events(6_000))
    delivery.meta.gate.clear()
    async with delivery.at_work():
        await until(lambda: delivery.meta.under_way == 4)
        delivery.meta.gate.set()
        await delivery.settled(State.DELIVERED, 6_000)
        assert [len(ids) for ids in delivery.meta.requests] == [1_000] * 6
        assert len(set(delivery.meta.events)) == 6_000


async def test_an_idle_lane_asks_the_store_only_now_and_then():
    class Counting(MemoryOutbox):
        claims = 0

        async def claim(self, *given, **more):
            Counting.claims += 1
            return await super().claim(*given, **more)

    async with Delivery(Counting()).at_work() as delivery:
        await delivery.accept(new_event())
        await delivery.settled(State.DELIVERED, 1)
        await asyncio.sleep(0.3)
        assert Counting.claims < 10


async def test_one_bad_event_in_a_thousand_dies_alone():
    delivery = Delivery()
    delivery.meta.answer = lambda ids: (
        sent(Kind.REFUSED, code=100, subcode=2_804_050) if "Lead:617" in ids else sent(events_received=len(ids))
    )
    ids = await delivery.outbox.append(new_events(1_000))
    async with delivery.at_work():
        await delivery.settled(State.DELIVERED, 999)
        await delivery.settled(State.DEAD, 1)
        dead = await delivery.outbox.find(ids[617].id)
        assert (dead.state, dead.reason, dead.tries) == (State.DEAD, "Why.", 1)
        assert len(delivery.meta.requests) <= 2 * math.ceil(math.log2(1_000)) + 1
        assert max(delivery.meta.events.count(f"Lead:{n}") for n in range(1_000)) <= 11


async def test_a_token_fault_stops_one_lane_loses_nothing_and_ends_by_itself():
    broken = True
    delivery = Delivery()
    delivery.meta.answer = lambda ids: (
        sent(Kind.PAUSED, http_status=401, code=190)
        if broken and not ids[0].startswith("web")
        else sent(events_received=len(ids))
    )
    async with delivery.at_work():
        await delivery.accept(*new_events(30))
        await until(lambda: LIVE in delivery.dispatcher.couriers and delivery.dispatcher.couriers[LIVE].breaker.paused)
        asked = len(delivery.meta.requests)
        await delivery.accept(*(new_event(f"web{n}", lane=OTHER) for n in range(5)))
        await delivery.settled(State.DELIVERED, 5)
        await delivery.accept(new_event("later"))
        await asyncio.sleep(0.05)
        assert sum(not ids[0].startswith("web") for ids in delivery.meta.requests) == asked
        delivery.forward(301)
        await until(lambda: len(delivery.meta.requests[-1]) == 10)  # a probe is small
        await until(lambda: delivery.dispatcher.couriers[LIVE].breaker.position(delivery.clock.now()) is Position.OPEN)
        broken = False
        delivery.forward(301)
        await delivery.settled(State.DELIVERED, 36)
        states = await delivery.counts()
        assert states[State.DEAD] == states[State.HELD] == 0
        assert (await delivery.outbox.find(1)).tries == 1


async def test_a_half_open_lane_sends_one_request_at_a_time():
    delivery = Delivery()
    delivery.meta.answer = lambda _: sent(Kind.PAUSED)
    async with delivery.at_work():
        await delivery.accept(*new_events(100))
        await until(lambda: delivery.meta.requests)
        await until(lambda: delivery.dispatcher.couriers[LIVE].breaker.paused)
        delivery.meta.gate.clear()
        delivery.meta.most_under_way = 0
        delivery.meta.answer = lambda ids: sent(events_received=len(ids))
        delivery.forward(301)
        await until(lambda: delivery.meta.under_way)
        for _ in range(20):
            delivery.forward(0)
            await asyncio.sleep(0.002)
        assert delivery.meta.most_under_way == 1
        delivery.meta.gate.set()
        await delivery.settled(State.DELIVERED, 100)


async def test_a_throttled_lane_rests_and_its_events_keep_their_tries():
    delivery = Delivery()
    delivery.meta.answer = lambda _: sent(Kind.THROTTLED, Usage(100, 120.0), code=4)
    async with delivery.at_work():
        (id_,) = await delivery.accept(new_event())
        await until(lambda: delivery.dispatcher.couriers and delivery.dispatcher.couriers[LIVE].breaker.open_until)
        delivery.meta.answer = lambda ids: sent(events_received=len(ids))
        delivery.forward(100)
        await asyncio.sleep(0.05)
        assert len(delivery.meta.requests) == 1
        delivery.forward(30)
        await delivery.settled(State.DELIVERED, 1)
        assert (await delivery.outbox.find(id_)).tries == 1


@pytest.mark.parametrize("kind", [Kind.FAILED, Kind.NOT_SENT, Kind.UNLINKED])
async def test_a_passing_fault_is_tried_again_when_its_time_comes(kind):
    delivery = Delivery()
    delivery.meta.answer = lambda _: sent(kind)
    async with delivery.at_work():
        (id_,) = await delivery.accept(new_event())
        await until(lambda: delivery.meta.requests)
        await until(lambda: delivery.dispatcher.couriers[LIVE].tally.requests)
        delivery.meta.answer = lambda ids: sent(events_received=len(ids))
        await delivery.settled_in_time(State.DELIVERED, 1)
        stored = await delivery.outbox.find(id_)
        assert (stored.tries, stored.in_doubt) == (2, 0)
        assert delivery.meta.requests == [["Lead:1"], ["Lead:1"]]


async def test_a_send_in_doubt_is_sent_again_and_counted():
    delivery = Delivery()
    delivery.meta.answer = lambda _: sent(Kind.IN_DOUBT)
    async with delivery.at_work():
        (id_,) = await delivery.accept(new_event())
        await until(lambda: delivery.meta.requests)
        delivery.meta.answer = lambda ids: sent(events_received=len(ids))
        await delivery.settled_in_time(State.DELIVERED, 1)
        assert (await delivery.outbox.find(id_)).in_doubt == 1
        assert (await delivery.outbox.counts()).totals["in_doubt"] == 1


async def test_a_send_in_doubt_is_held_where_the_setting_says_so():
    delivery = Delivery(on_in_doubt="hold")
    delivery.meta.answer = lambda _: sent(Kind.IN_DOUBT)
    async with delivery.at_work():
        await delivery.accept(*new_events(3))
        await delivery.settled(State.HELD, 3)
        delivery.forward(10_000)
        await asyncio.sleep(0.05)
        assert len(delivery.meta.events) == 3


async def test_what_is_too_old_is_never_sent_and_its_batch_mates_are():
    async with Delivery().at_work() as delivery:
        late = int(delivery.clock.now()) - 1
        await delivery.accept(new_event("a"), new_event("late", deadline=late), new_event("b"))
        await delivery.settled(State.DELIVERED, 2)
        await delivery.settled(State.EXPIRED, 1)
        assert sorted(delivery.meta.events) == ["a", "b"]


async def test_what_grows_old_while_it_waits_for_a_retry_is_never_sent_again():
    delivery = Delivery()
    delivery.meta.answer = lambda _: sent(Kind.FAILED)
    async with delivery.at_work():
        await delivery.accept(new_event(deadline=int(delivery.clock.now()) + 100))
        await until(lambda: delivery.meta.requests)
        await delivery.settled_in_time(State.EXPIRED, 1, step=30.0)
        asked = len(delivery.meta.requests)
        delivery.forward(10_000)
        await asyncio.sleep(0.05)
        assert len(delivery.meta.requests) == asked


class Unreliable(MemoryOutbox):
    """A store that can be taken away."""

    def __init__(self):
        super().__init__()
        self.away = set()
        self.refused = 0

    def _check(self, what):
        if what in self.away:
            self.refused += 1
            raise StorageUnavailable("gone")

    async def claim(self, *given, **more):
        self._check("claim")
        return await super().claim(*given, **more)

    async def settle(self, *given):
        self._check("settle")
        return await super().settle(*given)

    async def lanes(self):
        self._check("lanes")
        return await super().lanes()

    async def extend(self, *given):
        self._check("extend")
        return await super().extend(*given)


async def test_what_meta_said_is_not_forgotten_while_the_storage_is_away(monkeypatch):
    monkeypatch.setattr(couriers, "_STORAGE_REST", 0.01)
    outbox = Unreliable()
    async with Delivery(outbox).at_work() as delivery:
        outbox.away = {"settle"}
        await delivery.accept(new_event())
        await until(lambda: outbox.refused >= 3)
        assert (await delivery.counts())[State.SENDING] == 1
        outbox.away = set()
        await delivery.settled(State.DELIVERED, 1)
        assert len(delivery.meta.requests) == 1


async def test_delivery_goes_on_when_the_storage_is_back_and_is_patient_until_then(monkeypatch):
    monkeypatch.setattr(couriers, "_STORAGE_REST", 0.05)
    outbox = Unreliable()
    async with Delivery(outbox).at_work() as delivery:
        outbox.away = {"claim", "lanes"}
        await delivery.accept(new_event())
        await until(lambda: outbox.refused >= 2)
        before = outbox.refused
        await asyncio.sleep(0.3)
        assert outbox.refused - before < 20
        outbox.away = set()
        await delivery.settled(State.DELIVERED, 1)


async def test_a_storage_that_is_broken_ends_delivery_instead_of_waiting_for_ever():
    outbox = Unreliable()
    delivery = Delivery(outbox)
    run = asyncio.create_task(delivery.dispatcher.run())
    outbox.away, outbox.broken = {"settle"}, "The disk."
    await delivery.accept(new_event())
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(run, 5)


async def test_an_unforeseen_fault_of_the_store_ends_delivery_loudly():
    class Faulty(MemoryOutbox):
        async def claim(self, *given, **more):
            raise LookupError("a fault of ours")

    delivery = Delivery(Faulty())
    run = asyncio.create_task(delivery.dispatcher.run())
    await delivery.accept(new_event())
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(run, 5)


async def test_stopping_finishes_what_is_under_way_and_starts_nothing():
    delivery = Delivery()
    run = asyncio.create_task(delivery.dispatcher.run())
    delivery.meta.gate.clear()
    await delivery.accept(new_event("under way"))
    await until(lambda: delivery.meta.requests)
    delivery.dispatcher.stop()
    await delivery.accept(new_event("too late"))
    await asyncio.sleep(0.3)
    assert not run.done()
    delivery.meta.gate.set()
    await asyncio.wait_for(run, 5)
    assert delivery.meta.events == ["under way"]
    states = await delivery.counts()
    assert (states[State.DELIVERED], states[State.WAITING], states[State.SENDING]) == (1, 1, 0)


async def test_stopping_before_anything_came_is_quick():
    delivery = Delivery()
    run = asyncio.create_task(delivery.dispatcher.run())
    await asyncio.sleep(0.01)
    delivery.dispatcher.stop()
    await asyncio.wait_for(run, 1)


async def test_an_event_that_comes_between_the_look_and_the_wait_is_not_overlooked():
    class Late(MemoryOutbox):
        """Accepts an event just after having said that none is due."""

        delivery = None

        async def lanes(self):
            found = await super().lanes()
            if self.delivery:
                delivery, self.delivery = self.delivery, None
                await delivery.accept(new_event("in between"))
            return found

    outbox = Late()
    async with Delivery(outbox).at_work() as delivery:
        await delivery.accept(new_event("first"))
        await until(lambda: LIVE in delivery.dispatcher.couriers)
        outbox.delivery = delivery
        await delivery.accept(new_event("second"))
        await delivery.settled(State.DELIVERED, 3)


async def test_an_event_that_comes_while_a_backlog_runs_dry_is_not_overlooked():
    delivery = Delivery()
    await delivery.outbox.append(new_events(2_000))
    async with delivery.at_work():
        await delivery.settled(State.DELIVERED, 2_000)
        for n in range(20):
            await delivery.accept(new_event(f"late{n}"))
            await delivery.settled(State.DELIVERED, 2_001 + n)


async def test_an_event_that_comes_during_a_request_leaves_as_soon_as_that_has_ended(monkeypatch):
    monkeypatch.setattr("konversi.delivery.pace._PATIENCE", 1.0)
    async with Delivery().at_work() as delivery:
        delivery.meta.gate.clear()
        await delivery.accept(new_event("first"))
        await until(lambda: delivery.meta.under_way)
        await delivery.accept(new_event("second"))
        await asyncio.sleep(0.02)  # the courier is gathering by now
        delivery.meta.gate.set()
        async with asyncio.timeout(0.5):
            await delivery.settled(State.DELIVERED, 2)


async def test_a_retry_is_not_slept_through_after_a_backlog():
    """The lane runs dry with something due soon: it is sent then, not at the next look half a minute later."""
    answers = iter([Kind.FAILED])
    delivery = Delivery()
    delivery.meta.answer = lambda ids: sent(next(answers, Kind.DELIVERED), events_received=len(ids))
    await delivery.outbox.append(new_events(2_000))
    async with delivery.at_work():
        await delivery.settled(State.DELIVERED, 2_000)  # the first thousand again, a second later


async def test_claims_that_find_nothing_after_the_last_answer_do_not_put_the_lane_to_sleep():
    class Slow(MemoryOutbox):
        """Claims after the first one take longer than Meta's answer."""

        def __init__(self):
            super().__init__()
            self.claims, self.gate = 0, asyncio.Event()

        async def claim(self, *given, **more):
            self.claims += 1
            if self.claims > 1:
                await self.gate.wait()
            return await super().claim(*given, **more)

    answers = iter([Kind.FAILED])
    outbox = Slow()
    delivery = Delivery(outbox)
    delivery.meta.answer = lambda ids: sent(next(answers, Kind.DELIVERED), events_received=len(ids))
    await outbox.append(new_events(1_000))
    async with delivery.at_work():
        await until(lambda: outbox.claims == 5)  # one came back, and four wait
        outbox.gate.set()
        await delivery.settled(State.DELIVERED, 1_000)


async def test_a_lane_without_credentials_waits_and_loses_nothing():
    async with Delivery(credentials=lambda dataset: None).at_work() as delivery:
        await delivery.accept(new_event())
        await asyncio.sleep(0.05)
        assert delivery.dispatcher.couriers == {}
        assert (await delivery.counts())[State.WAITING] == 1


async def test_a_lease_is_kept_while_meta_takes_its_time(monkeypatch):
    monkeypatch.setattr(couriers, "_LEASE", 0.03)
    extended = []

    class Watching(Unreliable):
        async def extend(self, attempt, lease_until):
            extended.append(attempt)
            await super().extend(attempt, lease_until)

    outbox = Watching()
    async with Delivery(outbox).at_work() as delivery:
        outbox.away = {"extend"}  # a storage that is away for a moment doesn't end the send
        delivery.meta.gate.clear()
        await delivery.accept(new_event())
        await until(lambda: outbox.refused >= 2)
        outbox.away = set()
        await until(lambda: len(extended) >= 5)
        delivery.meta.gate.set()
        await delivery.settled(State.DELIVERED, 1)
        number = len(extended)
        await asyncio.sleep(0.05)
        assert len(extended) == number


async def test_those_who_wait_are_told_after_it_is_written_down():
    async with Delivery().at_work() as delivery:
        (id_,) = [one.id for one in await delivery.outbox.append([new_event()])]
        with delivery.watch.of(id_) as future:
            delivery.dispatcher.wake(LIVE)
            settlement = await asyncio.wait_for(future, 5)
            assert settlement.verdict == "delivered"
            assert (await delivery.outbox.find(id_)).state is State.DELIVERED


async def test_a_renewed_dispatcher_delivers_what_the_failed_one_left():
    delivery = Delivery()
    delivery.meta.answer = lambda _: LookupError("a fault of ours")
    run = asyncio.create_task(delivery.dispatcher.run())
    await delivery.accept(new_event())
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(run, 5)
    delivery.meta.answer = lambda ids: sent(events_received=len(ids))
    delivery.dispatcher = delivery.dispatcher.renewed()
    async with delivery.at_work():
        await delivery.accept(new_event("next"))
        await delivery.settled(State.DELIVERED, 1)


async def test_the_log_says_what_was_sent_and_never_the_token(caplog):
    caplog.set_level("INFO", logger="konversi")
    async with Delivery().at_work() as delivery:
        await delivery.accept(*new_events(5))
        await delivery.settled(State.DELIVERED, 5)
    assert "[Meta Conversion API] Sending conversion event: Lead (5 events)" in caplog.text
    assert "[META CONVERSION] Successfully sent to Meta: Lead:0" in caplog.text
    assert "Successfully sent to Meta: 2 more" in caplog.text
    assert "EAAsecret" not in caplog.text


async def test_a_batch_whose_lease_ran_out_before_it_was_claimed_is_left_unsent_and_sent_anew(monkeypatch):
    class Slow(MemoryOutbox):
        claims = 0

        async def claim(self, *given, **more):
            batch = await super().claim(*given, **more)
            Slow.claims += 1
            if Slow.claims == 1:
                await asyncio.sleep(0.06)  # as if the process had been frozen
            return batch

    monkeypatch.setattr(couriers, "_LEASE", 0.05)
    async with Delivery(Slow()).at_work() as delivery:
        (id_,) = await delivery.accept(new_event())
        await delivery.settled(State.DELIVERED, 1)
        stored = await delivery.outbox.find(id_)
        verdicts = [attempt.verdict for attempt in await delivery.outbox.attempts(stored.attempts)]
    assert verdicts == ["not_sent", "delivered"]
    assert (stored.tries, stored.in_doubt) == (1, 0)
    assert len(delivery.meta.events) == 1
