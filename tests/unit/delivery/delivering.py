"""A Meta that does as it is told, a clock that can be put forward, and a dispatcher between the two."""

import asyncio
import json
from contextlib import asynccontextmanager

from konversi.clock import now
from konversi.delivery.destination import Destination
from konversi.delivery.dispatcher import Dispatcher
from konversi.delivery.watch import Watch
from konversi.meta.answers import Kind, Verdict
from konversi.meta.graph import Credentials, Sent
from konversi.meta.usage import Usage
from konversi.outbox.memory import MemoryOutbox
from outboxes import until


def sent(kind=Kind.DELIVERED, usage=None, **given):
    return Sent(Verdict(kind, "Why.", **given), usage or Usage())


class FakeClock:
    """The machine's clock, put forward by hand. Retries come as soon as the schedule lets them."""

    def __init__(self):
        self.ahead = 0.0

    def now(self):
        return now() + self.ahead

    def jitter(self):
        return 0.0


class FakeMeta:
    """Answers with `answer(ids, lane's test code)`; keeps every request; waits while `gate` is closed."""

    def __init__(self):
        self.requests = []
        self.codes = []
        self.answer = lambda ids: sent(events_received=len(ids))
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = self.most_under_way = 0

    async def send(self, to, data, *, events, test_code):
        ids = [event["event_id"] for event in json.loads(b"[" + data + b"]")]
        assert len(ids) == events
        self.requests.append(ids)
        self.codes.append(test_code)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        answer = self.answer(ids)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def events(self):
        return [id_ for ids in self.requests for id_ in ids]


class Delivery:
    """A dispatcher at work on a store in memory."""

    def __init__(
        self, outbox=None, on_in_doubt="resend", credentials=lambda dataset: Credentials("12345", "EAAsecret")
    ):
        self.outbox = outbox or MemoryOutbox()
        self.meta = FakeMeta()
        self.clock = FakeClock()
        self.watch = Watch()
        self.credentials, self.on_in_doubt = credentials, on_in_doubt
        self.dispatcher = Dispatcher(self.outbox, self.meta, self.destination, clock=self.clock, watch=self.watch)

    def destination(self, dataset):
        to = self.credentials(dataset)
        return to and Destination(to, self.on_in_doubt)

    async def accept(self, *events):
        verdicts = await self.outbox.append(events)
        for lane in {event.lane for event in events}:
            self.dispatcher.wake(lane)
        return [verdict.id for verdict in verdicts]

    def forward(self, seconds):
        self.clock.ahead += seconds
        for courier in self.dispatcher.couriers.values():
            courier.wake()

    async def counts(self):
        return (await self.outbox.counts()).states

    async def settled(self, state, number):
        async def reached():
            return (await self.counts())[state] == number

        await until(reached, 10)

    async def settled_in_time(self, state, number, step=700.0):
        """As `settled`, putting the clock forward again and again."""

        async def reached():
            self.forward(step)
            return (await self.counts())[state] == number

        await until(reached, 15)

    @asynccontextmanager
    async def at_work(self):
        task = asyncio.create_task(self.dispatcher.run())
        try:
            yield self
        finally:
            self.meta.gate.set()
            self.dispatcher.stop()
            async with asyncio.timeout(5):
                await task
