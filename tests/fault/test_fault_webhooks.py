"""The chat side under kill -9: what Meta was told is kept is kept, and the user's own bot gets each call."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import random
import sqlite3
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from konversi.intake.whatsapp import samples
from processes import Gateways, local_meta, until

KILLS = int(os.environ.get("KONVERSI_TEST_WEBHOOK_KILLS", "25"))
CALLERS = 4
SECRET = "an-app-secret"
pytestmark = pytest.mark.fault


class Bot:
    """The user's own bot; now and then it is too slow, or refuses."""

    def __init__(self, seed: int) -> None:
        self.bodies: list[bytes] = []
        self.wrongly_signed = 0
        chance, bot = random.Random(seed), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                sent = self.rfile.read(length)
                if len(sent) < length:
                    return  # the gateway was killed in the middle of it
                bot.wrongly_signed += self.headers["x-hub-signature-256"] != signature(sent)
                refuses = chance.random() < 0.05
                if not refuses:
                    bot.bodies.append(sent)
                time.sleep(chance.random() * 0.01)
                self.send_response(503 if refuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_) -> None:
                """The gateway was killed while it was told."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._thread.join(20)
        self._server.server_close()


class Platform:
    """Sends messages without end, each again until it is acknowledged, as Meta does."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/webhooks/whatsapp"
        self.acknowledged: dict[str, bytes] = {}  # bodies by their click id
        self.stopping = False

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=5) as http, asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(self._tell(http, number))

    async def _tell(self, http: httpx2.AsyncClient, caller: int) -> None:
        number = 0
        while not self.stopping:
            number += 1
            click_id = f"Aff-{caller}-{number}"
            phone = f"+62812{caller:02d}{number:06d}"
            call = samples.message(
                "ad-click", message_id=f"wamid.{caller}.{number}", at=int(time.time()), phone=phone,
                user_id=f"ID.{caller}{number:012d}", click_id=click_id,
            )  # fmt: skip
            body = samples.as_sent(call)
            while not await self._taken(http, body):
                if self.stopping:
                    return
                await asyncio.sleep(0.02)
            self.acknowledged[click_id] = body
            if number % 7 == 0:  # Meta repeats what it was told already, now and then
                await self._taken(http, body)

    async def _taken(self, http: httpx2.AsyncClient, body: bytes) -> bool:
        headers = {"content-type": "application/json", "x-hub-signature-256": signature(body)}
        try:
            answer = await http.post(self.url, content=body, headers=headers)
        except httpx2.HTTPError:
            return False
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


async def _killing(gateways: Gateways, seed: int) -> Platform:
    chance = random.Random(seed)
    platform = Platform(gateways.url)
    telling = asyncio.create_task(platform.run())
    try:
        for _ in range(KILLS):
            await asyncio.to_thread(gateways.start)
            await asyncio.sleep(chance.uniform(0.03, 0.4))
            assert not telling.done(), telling.result()
            await asyncio.to_thread(gateways.end)
        await asyncio.to_thread(gateways.start)
    finally:
        platform.stopping = True
    await asyncio.wait_for(telling, 30)
    return platform


def test_kill_9_loses_no_acknowledged_click_and_no_call_that_is_to_be_handed_on(tmp_path):
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    began = time.monotonic()
    with local_meta(tmp_path / "ledger.jsonl") as meta, Bot(seed) as bot:
        given = {"WHATSAPP_APP_SECRET": SECRET, "WHATSAPP_FORWARD_URL": bot.url}
        with Gateways(tmp_path, meta, **given) as gateways:
            platform = asyncio.run(_killing(gateways, seed))
            expected = set(platform.acknowledged.values())
            until(lambda: expected <= set(bot.bodies), "all were handed on", 40)
            until(lambda: not _rows(tmp_path, "SELECT id FROM forwards"), "none waits any more", 40)
            booking = {"event": "Lead", "customer": {"phone": f"+62812{0:02d}{1:06d}"}, "booking_id": "BK-1"}
            answer = httpx2.post(f"{gateways.url}/v1/events", json=booking, timeout=10).json()
            assert gateways.end(15) == 0

    kept = [click_id for (click_id,) in _rows(tmp_path, "SELECT click_id FROM touches")]
    handed_on = len(bot.bodies)
    print(
        f"{KILLS} kills in {time.monotonic() - began:.0f} s: {len(platform.acknowledged)} acknowledged, "
        f"{len(kept)} kept, {handed_on} handed on, {handed_on - len(set(bot.bodies))} of them again"
    )
    assert len(platform.acknowledged) > KILLS
    assert platform.acknowledged.keys() - set(kept) == set()  # no click is lost
    assert len(kept) == len(set(kept))  # none is kept twice
    assert bot.wrongly_signed == 0
    assert {note["code"] for note in answer["notes"]} >= {"click_known"}
    assert _rows(tmp_path, "SELECT count(*) FROM journeys WHERE messages != 1") == [(0,)]
    assert _rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]


def _rows(folder, query: str) -> list:
    database = sqlite3.connect(f"file:{folder / 'data' / 'konversi.db'}?mode=ro", uri=True)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()
