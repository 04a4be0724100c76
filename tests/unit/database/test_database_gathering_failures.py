"""What many callers bring together: one commit, and nobody pays for another's mistake."""

import asyncio
import math
import sqlite3
import threading
from contextlib import asynccontextmanager

import pytest

from konversi.database import sqlite_writer
from konversi.database.gathering import Gathering
from konversi.database.sqlite_database import SqliteDatabase
from konversi.errors import Overloaded, StorageUnavailable


@asynccontextmanager
async def a_database(tmp_path):
    database = await SqliteDatabase.open(f"sqlite:///{tmp_path / 'g.db'}")
    try:
        await database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE kept (n INTEGER)"))
        yield database
    finally:
        await database.aclose()


def gathering(database, fails, *, rounds=None, most=1_000):
    """Keeps numbers, of callers who had company before; `fails` says with which exception, if any, a number fails."""

    def keep(connection, numbers):
        if rounds is not None:
            rounds.append(len(numbers))
        for number in numbers:
            connection.exec_driver_sql("INSERT INTO kept VALUES (?)", (number,))
            failure = fails(number)
            if failure is not None:
                raise failure
        return [-number for number in numbers]

    gathered = database.gathering(keep, size=lambda _number: 1, brief=100, most=most)
    gathered._company_until = math.inf
    return gathered


async def brought(kept, numbers):
    return await asyncio.wait_for(asyncio.gather(*map(kept.bring, numbers), return_exceptions=True), 30)


async def in_the_table(database):
    rows = await database.read(lambda connection: connection.exec_driver_sql("SELECT n FROM kept").scalars().all())
    return sorted(rows)


async def test_a_round_is_one_job(tmp_path):
    async with a_database(tmp_path) as database:
        rounds = []
        kept = gathering(database, lambda _number: None, rounds=rounds)
        assert await brought(kept, range(1, 50)) == [-number for number in range(1, 50)]
        assert rounds == [49]


@pytest.mark.parametrize(("in_turn", "expected"), [(True, [1, 400, 5]), (False, [1, *[202] * 2])])
async def test_what_comes_while_a_job_in_turn_is_under_way_makes_the_next_one_up_to_a_size(tmp_path, in_turn, expected):
    async with a_database(tmp_path) as database:
        rounds, held = [], threading.Event()

        def keep(_connection, numbers):
            rounds.append(len(numbers))
            return numbers

        kept = database.gathering(keep, size=lambda _number: 1, brief=40, most=1_000, in_turn=in_turn)
        writing = asyncio.create_task(database.write(lambda _connection: held.wait(30)))
        await asyncio.sleep(0)
        tasks = []
        for several in (1, 202, 203 - (not in_turn)):
            tasks += [asyncio.create_task(kept.bring(number)) for number in range(several)]
            for _ in range(3):
                await asyncio.sleep(0)
        held.set()
        await asyncio.wait_for(asyncio.gather(writing, *tasks), 30)
        assert rounds == expected


async def test_a_backlog_of_jobs_in_turn_leaves_the_event_loop_to_others(tmp_path):
    async with a_database(tmp_path) as database:
        where = []

        def keep(_connection, numbers):
            where.append(threading.current_thread())
            return numbers

        for _ in range(2):
            await database.write(lambda _connection: None)  # the disk is known to be quick
        kept = database.gathering(keep, size=lambda _number: 1, brief=5, most=20_000, in_turn=True)
        kept._company_until = math.inf
        tasks = [asyncio.create_task(kept.bring(number)) for number in range(5_000)]
        assert await asyncio.wait_for(asyncio.gather(*tasks), 60) == list(range(5_000))
        assert where.count(threading.current_thread()) <= 1, "the last, which nobody waits behind"


async def test_jobs_in_turn_that_are_done_within_the_call_are_not_done_within_each_other():
    depth = [0, 0]

    def call(job, done, **_how):
        depth[0] += 1
        depth[1] = max(depth)
        done(job(None))
        depth[0] -= 1

    kept = Gathering(
        call, lambda _connection, numbers: numbers, size=lambda _number: 1, brief=2, most=10_000, at_once=1, enough=2
    )
    tasks = [asyncio.create_task(kept.bring(number)) for number in range(3_000)]
    turns = 0
    while not all(one.done() for one in tasks):
        await asyncio.sleep(0)
        turns += 1
    assert depth == [0, 1]
    assert turns > 1_000, "one job in a round of the loop"


async def test_whoever_waits_when_jobs_in_turn_close_still_goes():
    kept = Gathering(
        lambda job, done, **_how: done(job(None)),
        lambda _connection, numbers: numbers,
        size=lambda _number: 1, brief=2, most=10_000, at_once=1, enough=2,
    )  # fmt: skip
    tasks = [asyncio.create_task(kept.bring(number)) for number in range(100)]
    await asyncio.sleep(0)
    kept.close()
    assert await asyncio.wait_for(asyncio.gather(*tasks), 5) == list(range(100))


async def test_a_begin_that_fails_as_no_lock_does_leaves_nobody_without_an_answer(tmp_path, monkeypatch):
    async with a_database(tmp_path) as database:
        for _ in range(2):
            await database.write(lambda _connection: None)
        kept = database.gathering(
            lambda _connection, numbers: numbers, size=lambda _number: 1, brief=100, most=1_000, in_turn=True
        )
        kept._company_until = math.inf

        def spoiled(_driver, **_how):
            monkeypatch.undo()
            raise sqlite3.DatabaseError("database disk image is malformed")

        monkeypatch.setattr(sqlite_writer, "begin", spoiled)
        assert await brought(kept, [1, 2]) == [1, 2]
        assert await brought(kept, [3, 4]) == [3, 4]


@pytest.mark.parametrize("guilty", [{1}, {25}, {49}, {7, 8}, set(range(1, 50))])
async def test_an_item_that_fails_takes_no_other_of_its_round_with_it(tmp_path, guilty):
    async with a_database(tmp_path) as database:
        kept = gathering(database, lambda number: ValueError(number) if number in guilty else None)
        results = await brought(kept, range(1, 50))
        for number, result in zip(range(1, 50), results, strict=True):
            if number in guilty:
                assert isinstance(result, ValueError)
                assert result.args == (number,)
            else:
                assert result == -number
        assert await in_the_table(database) == sorted(set(range(1, 50)) - guilty)


async def test_what_failed_makes_room_for_others(tmp_path):
    async with a_database(tmp_path) as database:
        kept = gathering(database, lambda number: ValueError(number) if number == 5 else None, most=10)
        assert sum(isinstance(result, ValueError) for result in await brought(kept, range(10))) == 1
        assert await brought(kept, range(10, 20)) == [-number for number in range(10, 20)]
        assert isinstance((await brought(kept, range(20, 31)))[-1], Overloaded)


async def test_a_fault_of_the_storage_is_nobodys_own_and_is_not_tried_again(tmp_path):
    async with a_database(tmp_path) as database:
        rounds = []
        full = sqlite3.OperationalError("database or disk is full")
        kept = gathering(database, lambda _number: full, rounds=rounds)
        results = await brought(kept, range(8))
        assert all(isinstance(result, StorageUnavailable) for result in results)
        assert len(rounds) == 1


async def test_a_caller_that_has_gone_disturbs_nobody_of_its_round(tmp_path):
    async with a_database(tmp_path) as database:
        kept = gathering(database, lambda number: ValueError(number) if number == 3 else None)
        callers = [asyncio.ensure_future(kept.bring(number)) for number in range(6)]
        await asyncio.sleep(0)
        callers[2].cancel()
        results = await asyncio.wait_for(asyncio.gather(*callers, return_exceptions=True), 30)
        assert [type(result).__name__ for result in results] == [
            "int", "int", "CancelledError", "ValueError", "int", "int",
        ]  # fmt: skip
        assert await in_the_table(database) == [0, 1, 2, 4, 5]
