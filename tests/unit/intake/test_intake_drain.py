"""A short script waits for what is due, and for what is on its way."""

import sys
from pathlib import Path

from konversi.intake.gateway import Gateway
from konversi.outbox.memory import MemoryOutbox
from konversi.outbox.states import Step
from outboxes import claim_all, ended, new_event, store

sys.path.insert(0, str(Path(__file__).parents[1] / "delivery"))
from delivering import FakeClock


class Restless(MemoryOutbox):
    """Its event goes to and fro: each time that somebody has looked, it has moved on."""

    async def _move(self):
        self.batch = getattr(self, "batch", None)
        if self.batch is None:
            self.batch = await claim_all(self)
        else:
            await self.settle(self.batch, ended(Step.SPLIT, due_at=1.0))
            self.batch = None

    async def lanes(self):
        try:
            return await super().lanes()
        finally:
            await self._move()

    async def counts(self):
        try:
            return await super().counts()
        finally:
            await self._move()


class Unhindered(Gateway):
    """One whose lanes are all open."""

    def obstacle(self, _lane):
        return None


async def test_an_event_that_moves_between_two_looks_is_waited_for():
    gateway = Unhindered.__new__(Unhindered)
    gateway.outbox, gateway.clock = Restless(), FakeClock()
    assert not await gateway._busy()
    await store(gateway.outbox, new_event())
    for _ in range(4):
        assert await gateway._busy()
