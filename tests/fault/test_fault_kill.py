"""The promise under kill -9: what was acknowledged arrives, and what arrives twice was counted as in doubt."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import time

import pytest
from fleets import children_of
from preparers import BUSY_CALLERS, end_one_or_both, has_callers
from reports import Caller, check

from processes import Gateways, local_meta, until

KILLS = int(os.environ.get("KONVERSI_TEST_KILLS", "100"))
pytestmark = pytest.mark.fault


async def _killing(gateways: Gateways, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(KILLS):
        await asyncio.to_thread(gateways.start)
        await asyncio.sleep(chance.uniform(0.05, 0.5))
        await asyncio.to_thread(gateways.end)
    await asyncio.to_thread(gateways.start)


def test_kill_9_at_any_moment_loses_no_acknowledged_event(tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    began = time.monotonic()
    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta) as gateways:
        caller = Caller(gateways.url)
        asyncio.run(caller.during(_killing(gateways, seed)))
        until(gateways.idle, "everything is delivered", 60)
        in_doubt = gateways.status()["in_doubt_ever"]
        states = gateways.status()["states"]
        assert gateways.end(15) == 0

    arrived = check(caller, tmp_path / "ledger.jsonl", in_doubt)
    print(
        f"{KILLS} kills in {time.monotonic() - began:.0f} s: {len(caller.receipts)} acknowledged, "
        f"{len(arrived.times)} arrived, {arrived.again} twice, {in_doubt} in doubt"
    )
    assert len(caller.receipts) > KILLS
    assert states["dead"] == states["held"] == states["expired"] == 0
    with sqlite3.connect(tmp_path / "data" / "konversi.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def _killing_both(gateways: Gateways, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(max(5, KILLS // 20)):
        await end_one_or_both(gateways, await asyncio.to_thread(gateways.start), chance)
    await asyncio.to_thread(gateways.start)


def test_killing_the_process_that_has_the_callers_or_the_gateway_loses_no_acknowledged_event(tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta) as gateways:
        caller = Caller(gateways.url, callers=BUSY_CALLERS)
        asyncio.run(caller.during(_killing_both(gateways, seed)))
        until(gateways.idle, "everything is delivered", 60)
        in_doubt = gateways.status()["in_doubt_ever"]
        assert gateways.end(15) == 0
    arrived = check(caller, tmp_path / "ledger.jsonl", in_doubt)
    print(
        f"{len(caller.receipts)} acknowledged, {len(arrived.times)} arrived, {arrived.again} twice, {in_doubt} in doubt"
    )


def test_sigterm_hangs_up_on_the_callers_of_the_process_beside_and_ends_well(tmp_path):
    async def stopping() -> None:
        pid = await asyncio.to_thread(gateways.start)
        await asyncio.to_thread(until, lambda: children_of(pid) and has_callers(gateways.url), "it has callers")
        began = time.monotonic()
        statuses.append(await asyncio.to_thread(gateways.end, signal.SIGTERM))
        assert time.monotonic() - began < 10
        await asyncio.to_thread(gateways.start)

    statuses: list[int] = []
    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta) as gateways:
        caller = Caller(gateways.url, callers=BUSY_CALLERS)
        asyncio.run(caller.during(stopping()))
        until(gateways.idle, "everything is delivered", 60)
        assert gateways.status()["in_doubt_ever"] == 0
        assert gateways.end(15) == 0
    assert statuses == [0]
    assert check(caller, tmp_path / "ledger.jsonl", 0).again == 0
