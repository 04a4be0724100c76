"""Upkeep, and what people decide about single events."""

import asyncio

import pytest

from konversi.aftercare import upkeep as chores
from konversi.aftercare.change import Decisions
from konversi.aftercare.upkeep import Upkeep
from konversi.clock import monotonic, now
from konversi.errors import InvalidRequest, NotFound, StorageUnavailable, WrongState
from konversi.outbox.memory import MemoryOutbox
from konversi.outbox.states import State, Step
from outboxes import FAR, LATER, LIVE, TEST, claim_all, ended, new_event, new_events, store, until


class FakeClock:
    ahead = 0.0

    def now(self):
        return now() + self.ahead

    def jitter(self):
        return 0.5


def decisions(outbox, test_code=None):
    woken = []
    return Decisions(outbox, clock=FakeClock(), test_code=test_code, wake=woken.append), woken


async def dead(outbox, **given):
    (id_,) = await store(outbox, new_event(**given))
    await outbox.settle(await claim_all(outbox, given.get("lane", LIVE)), ended(Step.REFUSE, "refused"))
    return id_


async def test_a_dead_event_is_sent_again_and_its_lane_is_woken():
    outbox = MemoryOutbox()
    id_ = await dead(outbox)
    people, woken = decisions(outbox)
    assert await people.replay(id_) is State.WAITING
    assert woken == [LIVE]
    assert (await outbox.find(id_)).due_at <= now()


@pytest.mark.parametrize(
    ("lane", "code", "into"), [(TEST, None, LIVE), (LIVE, "TEST12345", TEST), (TEST, "TEST12345", TEST)]
)
async def test_a_replay_is_sent_as_this_environment_sends(lane, code, into):
    outbox = MemoryOutbox()
    id_ = await dead(outbox, lane=lane)
    people, woken = decisions(outbox, code)
    await people.replay(id_)
    assert (await outbox.find(id_)).lane == into
    assert woken == [into]


async def test_what_is_too_old_or_unknown_or_delivered_is_not_replayed():
    outbox = MemoryOutbox()
    people, woken = decisions(outbox)
    old = await dead(outbox, event_id="old", deadline=int(now()))
    (sent,) = await store(outbox, new_event("sent", deadline=FAR))
    await outbox.settle(await claim_all(outbox), ended())
    for id_, error in ((old, WrongState), (sent, WrongState), (999, NotFound)):
        with pytest.raises(error):
            await people.replay(id_)
    assert woken == []
    assert (await outbox.find(old)).state is State.DEAD


async def test_a_discard_keeps_its_reason():
    outbox = MemoryOutbox()
    id_ = await dead(outbox)
    people, _ = decisions(outbox)
    assert await people.discard(id_, "  Test booking.  ") is State.DISCARDED
    assert (await outbox.find(id_)).reason == "Discarded: Test booking."


@pytest.mark.parametrize("reason", ["", "   "])
async def test_a_discard_needs_a_reason(reason):
    outbox = MemoryOutbox()
    id_ = await dead(outbox)
    with pytest.raises(InvalidRequest, match="reason"):
        await decisions(outbox)[0].discard(id_, reason)
    assert (await outbox.find(id_)).state is State.DEAD


def an_upkeep(outbox, on_in_doubt="resend", clock=None):
    woken = []
    return Upkeep(
        outbox,
        clock=clock or FakeClock(),
        on_in_doubt=lambda _dataset: on_in_doubt,
        retention_days=30,
        wake=lambda: woken.append(1),
    ), woken


@pytest.mark.parametrize(("on_in_doubt", "state"), [("resend", State.WAITING), ("hold", State.HELD)])
async def test_a_start_settles_what_the_process_before_left(on_in_doubt, state):
    outbox = MemoryOutbox()
    ids = await store(outbox, *new_events(2))
    await claim_all(outbox, lease_until=LATER)
    upkeep, woken = an_upkeep(outbox, on_in_doubt)
    await upkeep.at_start(sole_owner=True, production=False)
    assert {(await outbox.find(id_)).state for id_ in ids} == {state}
    assert woken == [1]


async def test_each_dataset_says_what_becomes_of_what_was_abandoned():
    outbox = MemoryOutbox()
    ids = await store(outbox, new_event("resent"), new_event("held", lane="1000000003|live|chat"))
    await claim_all(outbox)
    await claim_all(outbox, "1000000003|live|chat")
    upkeep = Upkeep(
        outbox,
        clock=FakeClock(),
        on_in_doubt={"default": "resend", "1000000003": "hold"}.__getitem__,
        retention_days=30,
        wake=lambda: None,
    )
    await upkeep.at_start(sole_owner=True, production=False)
    assert [(await outbox.find(id_)).state for id_ in ids] == [State.WAITING, State.HELD]


async def test_one_of_several_owners_leaves_the_others_leases_alone():
    outbox = MemoryOutbox()
    (id_,) = await store(outbox, new_event())
    await claim_all(outbox, lease_until=LATER)
    upkeep, woken = an_upkeep(outbox)
    await upkeep.at_start(sole_owner=False, production=True)
    assert (await outbox.find(id_)).state is State.SENDING
    assert woken == []


@pytest.mark.parametrize(("production", "state"), [(True, State.HELD), (False, State.WAITING)])
async def test_test_events_are_held_where_production_starts(production, state):
    outbox = MemoryOutbox()
    (waiting, sending) = await store(outbox, new_event("1", lane=TEST), new_event("2", lane=TEST))
    await claim_all(outbox, TEST)
    upkeep, _ = an_upkeep(outbox)
    await upkeep.at_start(sole_owner=True, production=production)
    assert {(await outbox.find(id_)).state for id_ in (waiting, sending)} == {state}


@pytest.fixture
def _quick(monkeypatch):
    for name in ("_RESCUE_EVERY", "_EXPIRE_EVERY", "_PRUNE_EVERY"):
        monkeypatch.setattr(chores, name, 0.005)


async def _until_done(upkeep, condition):
    run = asyncio.create_task(upkeep.run())
    try:
        await until(condition)
    finally:
        run.cancel()
        await asyncio.wait([run])


@pytest.mark.usefixtures("_quick")
async def test_upkeep_rescues_expires_and_forgets():
    outbox = MemoryOutbox()
    done, late, lost = await store(outbox, new_event("done"), new_event("late", deadline=int(now())), new_event("lost"))
    for id_, lease, step in ((done, 1.0, Step.DELIVER), (lost, 1.0, None)):
        batch = await outbox.claim(
            LIVE, LATER, lease, lambda some, id_=id_: type("C", (), {"batch": [id_], "expired": ()})
        )
        if step:
            await outbox.settle(batch, ended(step, ended_at=now()))
    clock = FakeClock()
    clock.ahead = 31 * 86_400.0
    upkeep, woken = an_upkeep(outbox, clock=clock)

    async def all_done():
        found = await outbox.find(lost)
        return await outbox.find(done) is None and await outbox.find(late) is None and found.state is State.WAITING

    await _until_done(upkeep, all_done)
    assert woken


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("trouble", [StorageUnavailable("gone"), ValueError("a fault of ours")])
async def test_upkeep_goes_on_after_a_duty_failed(trouble):
    class Unreliable(MemoryOutbox):
        refused = 0

        async def expire(self, when):
            if self.refused < 3:
                self.refused += 1
                raise trouble
            return await super().expire(when)

    outbox = Unreliable()
    (late,) = await store(outbox, new_event(deadline=int(now()) - 5))
    upkeep, _ = an_upkeep(outbox)

    async def expired():
        return (await outbox.find(late)).state is State.EXPIRED

    await _until_done(upkeep, expired)
    assert outbox.refused == 3


async def test_what_else_is_old_is_forgotten_until_there_is_no_more(monkeypatch):
    monkeypatch.setattr(chores, "_FORGET_EVERY", 0.001)
    monkeypatch.setattr(chores, "_BREATH", 0.0)
    times, done = [], asyncio.Event()

    async def forget(now):
        times.append(now)
        if len(times) == 3:
            done.set()
        return len(times) < 3

    upkeep = Upkeep(
        MemoryOutbox(),
        clock=FakeClock(),
        on_in_doubt=lambda _: "resend",
        retention_days=30,
        wake=lambda: None,
        forget=forget,
    )
    running = asyncio.create_task(upkeep.run())
    await done.wait()
    running.cancel()
    assert len(times) >= 3
    assert all(abs(time - now()) < 60 for time in times)


async def test_everything_at_once_says_for_how_many_events_it_was():
    outbox, clock = MemoryOutbox(), FakeClock()
    await store(outbox, *new_events(2, deadline=now() + 50))
    await claim_all(outbox, lease_until=LATER)
    await store(outbox, new_event("Lead:late", deadline=now() + 50), new_event("Lead:soon"))
    clock.ahead = 100
    upkeep, _ = an_upkeep(outbox, clock=clock)
    assert await upkeep.once(monotonic() + 60) == {"rescued": 0, "expired": 1, "forgotten": 0, "reported": 0}
    clock.ahead = LATER
    assert await upkeep.once(monotonic() + 60) == {"rescued": 2, "expired": 2, "forgotten": 3, "reported": 0}


async def test_nothing_is_begun_when_the_time_is_over():
    outbox, clock = MemoryOutbox(), FakeClock()
    await store(outbox, new_event(deadline=now() - 1))
    upkeep, _ = an_upkeep(outbox, clock=clock)
    assert await upkeep.once(monotonic() - 1) == {"rescued": 0, "expired": 0, "forgotten": 0, "reported": 0}
    assert (await outbox.counts()).states[State.WAITING] == 1
