"""Claiming: a lease on a batch, with the intent to send it written down."""

import pytest

from konversi.outbox.port import Candidate, Choice
from konversi.outbox.states import State, Step
from outboxes import FAR, LATER, LIVE, OTHER, all_of, claim_all, ended, new_event, new_events, states_of, store


async def test_an_empty_lane_gives_nothing(harness):
    async with harness.open() as outbox:
        assert await claim_all(outbox) is None


async def test_a_batch_holds_the_bodies_joined_by_commas(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(3))
        batch = await claim_all(outbox)
        assert list(batch.ids) == ids
        assert batch.data == b'{"event_id":"Lead:0"},{"event_id":"Lead:1"},{"event_id":"Lead:2"}'
        assert (batch.lane, batch.tries, batch.batch_limit) == (LIVE, 1, 1_000)
        assert list(batch.names) == [("Lead", "Lead:0"), ("Lead", "Lead:1"), ("Lead", "Lead:2")]


async def test_the_intent_to_send_is_visible_before_anything_is_sent(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(2))
        batch = await claim_all(outbox, now=LATER)
        assert await states_of(outbox, ids) == [State.SENDING, State.SENDING]
        counts = await outbox.counts()
        assert (counts.states[State.SENDING], counts.states[State.WAITING]) == (2, 0)
        (attempt,) = await outbox.attempts([batch.attempt])
        assert (attempt.lane, attempt.started_at, attempt.ended_at, attempt.events) == (LIVE, LATER, None, 2)
        assert (attempt.verdict, attempt.reason) == (None, "")
        assert tuple((await outbox.find(ids[0])).attempts) == (batch.attempt,)


async def test_what_is_being_sent_is_not_claimed_twice(harness):
    async with harness.open() as outbox:
        await store(outbox, *new_events(4))
        first = await outbox.claim(LIVE, LATER, LATER, lambda some: Choice([some[0].id, some[2].id]))
        second = await claim_all(outbox)
        assert await claim_all(outbox) is None
        assert not set(first.ids) & set(second.ids)
        assert len(first.ids) + len(second.ids) == 4


async def test_lanes_are_claimed_apart(harness):
    async with harness.open() as outbox:
        here, there = await store(outbox, new_event("1", lane=LIVE), new_event("2", lane=OTHER))
        assert list((await claim_all(outbox, LIVE)).ids) == [here]
        assert await states_of(outbox, [there]) == [State.WAITING]
        assert list((await claim_all(outbox, OTHER)).ids) == [there]


async def test_an_event_is_claimed_from_the_second_it_is_due(harness):
    async with harness.open() as outbox:
        await store(outbox, new_event())
        await outbox.settle(await claim_all(outbox), ended(Step.RETRY, due_at=5e9))
        assert await claim_all(outbox, now=5e9 - 1) is None
        assert await claim_all(outbox, now=5e9) is not None


async def test_the_planner_sees_what_has_been_due_longest_first(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(3))
        for id_, due in zip(ids, (30.0, 10.0, 20.0), strict=True):
            batch = await outbox.claim(LIVE, LATER, LATER, lambda _, id_=id_: Choice([id_]))
            await outbox.settle(batch, ended(Step.RETRY, due_at=due))
        shown = []

        def choose(candidates):
            shown.extend(candidate.id for candidate in candidates)
            return Choice(())

        assert await outbox.claim(LIVE, LATER, LATER, choose) is None
        assert shown == [ids[1], ids[2], ids[0]]


async def test_the_planner_is_told_all_it_needs(harness):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event(deadline=9_999, body="é".encode() * 10))
        shown = []
        await outbox.claim(LIVE, LATER, LATER, lambda some: shown.extend(some) or Choice(()))
        assert shown == [Candidate(id_, 1_000, 20, 0, 9_999)]


async def test_at_most_a_thousand_candidates_are_shown(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(1_005))
        shown = []
        await outbox.claim(LIVE, LATER, LATER, lambda some: shown.extend(one.id for one in some) or Choice(()))
        assert shown == ids[:1_000]
        assert len((await claim_all(outbox)).ids) == 1_000
        assert list((await claim_all(outbox)).ids) == ids[1_000:]


async def test_a_planner_that_takes_nothing_leaves_everything(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(2))
        assert await outbox.claim(LIVE, LATER, LATER, lambda _: Choice(())) is None
        assert await states_of(outbox, ids) == [State.WAITING] * 2
        assert (await outbox.counts()).states[State.SENDING] == 0


@pytest.mark.parametrize("takes_some", [True, False])
async def test_what_the_planner_finds_expired_ends_there(harness, takes_some):
    async with harness.open() as outbox:
        late, fresh = await store(outbox, new_event("1", deadline=1), new_event("2", deadline=FAR))
        batch = await outbox.claim(LIVE, LATER, LATER, lambda _: Choice([fresh] if takes_some else [], [late]))
        assert (batch is not None) == takes_some
        assert await states_of(outbox, [late]) == [State.EXPIRED]
        assert "older" in (await outbox.find(late)).reason
        assert (await outbox.counts()).totals["expire"] == 1


async def test_each_claim_counts_as_a_try_and_the_batch_says_the_most(harness):
    async with harness.open() as outbox:
        (old,) = await store(outbox, new_event("old"))
        await outbox.settle(await claim_all(outbox), ended(Step.RETRY))
        (new,) = await store(outbox, new_event("new"))
        batch = await claim_all(outbox)
        assert batch.tries == 2
        assert [(await outbox.find(id_)).tries for id_ in (old, new)] == [2, 1]


async def test_a_planner_that_fails_claims_nothing(harness):
    def fail(candidates):
        raise LookupError(len(candidates))

    async with harness.open() as outbox:
        ids = await store(outbox, new_event())
        with pytest.raises(LookupError):
            await outbox.claim(LIVE, LATER, LATER, fail)
        assert await states_of(outbox, ids) == [State.WAITING]
        assert list((await outbox.claim(LIVE, LATER, LATER, all_of)).ids) == ids


async def test_a_batch_that_is_not_one_run_of_ids_takes_no_others_with_it(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(5))
        odd = ids[::2]
        batch = await outbox.claim(LIVE, LATER, FAR, lambda _: Choice(odd))
        assert list(batch.ids) == odd
        assert batch.data == b'{"event_id":"Lead:0"},{"event_id":"Lead:2"},{"event_id":"Lead:4"}'
        await outbox.settle(batch, ended(Step.DELIVER))
        assert await states_of(outbox, ids) == [
            State.DELIVERED,
            State.WAITING,
            State.DELIVERED,
            State.WAITING,
            State.DELIVERED,
        ]
