"""The promise under kill -9: what was acknowledged arrives, and what arrives twice was counted as in doubt."""

from __future__ import annotations

import asyncio
import collections
import os
import random
import sqlite3
import time

import httpx2
import pytest

from processes import Gateways, ledger_of, local_meta, until

KILLS = int(os.environ.get("KONVERSI_TEST_KILLS", "100"))
CALLERS = 6
pytestmark = pytest.mark.fault


class Caller:
    """Reports bookings without end, repeating each until it is acknowledged, and remembers every receipt."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.receipts: dict[str, set[str]] = collections.defaultdict(set)
        self.asked = 0
        self.stopping = False

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=5) as http, asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(self._report(http, number))

    async def _report(self, http: httpx2.AsyncClient, caller: int) -> None:
        number = 0
        while not self.stopping:
            number += 1
            self.asked += 1
            booking = f"BK-{caller}-{number}"
            body = {"event": "Lead", "booking_id": booking, "customer": {"phone": "+6281234567890"}, "value": number}
            while not await self._acknowledged(http, booking, body):
                await asyncio.sleep(0.02)
            if number % 7 == 0:  # some callers ask again although they have their receipt
                await self._acknowledged(http, booking, body)

    async def _acknowledged(self, http: httpx2.AsyncClient, booking: str, body: dict) -> bool:
        try:
            answer = await http.post(f"{self.url}/v1/events", json=body)
        except httpx2.HTTPError:
            return self.stopping
        if answer.status_code == 202:
            self.receipts[booking].add(answer.json()["receipt"])
            return True
        assert answer.status_code == 503, answer.text
        return self.stopping


async def _killing(gateways: Gateways, seed: int) -> Caller:
    chance = random.Random(seed)
    caller = Caller(gateways.url)
    calling = asyncio.create_task(caller.run())
    try:
        for _ in range(KILLS):
            await asyncio.to_thread(gateways.start)
            await asyncio.sleep(chance.uniform(0.05, 0.5))
            assert not calling.done(), calling.result()
            await asyncio.to_thread(gateways.end)
        await asyncio.to_thread(gateways.start)
    finally:
        caller.stopping = True
    await asyncio.wait_for(calling, 30)
    return caller


def test_kill_9_at_any_moment_loses_no_acknowledged_event(tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    began = time.monotonic()
    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta) as gateways:
        caller = asyncio.run(_killing(gateways, seed))
        until(gateways.idle, "everything is delivered", 60)
        in_doubt = gateways.status()["in_doubt_ever"]
        states = gateways.status()["states"]
        assert gateways.end(15) == 0

    acknowledged = {f"Lead:{booking}" for booking in caller.receipts}
    arrived = collections.Counter()
    bodies = collections.defaultdict(set)
    for line in ledger_of(tmp_path / "ledger.jsonl"):
        arrived[line["event"]["event_id"]] += 1
        bodies[line["event"]["event_id"]].add(line["sha256"])
    duplicates = sum(arrived.values()) - len(arrived)
    print(
        f"{KILLS} kills in {time.monotonic() - began:.0f} s: {len(acknowledged)} acknowledged, {len(arrived)} arrived, "
        f"{duplicates} twice, {in_doubt} in doubt"
    )

    assert len(acknowledged) > KILLS
    assert acknowledged - arrived.keys() == set()  # no loss
    assert {event for event, seen in bodies.items() if len(seen) != 1} == set()  # the same bytes each time
    assert duplicates <= in_doubt  # what came twice was known to be in doubt
    assert all(len(receipts) == 1 for receipts in caller.receipts.values())  # a repeat gets the first receipt
    assert states["dead"] == states["held"] == states["expired"] == 0
    with sqlite3.connect(tmp_path / "data" / "konversi.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
