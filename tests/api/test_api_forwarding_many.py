"""Thousands of calls behind a slow bot that fails in between: each is taken, and none twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

from konversi.clock import SystemClock
from konversi.database.sealed import Seal
from konversi.database.sqlite_database import SqliteDatabase
from konversi.intake.call import SEALED_AS, Call
from konversi.intake.forward import Forwarder
from konversi.journeys.arrival import Heard
from konversi.journeys.forwards import Forwards
from konversi.journeys.store import Journeys

CALLS = 3_000
OUTAGE_AFTER, OUTAGE_SECONDS = 1_000, 0.5  # tries, and for how long from then on all are refused
SECRET = b"s" * 32


class SlowBot:
    """Takes a few milliseconds for each call, and not every call at its first try."""

    def __init__(self):
        self.taken = Counter()
        self.tries = Counter()
        self.back = None  # when its outage ends, by the loop's clock
        self.refused = 0

    def answers(self, body):
        number = int(body)
        first = not self.tries[number]
        self.tries[number] += 1
        now = asyncio.get_running_loop().time()
        if self.back is None and self.tries.total() >= OUTAGE_AFTER:
            self.back = now + OUTAGE_SECONDS
        if self.back is not None and now < self.back:
            self.refused += 1
            return b"503 Service Unavailable"
        if first and number % 97 == 0:
            return b"500 Internal Server Error"
        if first and number % 89 == 0:
            return None  # it hangs up, and has not taken it
        self.taken[number] += 1
        return b"200 OK"

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                body = await reader.readexactly(int(length.partition(b":")[2]))
                await asyncio.sleep(0.002 + int(body) % 7 * 0.002)
                answer = self.answers(body)
                if answer is None:
                    break
                writer.write(b"HTTP/1.1 " + answer + b"\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(bot):
    server = await asyncio.start_server(bot.serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


async def test_three_thousand_calls_are_each_taken_once_by_a_slow_bot_that_fails_in_between(tmp_path):
    clock, bot, seal = SystemClock(), SlowBot(), Seal(SECRET)
    database = await SqliteDatabase.open(f"sqlite:///{tmp_path / 'calls.db'}")
    journeys = Journeys(database, SECRET, country="ID", now=clock.now)
    forwards = Forwards(database, clock.now)

    async def arrive(numbers, forwarder):
        for number in numbers:
            packed = Call.of({b"content-type": b"application/json"}, b"%d" % number).packed()
            await journeys.arrive(Heard((), (), 1), sealed=seal.close(packed, SEALED_AS))
            forwarder.wake()

    try:
        async with listening(bot) as url:
            forwarder = Forwarder(forwards, seal, url, clock=clock)
            handing_on = asyncio.create_task(forwarder.run())
            try:
                await asyncio.gather(*(arrive(range(start, CALLS, 50), forwarder) for start in range(50)))
                async with asyncio.timeout(25):
                    while await forwards.waiting():
                        await asyncio.sleep(0.05)
            finally:
                handing_on.cancel()
                await asyncio.wait([handing_on])
    finally:
        await database.aclose()
    assert bot.taken == dict.fromkeys(range(CALLS), 1)
    assert max(bot.tries.values()) > 1
    assert bot.refused >= 3
