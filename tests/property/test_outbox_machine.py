"""Every store against a plain model of it: whatever happens in whatever order, no receipt is lost or sent twice at once."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from konversi.database.sqlite import path_of
from konversi.errors import WrongState
from konversi.outbox.port import Choice, Search
from konversi.outbox.staging import file_beside
from konversi.outbox.states import TRANSITIONS, State, Step
from outboxes import LIVE, OTHER, MemoryHarness, PostgresHarness, SqliteHarness, ended, left_by_a_kill, new_event

START = 4_000_000_000.0  # after anything the wall clock stamps on a new event
LEASE = 60.0
LANES = st.sampled_from([LIVE, OTHER])
SETTLE_STEPS = [step for state, step in TRANSITIONS if state is State.SENDING]


class OutboxMachine(RuleBasedStateMachine):
    harness: type

    batches = Bundle("batches")

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.way = self.harness(Path(self.folder.name))
        self.now = START
        self.looks = True  # after each step
        self.model = {}  # id -> {state, lane, deadline, due, tries, in_doubt, limit, key}
        self.open_attempts = {}  # attempt -> (ids, lease)
        self.ids = {}  # event_id -> id
        self.totals = dict.fromkeys(["accept", "in_doubt", *(step.value for step in Step)], 0)

    def do(self, coroutine):
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, 10))

    @initialize()
    def open(self):
        self.stack = AsyncExitStack()
        self.outbox = self.do(self.stack.enter_async_context(self.way.open()))

    def teardown(self):
        if hasattr(self, "stack"):
            self.do(self.stack.aclose())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.way.close()
        self.folder.cleanup()

    @rule(
        numbers=st.lists(st.integers(0, 30), min_size=1, max_size=6),
        lane=LANES,
        life=st.sampled_from([50, 500, 10**8]),
        conflicting=st.booleans(),
        withheld=st.sampled_from(["", "", "consent_denied: No."]),
    )
    def append(self, numbers, lane, life, conflicting, withheld):
        digest = b"y" * 16 if conflicting else b"d" * 16
        deadline = int(self.now) + life
        verdicts = self.do(
            self.outbox.append(
                [
                    new_event(f"e{n}", lane=lane, deadline=deadline, digest=digest)._replace(withheld=withheld)
                    for n in numbers
                ]
            )
        )
        for number, verdict in zip(numbers, verdicts, strict=True):
            known = self.ids.get(number)
            if known is None:
                assert not verdict.repeat
                assert not verdict.conflict
                assert verdict.id not in self.model
                self.ids[number] = verdict.id
                self.model[verdict.id] = {
                    "state": State.WAITING, "lane": lane, "deadline": deadline, "due": 0.0, "tries": 0, "in_doubt": 0,
                    "limit": 1_000, "digest": digest,
                }  # fmt: skip
                self.totals["accept"] += 1
                if withheld:
                    self._move([verdict.id], Step.WITHHOLD)
            else:
                assert verdict.id == known
                assert verdict.repeat
                assert verdict.conflict == (self.model[known]["digest"] != digest)

    @rule(target=batches, lane=LANES, most=st.integers(0, 5))
    def claim(self, lane, most):
        shown = []

        def choose(candidates):
            shown.extend(candidates)
            fresh = [one.id for one in candidates if one.deadline > self.now]
            return Choice(fresh[:most], [one.id for one in candidates if one.deadline <= self.now])

        batch = self.do(self.outbox.claim(lane, self.now, self.now + LEASE, choose))
        due = {
            id_: one for id_, one in self.model.items()
            if one["state"] is State.WAITING and one["lane"] == lane and one["due"] <= self.now
        }  # fmt: skip
        assert {one.id for one in shown} == set(due)
        for one in shown:
            assert (one.batch_limit, one.tries, one.deadline) == tuple(
                due[one.id][key] for key in ("limit", "tries", "deadline")
            )
        late = [id_ for id_, one in due.items() if one["deadline"] <= self.now]
        self._move(late, Step.EXPIRE)
        if batch is None:
            assert most == 0 or set(due) == set(late)
            return multiple()
        assert len(batch.ids) == min(most, len(due) - len(late))
        assert batch.data.count(b"event_id") == len(batch.ids)
        for id_ in batch.ids:
            self.model[id_]["tries"] += 1
        assert batch.tries == max(self.model[id_]["tries"] for id_ in batch.ids)
        self._move(batch.ids, Step.CLAIM, counted=False)
        self.open_attempts[batch.attempt] = (list(batch.ids), self.now + LEASE)
        return batch

    def _move(self, ids, step, *, counted=True):
        for id_ in ids:
            one = self.model[id_]
            one["state"] = TRANSITIONS[one["state"], step]
        if counted:
            self.totals[step.value] += len(ids)

    def _end(self, attempt, step, *, due=None, limit=None, in_doubt=False, counts=True):
        ids, _ = self.open_attempts.pop(attempt)
        self._move(ids, step)
        self.totals["in_doubt"] += len(ids) if in_doubt else 0
        for id_ in ids:
            one = self.model[id_]
            one["in_doubt"] += in_doubt
            one["tries"] -= not counts
            if due is not None:
                one["due"] = due
            if limit is not None:
                one["limit"] = limit

    @rule(
        batch=consumes(batches),
        step=st.sampled_from(SETTLE_STEPS),
        wait=st.sampled_from([0, 5, 100]),
        in_doubt=st.booleans(),
        counts=st.booleans(),
    )
    def settle(self, batch, step, wait, in_doubt, counts):
        if step is Step.DELIVER:
            in_doubt, counts = False, True
        due, limit = self.now + wait, max(1, len(batch.ids) // 2)
        self.do(
            self.outbox.settle(
                batch,
                ended(
                    step,
                    "word",
                    ended_at=self.now,
                    due_at=due,
                    batch_limit=limit,
                    in_doubt=in_doubt,
                    counts_as_try=counts,
                ),
            )
        )
        if batch.attempt not in self.open_attempts:
            return  # rescued meanwhile: left alone
        again = step in (Step.RETRY, Step.SPLIT)
        self._end(
            batch.attempt, step, due=due if again else None, limit=limit if step is Step.SPLIT else None,
            in_doubt=in_doubt, counts=counts,
        )  # fmt: skip

    @rule(seconds=st.sampled_from([1, 30, 61, 600]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(batch=batches)
    def extend(self, batch):
        self.do(self.outbox.extend(batch.attempt, self.now + LEASE))
        if batch.attempt in self.open_attempts:
            self.open_attempts[batch.attempt] = (self.open_attempts[batch.attempt][0], self.now + LEASE)

    @rule(step=st.sampled_from([Step.RETRY, Step.HOLD]))
    def rescue(self, step):
        self._rescue(step, everything=False)

    def _rescue(self, step, *, everything):
        rescued = self.do(self.outbox.rescue(self.now, lambda _: step, all_leases=everything))
        lost = [attempt for attempt, (_, lease) in self.open_attempts.items() if everything or lease < self.now]
        assert sorted(rescued) == sorted(id_ for attempt in lost for id_ in self.open_attempts[attempt][0])
        for attempt in lost:
            self._end(attempt, step, due=self.now if step is Step.RETRY else None, in_doubt=True)

    @rule()
    def expire(self):
        late = [
            id_ for id_, one in self.model.items() if one["state"] is State.WAITING and one["deadline"] <= self.now
        ]  # fmt: skip
        assert self.do(self.outbox.expire(self.now)) == len(late)
        self._move(late, Step.EXPIRE)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), step=st.sampled_from([Step.REPLAY, Step.DISCARD]), lane=st.none() | LANES)
    def change(self, data, step, lane):
        id_ = data.draw(st.sampled_from(sorted(self.model)))
        one = self.model[id_]
        try:
            state = self.do(self.outbox.change(id_, step, now=self.now, reason="Asked for.", lane=lane))
        except WrongState:
            assert (one["state"], step) not in TRANSITIONS
            return
        self._move([id_], step)
        assert state is one["state"]
        if step is Step.REPLAY:
            one |= {"due": self.now, "tries": 0, "lane": lane or one["lane"]}

    @precondition(lambda self: self.harness.durable)
    @rule(step=st.sampled_from([Step.RETRY, Step.HOLD]))
    def start_again(self, step):
        self.do(self.stack.aclose())
        self.open()
        self._rescue(step, everything=True)

    @invariant()
    def every_receipt_is_somewhere(self):
        if not hasattr(self, "outbox") or not self.looks:
            return
        counts = self.do(self.outbox.counts())
        expected = dict.fromkeys(State, 0)
        for one in self.model.values():
            expected[one["state"]] += 1
        assert counts.states == expected
        assert sum(counts.states.values()) == counts.totals.get("accept", 0) == len(self.model)
        assert counts.totals == {step: number for step, number in self.totals.items() if number}
        found = {one.id: one for one in self.do(self.outbox.search(Search(limit=1_000)))}
        assert found.keys() == self.model.keys()
        for id_, one in self.model.items():
            stored = found[id_]
            assert (stored.state, stored.tries, stored.in_doubt, stored.lane) == tuple(
                one[key] for key in ("state", "tries", "in_doubt", "lane")
            )

    @invariant()
    def no_event_is_in_two_open_attempts(self):
        if not hasattr(self, "outbox") or not self.looks:
            return
        members = [id_ for ids, _ in self.open_attempts.values() for id_ in ids]
        assert len(members) == len(set(members))
        assert set(members) == {id_ for id_, one in self.model.items() if one["state"] is State.SENDING}
        recorded = self.do(self.outbox.attempts(sorted(self.open_attempts)))
        assert [one.ended_at for one in recorded] == [None] * len(self.open_attempts)


class MemoryMachine(OutboxMachine):
    harness = MemoryHarness


class SqliteMachine(OutboxMachine):
    harness = SqliteHarness


class StagingMachine(SqliteMachine):
    """Events come alone, mostly, nobody looks for a while, and processes are killed."""

    @rule(looks=st.booleans())
    def look(self, looks):
        self.looks = looks

    @rule(numbers=st.lists(st.integers(0, 30), min_size=1, max_size=6), conflicting=st.booleans(), quick=st.booleans())
    def append_alone(self, numbers, conflicting, quick):
        self.looks = False
        for number in numbers:
            self.outbox.database.writer._quick = quick
            self.append([number], LIVE, 10**8, conflicting, "")

    @rule(step=st.sampled_from([Step.RETRY, Step.HOLD]))
    def be_killed(self, step):
        path, left = path_of(self.way.url), Path(self.folder.name) / f"{len(self.ids)}-{self.now}.left"
        left_by_a_kill(path, left)
        self.do(self.stack.aclose())
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        file_beside(left).replace(file_beside(path))
        left.replace(path)
        self.open()
        self._rescue(step, everything=True)

    def teardown(self):
        self.looks = True
        self.every_receipt_is_somewhere()
        super().teardown()


class PostgresMachine(OutboxMachine):
    harness = PostgresHarness


@pytest.mark.parametrize(
    ("machine", "examples"),
    [(MemoryMachine, 60), (SqliteMachine, 15), (StagingMachine, 25), (PostgresMachine, 15)],
)
def test_a_store_does_what_the_model_does(machine, examples):
    case = machine.TestCase()
    case.settings = settings(
        max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case.runTest()
