"""Leases over one PostgreSQL database: workers that freeze, clocks that are wrong, orderly ends, shared work."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import psycopg
import pytest
from fleets import LEASE, children_of, fleet, is_alive, quick_meta, report, slow_meta
from reports import Arrivals, Caller, check

from processes import ledger_of, until

pytestmark = pytest.mark.fault


@pytest.fixture
def ships(tmp_path):
    with fleet(tmp_path) as found:
        yield found
        assert found.faults() == ""


def verdicts(ships, event_id: str) -> list[str | None]:
    """How the attempts of an event ended, oldest first."""
    ((attempts,),) = ships.ask(
        f"SELECT attempts FROM queue JOIN events USING (id) WHERE event_id = '{event_id}'"
    )  # fmt: skip
    ids = attempts.strip(",")
    return [verdict for (verdict,) in ships.ask(f"SELECT verdict FROM attempts WHERE id IN ({ids}) ORDER BY id")]


def test_what_a_frozen_worker_sent_is_rescued_in_doubt_and_its_late_answer_changes_nothing(ships, tmp_path):
    door = ships.start("intake", KONVERSI_ONLY="intake")
    frozen = ships.start("frozen", KONVERSI_ONLY="delivery")
    slow_meta(ships.meta, 0.03, "drip", requests=1)
    report(door.url, 1)
    until(lambda: len(ledger_of(tmp_path / "ledger.jsonl")) == 1, "Meta has it")
    frozen.freeze()
    other = ships.start("other", KONVERSI_ONLY="delivery")
    until(lambda: ships.states() == {"delivered": 1}, "the other one has sent it again")
    before = (
        ships.ask("SELECT * FROM attempts ORDER BY id"),
        ships.ask("SELECT * FROM queue"),
        ships.ask("SELECT * FROM totals"),
    )
    frozen.go_on()
    until(lambda: frozen.said("Success"), "the frozen one has heard its answer")
    for number in range(2, 12):
        report(door.url, number)
    until(ships.is_idle, "the rest is delivered")
    assert frozen.end(signal.SIGTERM) == other.end(signal.SIGTERM) == 0

    assert verdicts(ships, "Lead:BK-1") == ["abandoned", "delivered"]
    assert ships.ask("SELECT * FROM attempts ORDER BY id")[:2] == before[0]
    assert before[1][0] in ships.ask("SELECT * FROM queue")
    assert ships.in_doubt() == {"Lead:BK-1": 1}
    arrived = Arrivals.of(tmp_path / "ledger.jsonl")
    assert arrived.times == {"Lead:BK-1": 2} | {f"Lead:BK-{number}": 1 for number in range(2, 12)}
    assert all(len(seen) == 1 for seen in arrived.bodies.values())
    assert dict(ships.ask("SELECT step, sum(events)::int FROM totals GROUP BY step")) == {
        "accept": 11, "deliver": 11, "retry": 1, "in_doubt": 1,
    }  # fmt: skip


def test_a_worker_that_wakes_after_its_lease_does_not_send_what_it_had_claimed(ships, tmp_path):
    door = ships.start("intake", KONVERSI_ONLY="intake")
    frozen = ships.start("frozen", KONVERSI_ONLY="delivery")
    with psycopg.connect(ships.database.replace("+psycopg", "")) as stranger:
        stranger.execute("LOCK TABLE attempts IN EXCLUSIVE MODE")
        report(door.url, 1)
        blocked = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO attempts%'"
        )
        until(lambda: ships.ask(blocked), "its claim waits in the database")
        frozen.freeze()
        frozen_at = time.monotonic()
        stranger.rollback()
    until(lambda: time.monotonic() > frozen_at + LEASE, "its lease has run out")
    frozen.go_on()
    until(ships.is_idle, "it is delivered")

    assert frozen.said("woke_too_late") == 1
    assert verdicts(ships, "Lead:BK-1") in (["not_sent", "delivered"], ["abandoned", "delivered"])
    assert Arrivals.of(tmp_path / "ledger.jsonl").times == {"Lead:BK-1": 1}


def test_clocks_that_are_five_minutes_wrong_rescue_nothing_early_and_date_events_rightly(ships, tmp_path):
    slow_meta(ships.meta, 0.4)
    doors = [
        ships.start("fast-door", KONVERSI_ONLY="intake", KONVERSI_TEST_CLOCK="300"),
        ships.start("slow-door", KONVERSI_ONLY="intake", KONVERSI_TEST_CLOCK="-300"),
    ]
    for name, ahead in (("fast", "300"), ("slow", "-300"), ("right", "0")):
        ships.start(name, KONVERSI_ONLY="delivery", KONVERSI_TEST_CLOCK=ahead)
    began = time.time()
    number = 0
    while time.time() < began + 1.5 * LEASE:  # many sends, and several rounds of rescue
        number += 1
        report(doors[number % 2].url, number)
    until(ships.is_idle, "all are delivered")
    ended = time.time()

    assert ships.in_doubt() == {}
    assert ships.states() == {"delivered": number}
    assert set(Arrivals.of(tmp_path / "ledger.jsonl").times.values()) == {1}
    times = [line["event"]["event_time"] for line in ledger_of(tmp_path / "ledger.jsonl")]
    assert began - 2 <= min(times) <= max(times) <= ended + 2
    ((first, last),) = ships.ask("SELECT min(accepted_at), max(accepted_at) FROM events")
    assert began - 2 <= first <= last <= ended + 2


async def _end_under_load(ships, members, statuses: list[int], caller: Caller) -> None:
    await asyncio.to_thread(until, lambda: len(caller.receipts) > 50, "some are accepted")
    for member in members:
        os.kill(member.pid, signal.SIGTERM)
    statuses.extend([await asyncio.to_thread(member.wait) for member in members])
    caller.stopping = True


def test_sigterm_under_load_ends_each_process_well_and_leaves_nothing_in_doubt(ships, tmp_path):
    slow_meta(ships.meta, 0.3)
    members = [
        ships.start("intake", KONVERSI_ONLY="intake"),
        ships.start("delivery", KONVERSI_ONLY="delivery"),
        ships.start("family", KONVERSI_TEST_PROCESSES="2"),
    ]
    children = until(lambda: len(found := children_of(members[2].pid)) == 2 and found, "both children are there")
    caller = Caller(members[0].url, members[2].url)
    statuses: list[int] = []
    asyncio.run(caller.during(_end_under_load(ships, members, statuses, caller)))
    assert statuses == [0, 0, 0]
    assert not any(map(is_alive, children))
    assert ships.in_doubt() == {}
    assert ships.ask("SELECT count(*) FROM attempts WHERE ended_at IS NULL") == [(0,)]
    assert ships.connections() == 0
    quick_meta(ships.meta)
    ships.start("rest", KONVERSI_ONLY="delivery")
    until(ships.is_idle, "the rest is delivered")

    arrived = check(caller, tmp_path / "ledger.jsonl", {})
    assert set(arrived.times.values()) == {1}
