"""The stores that the contract holds for, and what tests of an outbox need."""

import asyncio
import inspect
from contextlib import asynccontextmanager

from konversi.outbox.memory import MemoryOutbox
from konversi.outbox.port import Choice, NewEvent, Settlement
from konversi.outbox.sqlite import SqliteOutbox
from konversi.outbox.states import Step

LIVE = "default|live|chat"
OTHER = "default|live|website"
TEST = "default|test=TEST12345|chat"
LATER = 4e9  # Unix seconds after anything that a test stores is due
FAR = 10**10  # a deadline that never comes


def new_event(event_id="Lead:1", *, lane=LIVE, name="Lead", deadline=FAR, digest=b"d" * 16, body=None, booking_id=None):
    """An event that is ready to be sent."""
    return NewEvent(
        lane=lane,
        dataset="default",
        event_name=name,
        event_id=event_id,
        booking_id=booking_id,
        event_time=1_700_000_000,
        deadline=deadline,
        digest=digest,
        body=body if body is not None else b'{"event_id":"%s"}' % event_id.encode(),
        notes="",
    )


def new_events(count, **given):
    return [new_event(f"Lead:{number}", **given) for number in range(count)]


def all_of(candidates):
    """A planner that takes everything."""
    return Choice([candidate.id for candidate in candidates])


def always(step):
    """The same step for every lane."""
    return lambda _lane: step


def ended(step=Step.DELIVER, verdict="delivered", **given):
    return Settlement(step, verdict, **{"ended_at": 2e9, **given})


async def store(outbox, *events):
    """Append, and the ids."""
    return [one.id for one in await outbox.append(events)]


async def claim_all(outbox, lane=LIVE, *, now=LATER, lease_until=LATER + 60):
    return await outbox.claim(lane, now, lease_until, all_of)


async def states_of(outbox, ids):
    return [(await outbox.find(id_)).state for id_ in ids]


async def until(condition, seconds=5):
    """Wait for a condition, plain or asynchronous, to hold."""
    async with asyncio.timeout(seconds):
        while not (await condition() if inspect.iscoroutinefunction(condition) else condition()):
            await asyncio.sleep(0.002)


class MemoryHarness:
    """`open()` gives the store; what was in it is gone with it."""

    durable = False

    def __init__(self, folder):
        pass

    @asynccontextmanager
    async def open(self):
        outbox = MemoryOutbox()
        yield outbox
        await outbox.aclose()


class SqliteHarness:
    """`open()` gives the store; opening again gives the same events."""

    durable = True

    def __init__(self, folder):
        self.url = f"sqlite:///{folder / 'outbox.db'}"

    @asynccontextmanager
    async def open(self):
        outbox = await SqliteOutbox.open(self.url)
        try:
            yield outbox
        finally:
            await outbox.aclose()


HARNESSES = {"memory": MemoryHarness, "sqlite": SqliteHarness}
