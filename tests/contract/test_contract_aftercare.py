"""What happens to events that need looking after: rescue, expiry, decisions of people, retention."""

import pytest

from konversi.clock import now
from konversi.errors import NotFound, WrongState
from konversi.outbox import store as sql_store
from konversi.outbox.port import Choice
from konversi.outbox.states import TRANSITIONS, State, Step
from outboxes import FAR, LATER, LIVE, OTHER, TEST, always, claim_all, ended, new_event, new_events, states_of, store


@pytest.mark.parametrize(("step", "state"), [(Step.RETRY, State.WAITING), (Step.HOLD, State.HELD)])
async def test_an_attempt_whose_lease_ran_out_is_in_doubt(harness, step, state):
    async with harness.open() as outbox:
        lost, kept = await store(outbox, new_event("lost", lane=LIVE), new_event("kept", lane=OTHER))
        abandoned = await claim_all(outbox, LIVE, lease_until=100.0)
        await claim_all(outbox, OTHER, lease_until=200.0)
        assert list(await outbox.rescue(150.0, always(step))) == [lost]
        assert await states_of(outbox, [lost, kept]) == [state, State.SENDING]
        stored = await outbox.find(lost)
        assert stored.in_doubt == 1
        assert stored.reason
        (attempt,) = await outbox.attempts([abandoned.attempt])
        assert (attempt.verdict, attempt.ended_at) == ("abandoned", 150.0)
        assert (await outbox.counts()).totals["in_doubt"] == 1
        if step is Step.RETRY:
            assert stored.due_at == 150.0


async def test_each_lane_says_what_becomes_of_its_abandoned_attempts(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, new_event("resent", lane=LIVE), new_event("held", lane=OTHER))
        await claim_all(outbox, LIVE)
        await claim_all(outbox, OTHER)
        step_of = {LIVE: Step.RETRY, OTHER: Step.HOLD}.__getitem__
        assert sorted(await outbox.rescue(1.0, step_of, all_leases=True)) == ids
        assert await states_of(outbox, ids) == [State.WAITING, State.HELD]


async def test_a_lease_that_was_extended_is_kept(harness):
    async with harness.open() as outbox:
        await store(outbox, new_event())
        batch = await claim_all(outbox, lease_until=100.0)
        await outbox.extend(batch.attempt, 200.0)
        assert list(await outbox.rescue(150.0, always(Step.RETRY))) == []
        assert list(await outbox.rescue(201.0, always(Step.RETRY))) == list(batch.ids)


async def test_a_new_owner_needs_not_wait_for_leases(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(3))
        await outbox.claim(LIVE, LATER, 9e9, lambda _: Choice(ids[:1]))
        await outbox.claim(LIVE, LATER, 9e9, lambda _: Choice(ids[1:]))
        assert sorted(await outbox.rescue(1.0, always(Step.RETRY), all_leases=True)) == ids
        assert list(await outbox.rescue(1.0, always(Step.RETRY), all_leases=True)) == []
        assert await states_of(outbox, ids) == [State.WAITING] * 3


async def test_what_was_being_sent_when_the_process_ended_is_found_in_doubt(durable):
    async with durable.open() as outbox:
        ids = await store(outbox, *new_events(2))
        await claim_all(outbox, lease_until=9e9)
    async with durable.open() as outbox:
        assert (await outbox.counts()).states[State.SENDING] == 2
        assert sorted(await outbox.rescue(1.0, always(Step.HOLD), all_leases=True)) == ids
        assert await states_of(outbox, ids) == [State.HELD] * 2


async def test_events_expire_at_their_deadline_however_far_their_next_try_is(harness):
    async with harness.open() as outbox:
        late, far = await store(outbox, new_event("late", deadline=1_000), new_event("far", deadline=FAR))
        await outbox.settle(await claim_all(outbox, now=LATER), ended(Step.RETRY, due_at=9e9))
        assert await outbox.expire(999.0) == 0
        assert await outbox.expire(1_000.0) == 1
        assert await outbox.expire(1_000.0) == 0
        assert await states_of(outbox, [late, far]) == [State.EXPIRED, State.WAITING]
        assert (await outbox.counts()).totals["expire"] == 1


async def test_everything_late_expires_in_one_call(harness):
    async with harness.open() as outbox:
        await store(outbox, *new_events(2_500, deadline=1_000))
        assert await outbox.expire(1_001.0) == 2_500
        assert (await outbox.counts()).states[State.EXPIRED] == 2_500


async def test_of_a_large_backlog_a_part_is_looked_at_each_time_and_all_of_it_in_the_end(durable, monkeypatch):
    monkeypatch.setattr(sql_store, "_LATE_AT_ONCE", 3)
    monkeypatch.setattr(sql_store, "_LOOKED_AT", 6)
    async with durable.open() as outbox:
        await store(outbox, *new_events(10))
        await store(outbox, *(new_event(f"late:{number}", deadline=1_000) for number in range(4)))
        assert [await outbox.expire(1_000.0) for _ in range(4)] == [0, 2, 2, 0]


async def test_what_is_being_sent_does_not_expire(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, new_event(deadline=1_000))
        await claim_all(outbox)
        assert await outbox.expire(2_000.0) == 0
        assert await states_of(outbox, ids) == [State.SENDING]


async def test_waiting_test_events_are_held_and_real_ones_are_not(harness):
    async with harness.open() as outbox:
        real = await store(outbox, new_event("real", lane=LIVE), new_event("web", lane=OTHER))
        tests = await store(outbox, *(new_event(f"test{n}", lane=TEST) for n in range(1_200)))
        assert await outbox.hold_tests() == 1_200
        assert await outbox.hold_tests() == 0
        assert await states_of(outbox, real) == [State.WAITING] * 2
        assert set(await states_of(outbox, tests)) == {State.HELD}
        assert (await outbox.find(tests[0])).reason


async def _in_state(outbox, state):
    """An event in that state."""
    withheld = "consent_denied: No." if state is State.WITHHELD else ""
    (id_,) = await store(outbox, new_event(deadline=1_000)._replace(withheld=withheld))
    if state is State.EXPIRED:
        await outbox.expire(1_000.0)
    elif state is State.DISCARDED:
        await outbox.change(id_, Step.DISCARD, now=1.0, reason="No.")
    elif state not in (State.WAITING, State.WITHHELD):
        batch = await claim_all(outbox)
        steps = {State.DELIVERED: Step.DELIVER, State.DEAD: Step.REFUSE, State.HELD: Step.HOLD}
        if state in steps:
            await outbox.settle(batch, ended(steps[state]))
    assert await states_of(outbox, [id_]) == [state]
    return id_


@pytest.mark.parametrize("step", [Step.REPLAY, Step.DISCARD])
@pytest.mark.parametrize("state", State)
async def test_people_can_change_what_the_table_says_and_nothing_else(harness, state, step):
    async with harness.open() as outbox:
        id_ = await _in_state(outbox, state)
        before = await outbox.find(id_)
        totals = (await outbox.counts()).totals
        target = TRANSITIONS.get((state, step))
        if target is None:
            with pytest.raises(WrongState):
                await outbox.change(id_, step, now=5.0, reason="Asked for.")
            assert await outbox.find(id_) == before
            assert (await outbox.counts()).totals == totals
        else:
            assert await outbox.change(id_, step, now=5.0, reason="Asked for.") is target
            after = await outbox.find(id_)
            assert (after.state, after.reason) == (target, "Asked for.")
            assert (await outbox.counts()).totals[step.value] == totals.get(step.value, 0) + 1


async def test_a_replayed_event_starts_afresh_in_the_lane_it_is_given(harness):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event(lane=TEST))
        await outbox.settle(await claim_all(outbox, TEST), ended(Step.REFUSE, "refused"))
        await outbox.change(id_, Step.REPLAY, now=42.0, reason="Replayed.", lane=LIVE)
        stored = await outbox.find(id_)
        assert (stored.lane, stored.tries, stored.due_at, len(stored.attempts)) == (LIVE, 0, 42.0, 1)
        assert list((await claim_all(outbox, LIVE)).ids) == [id_]
        assert await claim_all(outbox, TEST) is None


async def test_a_replay_without_a_lane_keeps_it(harness):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event(lane=OTHER))
        await outbox.settle(await claim_all(outbox, OTHER), ended(Step.HOLD))
        await outbox.change(id_, Step.REPLAY, now=1.0, reason="")
        assert (await outbox.find(id_)).lane == OTHER


async def test_an_unknown_event_can_not_be_changed(harness):
    async with harness.open() as outbox:
        with pytest.raises(NotFound):
            await outbox.change(5, Step.DISCARD, now=1.0, reason="")


@pytest.mark.parametrize("state", State)
async def test_only_what_is_finished_is_forgotten(harness, state):
    kept = {State.WAITING, State.SENDING, State.HELD}
    async with harness.open() as outbox:
        id_ = await _in_state(outbox, state)
        assert await outbox.prune(now() + 10, 100) == (0 if state in kept else 1)
        assert (await outbox.find(id_) is None) == (state not in kept)


async def test_young_events_are_kept(harness):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event())
        await outbox.settle(await claim_all(outbox), ended())
        assert await outbox.prune((await outbox.find(id_)).accepted_at, 100) == 0
        assert await outbox.find(id_) is not None


async def test_the_oldest_are_forgotten_first_and_no_more_than_asked(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(1_300))
        for _ in range(2):
            await outbox.settle(await claim_all(outbox), ended())
        (held,) = await store(outbox, new_event("held"))
        assert await outbox.prune(now() + 10, 700) == 700
        assert [(await outbox.find(id_)) is None for id_ in (ids[0], ids[699], ids[700], held)] == [
            True,
            True,
            False,
            False,
        ]
        assert await outbox.prune(now() + 10, 700) == 600
        assert await outbox.prune(now() + 10, 700) == 0


async def test_what_was_not_delivered_may_be_kept_longer_or_shorter(harness):
    async with harness.open() as outbox:
        (delivered,) = await store(outbox, new_event("delivered"))
        await outbox.settle(await claim_all(outbox), ended())
        (dead,) = await store(outbox, new_event("dead"))
        await outbox.settle(await claim_all(outbox), ended(Step.REFUSE, "refused"))
        (withheld,) = await store(outbox, new_event("withheld")._replace(withheld="consent_denied: No."))
        assert await outbox.prune(now() + 10, 1, 0.0) == 1
        assert await outbox.find(delivered) is None
        assert await outbox.prune(now() + 10, 10, 0.0) == 0
        assert len(await outbox.attempts((await outbox.find(dead)).attempts)) == 1
        assert await outbox.prune(0.0, 10, now() + 10) == 2
        assert [await outbox.find(id_) for id_ in (dead, withheld)] == [None, None]


async def test_old_attempts_are_forgotten_and_open_ones_are_not(harness):
    async with harness.open() as outbox:
        await store(outbox, *new_events(2))
        done = await outbox.claim(LIVE, LATER, LATER, lambda some: Choice([some[0].id]))
        await outbox.settle(done, ended(ended_at=50.0))
        still = await claim_all(outbox)
        await outbox.prune(50.0, 10)
        assert len(await outbox.attempts([done.attempt, still.attempt])) == 2
        await outbox.prune(51.0, 10)
        assert [one.id for one in await outbox.attempts([done.attempt, still.attempt])] == [still.attempt]


async def test_a_forgotten_event_may_be_sent_again_and_gets_a_new_id(harness):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event())
        await outbox.settle(await claim_all(outbox), ended())
        await outbox.prune(now() + 10, 10)
        (verdict,) = await outbox.append([new_event()])
        assert verdict.id > id_
        assert not verdict.repeat


async def test_ids_never_come_twice_even_after_the_newest_were_forgotten(durable):
    seen = []
    for generation in range(3):
        async with durable.open() as outbox:
            seen += await store(outbox, *(new_event(f"{generation}-{n}") for n in range(5)))
            batch = await claim_all(outbox)
            seen.append(-batch.attempt)
            await outbox.settle(batch, ended(ended_at=1.0))
            assert await outbox.prune(now() + 10, 100) == 5
    assert len(set(seen)) == 18
