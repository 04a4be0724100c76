"""The promise under kill -9: what was acknowledged arrives, and what arrives twice was counted as in doubt."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time

import pytest
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
