"""The outbox in memory: for tests and for thinking. The same promises, but for durability."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from konversi.clock import now as wall_clock
from konversi.errors import NotFound
from konversi.outbox.gate import Gate, nobody_objects
from konversi.outbox.lanes import Lane
from konversi.outbox.port import (
    Appended,
    Attempt,
    Batch,
    Candidate,
    Choice,
    Commits,
    Counts,
    Course,
    NewEvent,
    Search,
    Settlement,
    Stored,
)
from konversi.outbox.states import FINAL, State, Step, after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from konversi.outbox.gate import Objections

_WINDOW = 1_000
_UNSPLIT = 1_000
_NAMED = 3


@dataclass
class _Row:
    id: int
    new: NewEvent
    accepted_at: float
    due_at: float
    lane: str
    state: State = State.WAITING
    batch_limit: int = _UNSPLIT
    tries: int = 0
    in_doubt: int = 0
    reason: str = ""
    attempts: list[int] = field(default_factory=list)

    def stored(self) -> Stored:
        new = self.new
        return Stored(
            self.id, self.lane, new.dataset, new.event_name, new.event_id, new.booking_id, new.event_time,
            self.accepted_at, new.deadline, self.state, self.due_at, self.tries, self.in_doubt, self.reason,
            tuple(self.attempts), new.notes, new.body, new.digest, new.journey, new.touch, new.given,
        )  # fmt: skip


@dataclass
class _Try:
    id: int
    lane: str
    started_at: float
    lease_until: float
    members: list[int]
    end: Settlement | None = None

    def record(self) -> Attempt:
        end = self.end
        return Attempt(
            self.id, self.lane, self.started_at, end and end.ended_at, len(self.members), end and end.verdict,
            end.reason if end else "", end and end.http_status, end and end.code, end and end.subcode,
            end and end.fbtrace_id, end and end.events_received, end and end.answer,
        )  # fmt: skip


class MemoryOutbox:
    """A store that forgets everything when the process ends."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self._rows: dict[int, _Row] = {}
        self._by_key: dict[tuple[str, str, str], int] = {}
        self._tries: dict[int, _Try] = {}
        self._totals: Counter[str] = Counter()
        self.commits = Commits(0, 0)
        self._courses: dict[str, Course] = {}
        self._next = 1
        self._next_try = 1
        self.objections: Objections = nobody_objects

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]:
        self.commits = Commits(self.commits.number + 1, self.commits.events + len(events))
        return [self._append(event) for event in events]

    def _append(self, event: NewEvent) -> Appended:
        key = event.event_id, event.event_name, event.dataset
        known = self._by_key.get(key)
        if known is not None:
            return Appended(known, repeat=True, conflict=self._rows[known].new.digest != event.digest)
        now = wall_clock()
        row = _Row(self._next, event, now, now, event.lane)
        self._next += 1
        self._rows[row.id] = row
        self._by_key[key] = row.id
        self._totals["accept"] += 1
        if event.withheld:
            self._transfer([row], Step.WITHHOLD, event.withheld)
        return Appended(row.id)

    async def homes(self, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        found: dict[tuple[str, str], str] = {}
        for row in self._rows.values():
            if (row.new.event_name, row.new.event_id) in ids:
                found.setdefault((row.new.event_name, row.new.event_id), row.new.dataset)
        return found

    async def lanes(self) -> Sequence[tuple[str, float]]:
        due: dict[str, float] = {}
        for row in self._waiting():
            due[row.lane] = min(row.due_at, due.get(row.lane, row.due_at))
        return sorted(due.items())

    async def unfinished(self) -> tuple[Sequence[tuple[str, float]], int]:
        sending = sum(row.state is State.SENDING for row in self._rows.values())
        return await self.lanes(), sending

    def _waiting(self) -> Iterable[_Row]:
        return [row for row in self._rows.values() if row.state is State.WAITING]

    def _under_way(self, lane: str, now: float) -> int:
        return sum(one.lane == lane and one.end is None and one.lease_until > now for one in self._tries.values())

    async def courses(self) -> Sequence[Course]:
        return list(self._courses.values())

    async def keep_course(self, course: Course) -> None:
        known = self._courses.get(course.lane)
        if known is None or known.changed_at <= course.changed_at:
            self._courses[course.lane] = course

    async def claim(
        self,
        lane: str,
        now: float,
        lease_until: float,
        choose: Callable[[Sequence[Candidate]], Choice],
        *,
        at_once: int | None = None,
    ) -> Batch | None:
        if at_once is not None and self._under_way(lane, now) >= at_once:
            return None
        due = [row for row in self._waiting() if row.lane == lane and row.due_at <= now]
        due.sort(key=lambda row: (row.due_at, row.id))
        if not due:
            return None
        gate = Gate(choose, lambda ids: self.objections(None, ids))
        choice = gate.choose(
            [
                Candidate(row.id, row.batch_limit, len(row.new.body), row.tries, row.new.deadline)
                for row in due[:_WINDOW]
            ]
        )
        self._expire(self._rows[id_] for id_ in choice.expired)
        for id_, reason in gate.withheld.items():
            self._transfer([self._rows[id_]], Step.WITHHOLD, reason)
        if not choice.batch:
            again = gate.withheld and await self.claim(lane, now, lease_until, choose, at_once=at_once)
            return again or None
        rows = [self._rows[id_] for id_ in sorted(choice.batch)]
        attempt = _Try(self._next_try, lane, now, lease_until, [row.id for row in rows])
        self._next_try += 1
        self._tries[attempt.id] = attempt
        for row in rows:
            row.state = after(row.state, Step.CLAIM)
            row.tries += 1
            row.attempts.append(attempt.id)
        return Batch(
            attempt.id,
            lane,
            attempt.members,
            b",".join(row.new.body for row in rows),
            max(row.tries for row in rows),
            rows[0].batch_limit,
            [(row.new.event_name, row.new.event_id) for row in rows[:_NAMED]],
        )

    async def extend(self, attempt: int, lease_until: float) -> None:
        if attempt in self._tries:
            self._tries[attempt].lease_until = lease_until

    async def settle(self, batch: Batch, settlement: Settlement) -> None:
        if batch.attempt in self._tries:
            self._settle(self._tries[batch.attempt], settlement)

    def _settle(self, attempt: _Try, settlement: Settlement) -> list[int]:
        if attempt.end is not None:
            return []
        attempt.end = settlement
        rows = [self._rows[id_] for id_ in attempt.members]
        for row in rows:
            row.state = after(row.state, settlement.step)
            row.reason = settlement.reason
            row.in_doubt += settlement.in_doubt
            row.tries -= not settlement.counts_as_try
            if settlement.step in (Step.RETRY, Step.SPLIT):
                row.due_at = settlement.due_at
            if settlement.step is Step.SPLIT:
                row.batch_limit = settlement.batch_limit
        self._totals[settlement.step] += len(rows)
        self._totals["in_doubt"] += len(rows) if settlement.in_doubt else 0
        return attempt.members

    async def rescue(self, now: float, step_of: Callable[[str], Step], *, all_leases: bool = False) -> Sequence[int]:
        abandoned = [
            attempt for attempt in self._tries.values() if not attempt.end and (all_leases or attempt.lease_until < now)
        ]
        lost = Settlement(Step.RETRY, "abandoned", ended_at=now, due_at=now, in_doubt=True, reason="Nobody knows.")
        return [
            id_ for attempt in abandoned for id_ in self._settle(attempt, lost._replace(step=step_of(attempt.lane)))
        ]

    async def expire(self, now: float) -> int:
        return self._expire(row for row in self._waiting() if row.new.deadline <= now)

    def _expire(self, rows: Iterable[_Row]) -> int:
        return self._transfer(rows, Step.EXPIRE, "It grew older than Meta takes before it could be sent.")

    def _transfer(self, rows: Iterable[_Row], step: Step, reason: str) -> int:
        moved = 0
        for row in rows:
            row.state, row.reason = after(row.state, step), reason
            moved += 1
        self._totals[step] += moved
        return moved

    async def hold_tests(self) -> int:
        tests = (row for row in self._waiting() if Lane.parse(row.lane).test_code)
        return self._transfer(tests, Step.HOLD, "It is a test event, and Konversi now runs in production.")

    async def find(self, event: int) -> Stored | None:
        row = self._rows.get(event)
        return row.stored() if row else None

    async def search(self, search: Search) -> Sequence[Stored]:
        wanted = {
            name: value
            for name in ("state", "dataset", "event_id", "booking_id", "journey")
            if (value := getattr(search, name)) is not None
        }
        found = (
            row.stored() for row in reversed(self._rows.values()) if search.before is None or row.id < search.before
        )
        matching = [row for row in found if all(getattr(row, name) == value for name, value in wanted.items())]
        return matching[: search.limit]

    async def attempts(self, ids: Sequence[int]) -> Sequence[Attempt]:
        return [self._tries[id_].record() for id_ in sorted(ids) if id_ in self._tries]

    async def counts(self) -> Counts:
        states = Counter(row.state for row in self._rows.values())
        states[State.DELIVERED] = self._totals[Step.DELIVER]
        oldest = min((row.accepted_at for row in self._waiting()), default=None)
        by_lane = Counter(row.lane for row in self._waiting())
        return Counts({state: states[state] for state in State}, dict(+self._totals), oldest, dict(by_lane))

    async def change(self, event: int, step: Step, *, now: float, reason: str, lane: str | None = None) -> State:
        row = self._rows.get(event)
        if row is None:
            raise NotFound
        self._rows[event] = replace(row, state=after(row.state, step), reason=reason)
        if step is Step.REPLAY:
            self._rows[event] = replace(self._rows[event], due_at=now, tries=0, lane=lane or row.lane)
        self._totals[step] += 1
        return self._rows[event].state

    async def prune(self, accepted_before: float, limit: int, failed_before: float | None = None) -> int:
        finished = FINAL - {State.HELD}
        failed = accepted_before if failed_before is None else failed_before
        before = {state: accepted_before if state is State.DELIVERED else failed for state in finished}
        rows = self._rows.values()
        old = [row for row in rows if row.state in finished and row.accepted_at < before[row.state]][:limit]
        for row in old:
            del self._rows[row.id]
            del self._by_key[row.new.event_id, row.new.event_name, row.new.dataset]
        ended = [one.id for one in self._tries.values() if one.end and one.end.ended_at < min(before.values())]
        for attempt in ended[:limit]:
            del self._tries[attempt]
        return len(old)

    async def aclose(self) -> None:
        return None
