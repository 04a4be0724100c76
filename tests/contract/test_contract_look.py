"""Looking: lanes, searches, attempts and counts."""

import asyncio

from konversi.clock import now
from konversi.outbox import store as sql_store
from konversi.outbox.port import Search
from konversi.outbox.states import State, Step
from outboxes import LATER, LIVE, OTHER, TEST, claim_all, ended, new_event, new_events, store


async def test_only_lanes_with_waiting_events_are_listed_with_their_first_due_time(harness):
    async with harness.open() as outbox:
        assert list(await outbox.lanes()) == []
        before = now()
        await store(
            outbox,
            new_event("1", lane=LIVE),
            new_event("2", lane=OTHER),
            new_event("3", lane=TEST),
            new_event("4", lane=LIVE),
        )
        found = dict(await outbox.lanes())
        assert sorted(found) == sorted([LIVE, OTHER, TEST])
        assert all(before <= due <= now() for due in found.values())
        await outbox.settle(await claim_all(outbox, TEST), ended())
        await outbox.settle(await claim_all(outbox, OTHER), ended(Step.RETRY, due_at=77.0))
        assert dict(await outbox.lanes()) == {LIVE: found[LIVE], OTHER: 77.0}


async def test_an_unknown_event_is_not_found(harness):
    async with harness.open() as outbox:
        assert await outbox.find(999) is None


async def test_search_gives_the_newest_first_page_by_page(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(25))
        seen = []
        before = None
        while page := await outbox.search(Search(before=before, limit=10)):
            assert len(page) <= 10
            seen += [one.id for one in page]
            before = page[-1].id
        assert seen == ids[::-1]


async def test_search_filters_compose(harness):
    async with harness.open() as outbox:
        a, b, c, d = await store(
            outbox,
            new_event("a", booking_id="BK-1"),
            new_event("b", booking_id="BK-1", name="Purchase"),
            new_event("c"),
            new_event("a")._replace(dataset="other"),
        )
        await outbox.change(b, Step.DISCARD, now=1.0, reason="No.")

        async def ids(**wanted):
            return [one.id for one in await outbox.search(Search(**wanted))]

        assert await ids(booking_id="BK-1") == [b, a]
        assert await ids(booking_id="BK-1", state=State.WAITING) == [a]
        assert await ids(state=State.DISCARDED) == [b]
        assert await ids(event_id="a") == [d, a]
        assert await ids(event_id="a", dataset="other") == [d]
        assert await ids(state=State.WAITING, before=d) == [c, a]
        assert await ids(state=State.DEAD) == []


async def test_every_state_can_be_searched_for(harness):
    async with harness.open() as outbox:
        made = {}
        for state, step in {
            State.DELIVERED: Step.DELIVER, State.DEAD: Step.REFUSE, State.HELD: Step.HOLD,
        }.items():  # fmt: skip
            (made[state],) = await store(outbox, new_event(state))
            await outbox.settle(await claim_all(outbox), ended(step))
        (made[State.EXPIRED],) = await store(outbox, new_event("late", deadline=1))
        await outbox.expire(2.0)
        (made[State.SENDING],) = await store(outbox, new_event("sending"))
        await claim_all(outbox)
        (made[State.DISCARDED], made[State.WAITING]) = await store(outbox, new_event("no"), new_event("yes"))
        await outbox.change(made[State.DISCARDED], Step.DISCARD, now=1.0, reason="No.")
        (made[State.WITHHELD],) = await store(outbox, new_event("withheld")._replace(withheld="Said no."))
        assert set(made) == set(State)
        for state, id_ in made.items():
            assert [one.id for one in await outbox.search(Search(state=state))] == [id_]
        assert (await outbox.counts()).states == dict.fromkeys(State, 1)


async def test_attempts_come_oldest_first_however_many_are_asked_for(harness):
    async with harness.open() as outbox:
        await store(outbox, new_event())
        made = []
        for _ in range(505):
            batch = await claim_all(outbox)
            made.append(batch.attempt)
            await outbox.settle(batch, ended(Step.RETRY))
        assert made == sorted(set(made))
        assert [one.id for one in await outbox.attempts([*made[::-1], 10**6])] == made
        assert list(await outbox.attempts([])) == []


async def test_counts_of_an_empty_store(harness):
    async with harness.open() as outbox:
        counts = await outbox.counts()
        assert counts.states == dict.fromkeys(State, 0)
        assert (counts.totals, counts.oldest_waiting, counts.by_lane) == ({}, None, {})


async def test_an_event_on_its_way_from_state_to_state_is_always_counted_in_one(harness):
    async with harness.open() as outbox:
        await store(outbox, *new_events(20))

        async def go_to_and_fro():
            for _ in range(60):
                await outbox.settle(await claim_all(outbox), ended(Step.RETRY, due_at=1.0))

        going, seen = asyncio.create_task(go_to_and_fro()), set()
        while not going.done():
            states = (await outbox.counts()).states
            seen.add((states[State.WAITING], states[State.SENDING]))
            await asyncio.sleep(0)
        await going
        assert seen <= {(20, 0), (0, 20)}


async def test_an_event_on_its_way_to_and_fro_is_always_unfinished(harness):
    async with harness.open() as outbox:
        assert await outbox.unfinished() == ([], 0)
        await store(outbox, *new_events(20), new_event("Lead:other", lane=OTHER))

        async def go_to_and_fro():
            for _ in range(60):
                await outbox.settle(await claim_all(outbox), ended(Step.SPLIT, due_at=1.0))

        going, seen = asyncio.create_task(go_to_and_fro()), set()
        while not going.done():
            lanes, sending = await outbox.unfinished()
            seen.add((tuple(lane for lane, _ in lanes if lane == LIVE), sending))
            assert OTHER in dict(lanes)
            await asyncio.sleep(0)
        await going
        assert seen <= {((LIVE,), 0), ((), 20)}
        assert dict((await outbox.unfinished())[0]) == dict(await outbox.lanes())


async def test_what_waits_is_counted_by_lane(harness):
    async with harness.open() as outbox:
        await store(outbox, new_event("Lead:1"), new_event("Lead:2"), new_event("Lead:3", lane=OTHER))
        assert (await outbox.counts()).by_lane == {LIVE: 2, OTHER: 1}


async def test_a_large_backlog_is_counted_anew_only_after_a_while(durable, monkeypatch):
    monkeypatch.setattr(sql_store, "_MANY", 2)
    async with durable.open() as outbox:
        await store(outbox, new_event("Lead:1"), new_event("Lead:2"))
        assert (await outbox.counts()).by_lane == {LIVE: 2}
        await store(outbox, new_event("Lead:3"))
        monkeypatch.setattr(sql_store, "_COUNTED_A_SECOND", 0.001)
        assert (await outbox.counts()).states[State.WAITING] == 3
        await store(outbox, new_event("Lead:4"))
        assert (await outbox.counts()).states[State.WAITING] == 3


async def test_the_oldest_waiting_event_is_the_one_accepted_first(harness):
    async with harness.open() as outbox:
        first, second = [(await store(outbox, new_event(name)))[0] for name in ("1", "2")]
        assert (await outbox.counts()).oldest_waiting == (await outbox.find(first)).accepted_at
        await outbox.change(first, Step.DISCARD, now=LATER, reason="No.")
        assert (await outbox.counts()).oldest_waiting == (await outbox.find(second)).accepted_at


async def test_the_dataset_of_an_event_is_found_by_its_name_and_id(harness):
    async with harness.open() as outbox:
        await store(outbox, new_event("Lead:1")._replace(dataset="111111"), new_event("Lead:2"))
        await store(outbox, new_event("Lead:1")._replace(dataset="222222"))
        asked = [("Lead", "Lead:1"), ("Lead", "Lead:2"), ("Purchase", "Lead:2"), ("Lead", "Lead:3")]
        assert await outbox.homes(asked) == {("Lead", "Lead:1"): "111111", ("Lead", "Lead:2"): "default"}
        assert await outbox.homes([]) == {}
