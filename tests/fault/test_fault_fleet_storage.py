"""PostgreSQL that goes away under load and comes back: the doors say so meanwhile, and everybody recovers alone."""

from __future__ import annotations

import asyncio
import os
import random

import httpx2
import pytest
from fleets import fleet
from reports import Caller, check

from postgres import own_server
from processes import until

RESTARTS = int(os.environ.get("KONVERSI_TEST_RESTARTS", "3"))
CONNECTIONS = 7  # of one process: four that write, two that read, one that listens
pytestmark = pytest.mark.fault


async def _restart(server, caller: Caller, chance: random.Random) -> None:
    for _ in range(RESTARTS):
        known = len(caller.receipts)
        await asyncio.to_thread(until, lambda: len(caller.receipts) > known + 20, "events are accepted")  # noqa: B023
        await asyncio.to_thread(server.stop, "immediate")
        refused = caller.unavailable
        await asyncio.to_thread(until, lambda: caller.unavailable > refused + 5, "the doors say 503")  # noqa: B023
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        await asyncio.to_thread(server.start)


def test_postgres_restarted_at_once_again_and_again_costs_no_event_no_process_and_no_connection(tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    with own_server() as server, server.database() as url, fleet(tmp_path, url) as ships:
        door = ships.start("intake", KONVERSI_ONLY="intake")
        worker = ships.start("delivery", KONVERSI_ONLY="delivery")
        both = ships.start("both")
        pids = [member.pid for member in ships.members]
        caller = Caller(door.url, both.url)
        asyncio.run(caller.during(_restart(server, caller, random.Random(seed))))
        until(ships.is_idle, "everything is delivered and no lease is left", 40)
        until(lambda: all(member.is_ready() for member in ships.members), "every process is ready again")
        assert [member.pid for member in ships.members if member.is_alive()] == pids
        until(lambda: ships.connections() <= CONNECTIONS * len(pids), "no connection is left over")
        in_doubt = ships.in_doubt()
        assert [member.end(15) for member in (door, worker, both)] == [0, 0, 0]
        assert ships.connections() == 0
        faults = ships.faults()

    arrived = check(caller, tmp_path / "ledger.jsonl", in_doubt)
    print(
        f"{RESTARTS} restarts: {len(caller.receipts)} acknowledged, {caller.unavailable} refused meanwhile, "
        f"{arrived.again} again, {sum(in_doubt.values())} in doubt"
    )
    assert faults == ""


def test_a_process_that_is_started_while_postgres_is_away_ends_so_that_it_is_started_again(tmp_path):
    with own_server() as server, server.database() as url:
        server.stop("immediate")
        with fleet(tmp_path, url) as ships:
            alone = ships.member("alone").start(wait=False)
            assert alone.wait() == 1
            family = ships.member("family", KONVERSI_TEST_PROCESSES="2").start(wait=False)
            until(lambda: family.said("process_ended") >= 2, "its children end again and again")
            assert family.is_alive()
            server.start()
            until(family.is_ready, "the children are there")
            assert httpx2.get(f"{family.url}/healthz", timeout=5).status_code == 200
            assert family.end(15) == 0
        assert "PostgreSQL" in alone.log.read_text()
