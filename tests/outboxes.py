"""The stores that the contract holds for, and what tests of an outbox need."""

import asyncio
import shutil
import sqlite3
from contextlib import ExitStack, asynccontextmanager, closing, nullcontext
from inspect import iscoroutinefunction

from sqlalchemy import inspect

from konversi.database.postgres import PostgresDriver, driver_of, engine_of
from konversi.database.slots import pieces
from konversi.database.sqlite import path_of
from konversi.outbox.memory import MemoryOutbox
from konversi.outbox.port import Choice, NewEvent, Settlement
from konversi.outbox.staging import file_beside
from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox
from postgres import server

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
        while not (await condition() if iscoroutinefunction(condition) else condition()):
            await asyncio.sleep(0.002)


def staged_in(path):
    """How many events are staged beside this SQLite database."""
    with closing(sqlite3.connect(path)) as database:
        (owner,) = database.execute("SELECT value FROM installation WHERE name = 'staged_by'").fetchone()
    return len(pieces(file_beside(path), bytes.fromhex(owner)))


def left_by_a_kill(path, left):
    """The files of an SQLite database as a process leaves them that is killed now, at another path."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(left)) as copy:
        source.backup(copy)
    shutil.copyfile(file_beside(path), file_beside(left))
    return left


def sqlite_url(folder):
    """The URL of a new SQLite database, as a context."""
    return nullcontext(f"sqlite:///{folder / 'konversi.db'}")


def postgres_url(_folder):
    """The URL of a new PostgreSQL database, which is gone after the context."""
    return server().database()


def kept_in(url):
    """All that a database has on disk, or all that can be asked of it."""
    if url.startswith("sqlite"):
        return b"".join(path.read_bytes() for path in path_of(url).parent.iterdir())
    engine = engine_of(url)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        rows = [connection.exec_driver_sql(f"SELECT t::text FROM {table} t").all() for table in tables]
    engine.dispose()
    return repr(rows).encode()


def plan_of(url, query, values):
    """How the database finds what a query asks for, in its own words."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path_of(url))) as reader:
            reader.execute("ANALYZE")
            return [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {query}", values)]
    engine = engine_of(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
        rows = PostgresDriver(driver_of(connection)).execute(f"EXPLAIN {query}", values).fetchall()
    engine.dispose()
    return [row[0] for row in rows]


URLS = {"sqlite": sqlite_url, "postgres": postgres_url}


class MemoryHarness:
    """`open()` gives the store; what was in it is gone with it."""

    durable = False

    def __init__(self, folder):
        pass

    def close(self):
        pass

    @asynccontextmanager
    async def open(self):
        outbox = MemoryOutbox()
        yield outbox
        await outbox.aclose()


class SqlHarness:
    """`open()` gives the store; opening again gives the same events."""

    durable = True

    def __init__(self, folder):
        self._stack = ExitStack()
        self.url = self._stack.enter_context(self.database(folder))

    def close(self):
        self._stack.close()

    @asynccontextmanager
    async def open(self):
        outbox = await open_outbox(self.url)
        try:
            yield outbox
        finally:
            await outbox.aclose()


class SqliteHarness(SqlHarness):
    database = staticmethod(sqlite_url)


class PostgresHarness(SqlHarness):
    database = staticmethod(postgres_url)


HARNESSES = {"memory": MemoryHarness, "sqlite": SqliteHarness, "postgres": PostgresHarness}
