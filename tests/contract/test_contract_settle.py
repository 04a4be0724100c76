"""Settling: how attempts end, and what becomes of their events."""

import pytest

from konversi.outbox.port import Choice
from konversi.outbox.states import TRANSITIONS, State, Step
from outboxes import LATER, LIVE, always, claim_all, ended, new_event, new_events, states_of, store

STEPS = [step for state, step in TRANSITIONS if state is State.SENDING]


@pytest.mark.parametrize("step", STEPS)
async def test_every_event_of_the_batch_takes_the_step(harness, step):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(3))
        await outbox.settle(await claim_all(outbox), ended(step, "word", batch_limit=2))
        assert await states_of(outbox, ids) == [TRANSITIONS[State.SENDING, step]] * 3
        counts = await outbox.counts()
        assert counts.totals[step.value] == 3
        assert counts.states[State.SENDING] == 0


@pytest.mark.parametrize("step", STEPS)
async def test_the_attempt_remembers_how_it_ended(harness, step):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(2))
        batch = await claim_all(outbox)
        told = {
            "reason": "Why.",
            "http_status": 400,
            "code": 100,
            "subcode": 2_804_050,
            "fbtrace_id": "Abc",
            "events_received": 2,
            "answer": "{}",
        }
        await outbox.settle(batch, ended(step, "word", ended_at=7.5, batch_limit=1, in_doubt=step is Step.HOLD, **told))
        (attempt,) = await outbox.attempts([batch.attempt])
        assert (attempt.ended_at, attempt.verdict, attempt.events) == (7.5, "word", 2)
        assert {name: getattr(attempt, name) for name in told} == told
        if step is not Step.DELIVER:
            assert (await outbox.find(ids[0])).reason == "Why."


@pytest.mark.parametrize("step", [Step.RETRY, Step.SPLIT])
async def test_events_that_try_again_are_due_when_it_was_said(harness, step):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event())
        await outbox.settle(await claim_all(outbox), ended(step, due_at=5e9, batch_limit=1))
        assert (await outbox.find(id_)).due_at == 5e9
        assert list(await outbox.lanes()) == [(LIVE, 5e9)]


async def test_a_split_limits_the_next_batches_of_its_events_and_of_no_others(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(4))
        batch = await outbox.claim(LIVE, LATER, LATER, lambda _: Choice(ids[:2]))
        await outbox.settle(batch, ended(Step.SPLIT, due_at=1.0, batch_limit=1))
        limits = {}
        await outbox.claim(
            LIVE, LATER, LATER, lambda some: limits.update({c.id: c.batch_limit for c in some}) or Choice(())
        )
        assert limits == {ids[0]: 1, ids[1]: 1, ids[2]: 1_000, ids[3]: 1_000}
        assert (await outbox.claim(LIVE, LATER, LATER, lambda _: Choice(ids[:1]))).batch_limit == 1


async def test_sends_that_end_in_doubt_are_counted_for_each_event(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(2))
        for _ in range(2):
            await outbox.settle(await claim_all(outbox), ended(Step.RETRY, "in_doubt", in_doubt=True))
        await outbox.settle(await claim_all(outbox), ended())
        assert [(await outbox.find(id_)).in_doubt for id_ in ids] == [2, 2]
        assert (await outbox.counts()).totals["in_doubt"] == 4


async def test_a_send_that_is_not_the_events_fault_gives_the_try_back(harness):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event())
        await outbox.settle(await claim_all(outbox), ended(Step.RETRY, counts_as_try=True))
        await outbox.settle(await claim_all(outbox), ended(Step.RETRY, counts_as_try=False))
        stored = await outbox.find(id_)
        assert (stored.tries, len(stored.attempts)) == (1, 2)


async def test_an_attempt_is_settled_once(harness):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event())
        batch = await claim_all(outbox)
        await outbox.settle(batch, ended())
        await outbox.settle(batch, ended(Step.REFUSE, "refused"))
        assert await states_of(outbox, [id_]) == [State.DELIVERED]
        assert (await outbox.attempts([batch.attempt]))[0].verdict == "delivered"
        assert (await outbox.counts()).totals.get("refuse", 0) == 0


@pytest.mark.parametrize("late", [Step.DELIVER, Step.REFUSE, Step.RETRY])
async def test_an_attempt_that_was_rescued_meanwhile_is_left_alone(harness, late):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event())
        lost = await claim_all(outbox, lease_until=10.0)
        assert list(await outbox.rescue(11.0, always(Step.RETRY))) == [id_]
        again = await claim_all(outbox)
        await outbox.settle(lost, ended(late, "late"))
        assert await states_of(outbox, [id_]) == [State.SENDING]
        await outbox.settle(again, ended())
        assert await states_of(outbox, [id_]) == [State.DELIVERED]
        assert [one.verdict for one in await outbox.attempts([lost.attempt, again.attempt])] == [
            "abandoned",
            "delivered",
        ]


async def test_settling_an_attempt_that_is_forgotten_already_changes_nothing(harness):
    async with harness.open() as outbox:
        (id_,) = await store(outbox, new_event())
        lost = await claim_all(outbox, lease_until=10.0)
        await outbox.rescue(11.0, always(Step.RETRY))
        await outbox.prune(LATER, 10)
        await outbox.settle(lost, ended())
        await outbox.extend(lost.attempt, LATER)
        assert await states_of(outbox, [id_]) == [State.WAITING]


async def test_a_large_batch_of_scattered_ids_is_settled_whole(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, *new_events(1_000))
        odd = ids[::2]
        batch = await outbox.claim(LIVE, LATER, LATER, lambda _: Choice(odd))
        await outbox.settle(batch, ended(Step.RETRY, due_at=9e9, reason="Slow."))
        counts = await outbox.counts()
        assert (counts.states[State.WAITING], counts.totals["retry"]) == (1_000, 500)
        assert len((await claim_all(outbox)).ids) == 500
