"""Events that come alone wait beside the database: a process that is ended at any moment loses none of them."""

from __future__ import annotations

import asyncio
import collections
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox

PROCESSES = int(os.environ.get("KONVERSI_TEST_KILLS", "60"))
pytestmark = pytest.mark.fault


def test_a_process_that_is_ended_at_any_moment_loses_no_event_that_came_alone(tmp_path):
    path, seed = tmp_path / "konversi.db", str(random.SystemRandom().randrange(10**9))
    print(f"seed {seed}")
    asyncio.run(_opened_once(f"sqlite:///{path}"))
    reporter = Path(__file__).with_name("lone_reporter.py")
    told = subprocess.run(
        [sys.executable, reporter, path, str(PROCESSES), seed], stdout=subprocess.PIPE, check=True, timeout=300
    ).stdout.decode()
    acknowledged = collections.defaultdict(set)
    for line in told.splitlines():
        event_id, number = line.split()
        acknowledged[event_id].add(int(number))
    asyncio.run(_opened_once(f"sqlite:///{path}"))

    with closing(sqlite3.connect(path)) as database:
        stored = dict(database.execute("SELECT event_id, id FROM events JOIN queue USING (id)"))
        ((number,),) = database.execute("SELECT count(*) FROM events").fetchall()
        ((accepted,),) = database.execute("SELECT sum(events) FROM totals WHERE step = 'accept'").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    print(f"{PROCESSES} ends: {len(acknowledged)} acknowledged, {number} there")
    assert len(acknowledged) > PROCESSES
    assert number == len(stored) == accepted
    assert {event_id: {stored.get(event_id)} for event_id in acknowledged} == acknowledged


async def _opened_once(url: str) -> None:
    outbox = await open_outbox(url)
    await outbox.rescue(4e9, lambda _lane: Step.RETRY, all_leases=True)
    await outbox.aclose()
