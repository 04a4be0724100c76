"""Callers that report bookings without end, and the checker that compares what they were told with Meta's ledger."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, NamedTuple

import httpx2

from processes import ledger_of

if TYPE_CHECKING:
    from pathlib import Path

CALLERS = 6


class Caller:
    """Reports bookings without end, repeating each until it is acknowledged, and remembers every receipt."""

    def __init__(self, *urls: str, callers: int = CALLERS) -> None:
        self.urls = urls
        self.receipts: dict[str, set[str]] = collections.defaultdict(set)
        self.unavailable = 0  # answers with 503
        self.stopping = False
        self._callers = callers

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=5) as http, asyncio.TaskGroup() as group:
            for number in range(self._callers):
                group.create_task(self._report(http, number))

    async def _report(self, http: httpx2.AsyncClient, caller: int) -> None:
        number = 0
        while not self.stopping:
            number += 1
            booking = f"BK-{caller}-{number}"
            body = {"event": "Lead", "booking_id": booking, "customer": {"phone": "+6281234567890"}, "value": number}
            tries = 0
            while not await self._acknowledged(http, self.urls[(number + tries) % len(self.urls)], booking, body):
                tries += 1
                await asyncio.sleep(0.02)
            if number % 7 == 0:  # some callers ask again although they have their receipt, and elsewhere
                await self._acknowledged(http, self.urls[(number + 1) % len(self.urls)], booking, body)

    async def _acknowledged(self, http: httpx2.AsyncClient, url: str, booking: str, body: dict) -> bool:
        try:
            answer = await http.post(f"{url}/v1/events", json=body)
        except httpx2.HTTPError:
            return self.stopping
        if answer.status_code == 202:
            self.receipts[booking].add(answer.json()["receipt"])
            return True
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) > 0
        self.unavailable += 1
        return self.stopping

    @property
    def acknowledged(self) -> set[str]:
        """The event ids."""
        return {f"Lead:{booking}" for booking in self.receipts}

    async def during(self, work) -> None:
        """Report while the coroutine is at work."""
        calling = asyncio.create_task(self.run())
        working = asyncio.create_task(work)
        try:
            await asyncio.wait([calling, working], return_when=asyncio.FIRST_COMPLETED)
            assert working.done() or self.stopping, calling.result()
            await working
        finally:
            working.cancel()
            self.stopping = True
        await asyncio.wait_for(calling, 30)


class Arrivals(NamedTuple):
    """What Meta's ledger says."""

    times: collections.Counter[str]  # how often each event id came
    bodies: dict[str, set[str]]

    @classmethod
    def of(cls, ledger: Path) -> Arrivals:
        times: collections.Counter[str] = collections.Counter()
        bodies = collections.defaultdict(set)
        for line in ledger_of(ledger):
            times[line["event"]["event_id"]] += 1
            bodies[line["event"]["event_id"]].add(line["sha256"])
        return cls(times, bodies)

    @property
    def again(self) -> int:
        """How many came that had come before."""
        return sum(self.times.values()) - len(self.times)


def check(caller: Caller, ledger: Path, in_doubt: dict[str, int] | int) -> Arrivals:
    """The promise: nothing is lost, nothing comes again that wasn't in doubt, each time the same bytes.

    `in_doubt` tells how often each event was, or all together.
    """
    arrived = Arrivals.of(ledger)
    assert caller.acknowledged - arrived.times.keys() == set()
    assert {event for event, seen in arrived.bodies.items() if len(seen) != 1} == set()
    assert all(len(receipts) == 1 for receipts in caller.receipts.values())  # a repeat gets the first receipt
    if isinstance(in_doubt, int):
        assert arrived.again <= in_doubt
    else:
        unexplained = {
            event: times for event, times in arrived.times.items() if times > 1 + in_doubt.get(event, 0)
        }  # fmt: skip
        assert unexplained == {}
    return arrived
