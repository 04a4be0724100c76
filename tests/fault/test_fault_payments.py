"""Payment notifications under kill -9: what a provider was told is kept has its one Purchase, with the right amount."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from contextlib import closing
from decimal import Decimal

import httpx2
import pytest
from preparers import BUSY_CALLERS, end_one_or_both
from reports import Arrivals

from konversi.intake.payments import samples
from processes import Gateways, local_meta, until

KILLS = int(os.environ.get("KONVERSI_TEST_PAYMENT_KILLS", "10"))
BOOKINGS = 300
CALLERS = 4
SECRETS = {"MIDTRANS_SERVER_KEY": "SB-Mid-server-secret", "XENDIT_CALLBACK_TOKEN": "a-callback-token"}
KEYS = dict(zip(("midtrans", "xendit"), SECRETS.values(), strict=True))
pytestmark = pytest.mark.fault


class Providers:
    """Tell of payments without end, each notification again until it is acknowledged; some twice, some too early."""

    def __init__(self, url: str, seed: int, callers: int) -> None:
        self.url = f"{url}/webhooks"
        self.paid: dict[str, tuple[str, int]] = {}  # by payment: its provider and amount, once it was acknowledged
        self.back: dict[str, int] = {}
        self.stopping = False
        self._callers = callers
        self._chance = random.Random(seed)

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=5) as http, asyncio.TaskGroup() as group:
            for number in range(self._callers):
                group.create_task(self._tell(http, number))

    async def _tell(self, http: httpx2.AsyncClient, caller: int) -> None:
        number = 0
        while not self.stopping:
            number += 1
            provider = self._chance.choice(sorted(KEYS))
            payment, amount = f"pay-{caller}-{number}", self._chance.randrange(1_000, 500_000)
            booking = f"BK-{self._chance.randrange(BOOKINGS)}"
            history = ["pending", "paid", "paid", "pending"]
            self._chance.shuffle(history)
            for state in history:
                told = samples.Told(state, payment, booking, Decimal(amount), "IDR", int(time.time()))
                if not await self._told(http, provider, told):
                    return
            self.paid[payment] = provider, amount
            if number % 5 == 0:
                gone = amount // 2
                told = told._replace(state="refunded", back=Decimal(gone))
                if not await self._told(http, provider, told):
                    return
                self.back[payment] = gone

    async def _told(self, http: httpx2.AsyncClient, provider: str, told: samples.Told) -> bool:
        call = samples.call(provider, told, KEYS[provider])
        while not self.stopping:
            try:
                answer = await http.post(f"{self.url}/{provider}", content=call.body, headers=call.headers)
            except httpx2.HTTPError:
                await asyncio.sleep(0.02)
                continue
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200:
                return True
            await asyncio.sleep(0.02)
        return False


async def _killing(gateways: Gateways, seed: int, callers: int) -> Providers:
    """What many callers tell is read by the process beside, which is ended as well."""
    chance = random.Random(seed)
    pid = await asyncio.to_thread(gateways.start)
    await _book(gateways.url)
    providers = Providers(gateways.url, seed, callers)
    telling = asyncio.create_task(providers.run())
    try:
        for _ in range(KILLS):
            if callers == BUSY_CALLERS:
                await end_one_or_both(gateways, pid, chance)
            else:
                await asyncio.sleep(chance.uniform(0.05, 0.4))
                await asyncio.to_thread(gateways.end)
            assert not telling.done(), telling.result()
            pid = await asyncio.to_thread(gateways.start)
    finally:
        providers.stopping = True
    await asyncio.wait_for(telling, 30)
    return providers


async def _book(url: str) -> None:
    events = [
        {"event": "Lead", "booking_id": f"BK-{number}", "value": 150_000, "customer": {"phone": f"+62812{number:08d}"}}
        for number in range(BOOKINGS)
    ]
    async with httpx2.AsyncClient(timeout=20) as http:
        assert (await http.post(f"{url}/v1/events", json={"events": events})).status_code == 202


def _purchases(folder) -> dict[str, int]:
    """The Purchases in the outbox, with their values."""
    asked = "SELECT event_id, json_extract(body, '$.custom_data.value') FROM events WHERE event_name = 'Purchase'"
    return dict(_rows(folder, asked))


def _rows(folder, query: str) -> list:
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'konversi.db'}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


@pytest.mark.parametrize("callers", [CALLERS, BUSY_CALLERS])
def test_kill_9_loses_no_acknowledged_payment_and_makes_no_second_purchase(tmp_path, callers):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    began = time.monotonic()
    with local_meta(tmp_path / "ledger.jsonl") as meta, Gateways(tmp_path, meta, **SECRETS) as gateways:
        providers = asyncio.run(_killing(gateways, seed, callers))
        expected = {f"Purchase:{provider}:{payment}": amount for payment, (provider, amount) in providers.paid.items()}
        assert expected.keys() <= _purchases(tmp_path).keys(), "every payment has its Purchase, and had it at once"
        until(gateways.idle, "everything is delivered", 60)
        in_doubt = gateways.status()["in_doubt_ever"]
        assert gateways.end(15) == 0

    found = _purchases(tmp_path)
    assert expected.items() <= found.items()
    assert len(providers.paid) > KILLS
    payments = _rows(tmp_path, "SELECT payment_id, provider, booking_id, gone, purchase FROM payments")
    assert len({(payment, provider) for payment, provider, *_ in payments}) == len(payments)
    assert all(booking is not None for _, _, booking, _, _ in payments), "each was joined to its booking"
    assert _rows(tmp_path, "SELECT payment_id FROM payments WHERE purchase IS NOT NULL AND event IS NULL") == []
    gone = {payment: gone // 10_000 for payment, _, _, gone, purchase in payments if purchase and gone}
    assert providers.back.items() <= gone.items()
    arrived = Arrivals.of(tmp_path / "ledger.jsonl")
    print(
        f"{KILLS} kills in {time.monotonic() - began:.0f} s: {len(providers.paid)} payments acknowledged, "
        f"{len(found)} Purchases, {len(arrived.times)} arrived, {arrived.again} again, {in_doubt} in doubt"
    )
    assert expected.keys() <= arrived.times.keys()
    assert arrived.again <= in_doubt
    assert _rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]
