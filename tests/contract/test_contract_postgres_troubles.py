"""Trouble with PostgreSQL: a job is done again, or its caller hears that the storage is away; and the threads go on."""

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from konversi.database import postgres, postgres_threads
from konversi.database.opening import open_database
from konversi.database.postgres import driver_of
from konversi.errors import ShuttingDown, StorageUnavailable
from konversi.outbox import hot_postgres
from konversi.outbox.store import open_outbox
from outboxes import LIVE, all_of, ended, new_events, until
from postgres import server

MAKE = "CREATE TABLE spare (id int PRIMARY KEY, n int NOT NULL); INSERT INTO spare VALUES (1, 0), (2, 0)"
OURS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"


@pytest.fixture
def url():
    with server().database() as url:
        ask(url, MAKE)
        yield url


def name_of(url):
    return make_url(url).database


def ask(url, statement):
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        found = connection.execute(statement)
        return found.fetchall() if found.description else None


def terminate_all(url):
    """Every connection of the database but the one that says so."""
    return ask(url, OURS)


@asynccontextmanager
async def opened(url):
    database = await open_database(url)
    try:
        yield database
    finally:
        await database.aclose()


def add(row):
    return lambda connection: driver_of(connection).execute("UPDATE spare SET n = n + 1 WHERE id = %s", (row,)).rowcount


async def all_threads_go_on(database):
    """Each writer and each reader can be met by as many jobs at once as there are of them."""
    for run, number in ((database.write, 4), (database.read, 2)):
        met = threading.Barrier(number, timeout=10)

        def job(connection, met=met):
            met.wait()
            return driver_of(connection).execute("SELECT 1").fetchone()

        assert await asyncio.gather(*(run(job) for _ in range(number))) == [(1,)] * number


async def test_two_jobs_that_wait_for_each_other_in_a_circle_are_both_done(url, monkeypatch):
    monkeypatch.setattr(postgres, "_SESSION", postgres._SESSION + " -c deadlock_timeout=50ms")
    async with opened(url) as database:
        met, tries = threading.Barrier(2, timeout=10), []

        def job(first, second):
            def run(connection):
                tries.append(first)
                add(first)(connection)
                if len(tries) <= 2:
                    met.wait()
                add(second)(connection)

            return run

        await asyncio.gather(database.write(job(1, 2)), database.write(job(2, 1)))
        assert len(tries) >= 3  # one of them again, on a busy machine more than once
        assert ask(url, "SELECT n FROM spare") == [(2,), (2,)]
        await all_threads_go_on(database)


def failing(times, state="40001"):
    """A job that the server refuses so often, and how often it was run."""
    runs = []

    def job(connection):
        runs.append(1)
        if len(runs) <= times:
            driver_of(connection).execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
        return add(1)(connection)

    return job, runs


async def test_a_transaction_that_another_was_in_the_way_of_is_run_again_but_not_for_ever(url):
    async with opened(url) as database:
        job, runs = failing(3)
        assert await database.write(job) == 1
        assert len(runs) == 4
        job, runs = failing(1_000)
        with pytest.raises(StorageUnavailable):
            await database.write(job)
        assert len(runs) == postgres_threads._TRIES
        assert ask(url, "SELECT n FROM spare WHERE id = 1") == [(1,)]
        await all_threads_go_on(database)


async def test_a_wrong_statement_is_its_callers_concern_alone(url):
    async with opened(url) as database:
        results = await asyncio.gather(
            database.write(lambda connection: driver_of(connection).execute("SELECT nothing FROM nowhere")),
            *(database.write(add(1)) for _ in range(8)),
            return_exceptions=True,
        )
        assert isinstance(results[0], psycopg.errors.UndefinedTable)
        assert results[1:] == [1] * 8
        await all_threads_go_on(database)


@contextmanager
def a_stranger_holding(url, statement):
    with psycopg.connect(url.replace("+psycopg", "")) as stranger:
        stranger.execute(statement)
        yield
        stranger.rollback()


async def test_a_strangers_lock_makes_the_storage_unavailable_and_then_available_again(url, monkeypatch):
    monkeypatch.setattr(postgres, "_SESSION", "-c statement_timeout=30s -c lock_timeout=100ms")
    outbox = await open_outbox(url)
    try:
        with a_stranger_holding(url, "LOCK TABLE events"), pytest.raises(StorageUnavailable, match="lock timeout"):
            await outbox.append(new_events(3))
        assert len(await outbox.append(new_events(3))) == 3
        await all_threads_go_on(outbox.database)
    finally:
        await outbox.aclose()


async def test_a_statement_that_takes_too_long_makes_the_storage_unavailable(url, monkeypatch):
    monkeypatch.setattr(postgres, "_SESSION", "-c statement_timeout=100ms")
    async with opened(url) as database:
        for run in (database.write, database.read, database.look_up):
            with pytest.raises(StorageUnavailable, match="statement timeout"):
                await run(lambda connection: connection.execute(text("SELECT pg_sleep(20)")))
        await all_threads_go_on(database)


async def test_connections_that_were_ended_while_nobody_used_them_are_made_anew_without_a_word(url):
    async with opened(url) as database:
        await all_threads_go_on(database)
        for _ in range(3):
            terminate_all(url)
            assert await asyncio.gather(*(database.write(add(1)) for _ in range(8))) == [1] * 8
            assert await database.read(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
            await all_threads_go_on(database)


@pytest.mark.parametrize(
    "speak", [lambda c, s: c.execute(text(s)), lambda c, s: driver_of(c).execute(s)], ids=["core", "driver"]
)
@pytest.mark.parametrize("run", ["write", "read", "look_up"])
async def test_a_connection_that_is_ended_during_a_statement_is_made_anew_and_the_job_done_again(url, run, speak):
    """Of Core's and of the driver's own: Core gives a lost connection up by itself."""
    async with opened(url) as database:
        await all_threads_go_on(database)
        for _ in range(6):  # more often than there are threads
            runs = []

            def job(connection, runs=runs):
                runs.append(1)
                if len(runs) == 1:
                    speak(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
                return speak(connection, "SELECT 1").fetchone()[0]

            assert await getattr(database, run)(job) == 1
            assert len(runs) == 2
        await all_threads_go_on(database)


async def test_a_connection_that_is_ended_again_and_again_makes_the_storage_unavailable(url):
    async with opened(url) as database:
        with pytest.raises(StorageUnavailable):
            await database.write(lambda c: c.execute(text("SELECT pg_terminate_backend(pg_backend_pid())")))
        await all_threads_go_on(database)


async def test_a_commit_whose_end_nobody_knows_is_not_done_again(url):
    async with opened(url) as database:
        runs = []

        def job(connection):
            runs.append(1)
            add(1)(connection)
            driver_of(connection).pgconn.finish()

        with pytest.raises(StorageUnavailable):
            await database.write(job)
        assert len(runs) == 1
        assert await database.write(add(1)) == 1
        await all_threads_go_on(database)


async def test_a_server_that_only_reads_is_asked_anew_until_it_writes(url):
    name = name_of(url)
    async with opened(url) as database:
        await all_threads_go_on(database)
        ask(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        terminate_all(url)
        for _ in range(8):
            with pytest.raises(StorageUnavailable, match="read-only"):
                await database.write(add(1))
        server().execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        assert await asyncio.gather(*(database.write(add(1)) for _ in range(8))) == [1] * 8


async def test_too_many_connections_make_the_storage_unavailable_until_there_is_room(monkeypatch):
    monkeypatch.setattr(postgres_threads, "_REST_SECONDS", 0.02)
    with server().empty_database() as url:
        name = name_of(url)
        role = f"{name}_role"
        ask(url, f"CREATE ROLE {role} LOGIN; ALTER DATABASE {name} OWNER TO {role}")
        theirs = url.replace("//postgres:", f"//{role}:")
        assert theirs != url
        async with opened(theirs) as database:
            await all_threads_go_on(database)
            ask(url, f"ALTER ROLE {role} CONNECTION LIMIT 0")
            terminate_all(url)
            with pytest.raises(StorageUnavailable, match="too many connections"):
                await database.write(lambda connection: connection.execute(text("SELECT 1")).scalar())
            ask(url, f"ALTER ROLE {role} CONNECTION LIMIT 7")

            async def is_back():
                try:
                    return await database.write(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
                except StorageUnavailable:
                    return False

            await until(is_back)
            await asyncio.sleep(0.03)
            await all_threads_go_on(database)
        ask(url, f"ALTER DATABASE {name} OWNER TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")


async def test_while_a_server_can_not_be_reached_what_is_queued_does_not_wait_for_one_try_each(url, monkeypatch):
    async with opened(url) as database:
        tries = []

        def refuse():
            tries.append(1)
            raise psycopg.OperationalError("it does not answer")

        terminate_all(url)
        monkeypatch.setattr(database._engine, "connect", refuse)
        results = await asyncio.gather(*(database.write(add(1)) for _ in range(200)), return_exceptions=True)
        assert {str(result.detail) for result in results} == {"PostgreSQL: it does not answer."}
        assert len(tries) <= 2 * 4 + 1  # those of the threads, and of the one that listens
        monkeypatch.undo()
        await asyncio.sleep(postgres_threads._REST_SECONDS)
        assert await database.write(add(1)) == 1


async def test_what_was_asked_before_the_end_is_done_and_what_comes_after_is_told_so(url):
    database = await open_database(url)
    asked = [asyncio.ensure_future(database.write(add(1))) for _ in range(20)]
    await asyncio.sleep(0)
    await database.aclose()
    assert await asyncio.gather(*asked) == [1] * 20
    with pytest.raises(ShuttingDown):
        await database.write(add(1))


async def test_the_same_events_in_opposite_order_from_two_processes_are_accepted_once_each(url):
    one, other = await open_outbox(url), await open_outbox(url)
    try:
        for round_ in range(10):
            events = [event._replace(event_id=f"{round_}:{event.event_id}") for event in new_events(300)]
            there, back = await asyncio.gather(one.append(events), other.append(events[::-1]))
            assert [verdict.id for verdict in there] == [verdict.id for verdict in back][::-1]
            assert sum(not verdict.repeat for verdict in (*there, *back)) == 300
            assert not any(verdict.conflict for verdict in (*there, *back))
        assert (await one.counts()).totals == {"accept": 3_000}
    finally:
        await one.aclose()
        await other.aclose()


@pytest.mark.parametrize("at_once", [1, 3])
async def test_no_more_attempts_are_open_than_may_be_whoever_makes_them(url, at_once):
    outboxes = [await open_outbox(url) for _ in range(2)]
    try:
        await outboxes[0].append(new_events(200))
        for _ in range(5):
            claims = [
                outbox.claim(LIVE, 2e9, 2e9 + 60, lambda candidates: all_of(candidates[:5]), at_once=at_once)
                for _ in range(6)
                for outbox in outboxes
            ]
            batches = [batch for batch in await asyncio.gather(*claims) if batch]
            assert len(batches) == at_once
            for batch in batches:
                await outboxes[0].settle(batch, ended())
    finally:
        for outbox in outboxes:
            await outbox.aclose()


async def test_what_is_due_before_those_that_overtook_it_is_claimed_all_the_same(url, monkeypatch):
    """An append that took long commits after later ones: claims begin where they ended, but not for ever."""
    monkeypatch.setattr(hot_postgres, "_LOOK_BACK_SECONDS", 0.05)
    one, other = await open_outbox(url), await open_outbox(url)
    seen = set()

    def look(candidates):
        seen.update(candidate.id for candidate in candidates)
        return all_of([])

    try:
        await one.append(new_events(3))
        monkeypatch.setattr(one.database, "now", lambda: 2e9)
        await one.claim(LIVE, 2e9, 2e9 + 60, lambda candidates: all_of(candidates[:1]))
        monkeypatch.setattr(other.database, "now", lambda: 1e9)
        (late,) = await other.append([new_events(1)[0]._replace(event_id="late")])

        async def is_seen():
            await one.claim(LIVE, 2e9, 2e9 + 60, look)
            return late.id in seen

        await until(is_seen)
    finally:
        await one.aclose()
        await other.aclose()


async def test_a_claim_does_not_go_past_all_that_was_claimed_since_the_last_vacuum(url, monkeypatch):
    ask(url, "ALTER TABLE queue SET (autovacuum_enabled = off)")
    monkeypatch.setattr(hot_postgres, "_LOOK_BACK_SECONDS", 1e9)
    outbox = await open_outbox(url)
    try:
        await outbox.append(new_events(6_000))
        for _ in range(5):
            await outbox.settle(await outbox.claim(LIVE, 2e9, 2e9 + 60, all_of), ended())
        front = outbox._hot._fronts[LIVE]
    finally:
        await outbox.aclose()

    def pages(due_at, id_):
        """How many the look for due events visits."""
        look = hot_postgres._DUE.replace("FOR UPDATE SKIP LOCKED", "") % (f"'{LIVE}'", due_at, id_, 2e9)
        ((found,),) = ask(url, f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {look}")
        return found[0]["Plan"]["Shared Hit Blocks"] + found[0]["Plan"]["Shared Read Blocks"]

    pages(*hot_postgres._START)
    assert pages(front.due_at, front.id) < pages(*hot_postgres._START) * 0.7
