"""SQLite for one process: the owner's lock, the settings of the file, and the one thread that writes."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager

import pytest

from konversi.database.sqlite import OwnerLock, path_of, reading_engine, writing_engine
from konversi.database.sqlite_threads import Reader
from konversi.database.sqlite_writer import Writer
from konversi.errors import ShuttingDown, StorageInUse, StorageUnavailable
from outboxes import until

TAKE = """
import sys
from pathlib import Path
from konversi.database.sqlite import OwnerLock
from konversi.errors import StorageInUse
try:
    lock = OwnerLock(Path(sys.argv[1]))
except StorageInUse:
    print("in use")
else:
    print("mine")
    if len(sys.argv) > 2:
        import os
        sys.stdout.flush()
        sys.stdin.read()
"""


def taken_by_another(path):
    done = subprocess.run(
        [sys.executable, "-c", TAKE, str(path)], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()


def test_a_second_owner_is_refused(tmp_path):
    lock = OwnerLock(tmp_path / "one.db")
    with pytest.raises(StorageInUse, match=r"one\.db"):
        OwnerLock(tmp_path / "one.db")
    OwnerLock(tmp_path / "two.db").release()
    lock.release()
    OwnerLock(tmp_path / "one.db").release()


def test_another_process_is_refused_until_the_owner_lets_go(tmp_path):
    lock = OwnerLock(tmp_path / "one.db")
    assert taken_by_another(tmp_path / "one.db") == "in use"
    lock.release()
    assert taken_by_another(tmp_path / "one.db") == "mine"


def test_a_second_owner_by_another_name_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.db").symlink_to(tmp_path / "one.db")
    owner = OwnerLock(tmp_path / "one.db")
    with pytest.raises(StorageInUse):
        OwnerLock(tmp_path / "elsewhere" / "link.db")
    owner.release()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", TAKE, str(tmp_path / "one.db"), "stay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout.readline() == "mine\n"
        with pytest.raises(StorageInUse):
            OwnerLock(tmp_path / "one.db")
        owner.kill()
        owner.wait(10)
    OwnerLock(tmp_path / "one.db").release()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StorageUnavailable, match="nowhere"):
        OwnerLock(tmp_path / "nowhere" / "one.db")


def test_the_file_of_an_address():
    assert str(path_of("sqlite:////var/lib/k.db")) == "/var/lib/k.db"
    assert str(path_of("sqlite:///data/k.db")) == "data/k.db"


@asynccontextmanager
async def a_writer(path):
    writer = Writer(writing_engine(path))
    try:
        await writer.submit(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n INTEGER UNIQUE)"))
        yield writer
    finally:
        await writer.aclose()


def put(number):
    return lambda connection: connection.exec_driver_sql("INSERT INTO t VALUES (?)", (number,)).rowcount


def numbers(path):
    connection = sqlite3.connect(path)
    found = [number for (number,) in connection.execute("SELECT n FROM t ORDER BY n")]
    connection.close()
    return found


async def test_a_commit_is_synced_before_it_is_answered(tmp_path):
    async with a_writer(tmp_path / "w.db") as writer:
        settings = await writer.submit(
            lambda connection: [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
            ]
        )
        assert settings == ["wal", 2]
        await writer.submit(put(1))
        assert numbers(tmp_path / "w.db") == [1]


async def test_a_job_that_fails_takes_no_other_of_its_turn_with_it(tmp_path):
    def fail(connection):
        connection.exec_driver_sql("INSERT INTO t VALUES (99)")
        raise LookupError("mine alone")

    async with a_writer(tmp_path / "w.db") as writer:
        results = await asyncio.gather(
            *(writer.submit(job) for job in (put(1), fail, put(2), put(1), put(3))), return_exceptions=True
        )
        assert [type(result).__name__ for result in results] == ["int", "LookupError", "int", "IntegrityError", "int"]
        assert numbers(tmp_path / "w.db") == [1, 2, 3]
        assert writer.broken is None


async def test_a_caller_that_has_gone_disturbs_nobody(tmp_path):
    async with a_writer(tmp_path / "w.db") as writer:
        gone, there = writer.submit(put(1)), writer.submit(put(2))
        gone.cancel()
        assert await there == 1
        assert numbers(tmp_path / "w.db") == [1, 2]


async def test_a_full_disk_is_the_storages_fault_and_passes(tmp_path):
    def limited(extra):
        def job(connection):
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + extra}")

        return job

    def fill(connection):
        connection.exec_driver_sql("CREATE TABLE big AS SELECT randomblob(100000)")

    async with a_writer(tmp_path / "w.db") as writer:
        await writer.submit(limited(0))
        results = await asyncio.gather(writer.submit(fill), writer.submit(put(1)), return_exceptions=True)
        assert isinstance(results[0], StorageUnavailable)
        assert results[1] == 1
        assert writer.broken is None
        await writer.submit(limited(1_000))
        await writer.submit(fill)


@pytest.mark.parametrize("name", ["SQLITE_IOERR_FSYNC", "SQLITE_IOERR_WRITE", "SQLITE_CORRUPT", "SQLITE_NOTADB"])
async def test_after_a_fault_of_the_disk_nothing_more_is_written(tmp_path, name):
    begun, go_on = threading.Event(), threading.Event()

    def fail(connection):
        begun.set()
        go_on.wait(5)
        error = sqlite3.OperationalError("the disk")
        error.sqlite_errorname = name
        raise error

    async with a_writer(tmp_path / "w.db") as writer:
        together = [writer.submit(job) for job in (put(1), fail, put(2))]
        await asyncio.to_thread(begun.wait, 5)
        behind = writer.submit(put(3))  # in the next turn
        go_on.set()
        results = await asyncio.gather(*together, behind, return_exceptions=True)
        assert isinstance(results[1], StorageUnavailable)
        assert "the disk" in writer.broken
        with pytest.raises(StorageUnavailable):
            await writer.submit(put(4))
        written = [number for number, result in zip((1, None, 2, 3), results, strict=True) if result == 1]
        assert numbers(tmp_path / "w.db") == written
        assert 2 not in written
        assert 3 not in written


async def test_a_file_locked_by_a_stranger_is_waited_for_and_then_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("konversi.database.sqlite_driver._BUSY_SECONDS", 0.05)
    async with a_writer(tmp_path / "w.db") as writer:
        stranger = sqlite3.connect(tmp_path / "w.db", isolation_level=None)
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable, match="locked"):
            await writer.submit(put(1))
        assert writer.broken is None
        stranger.execute("ROLLBACK")
        stranger.close()
        assert await writer.submit(put(1)) == 1


async def test_closing_finishes_what_is_queued_and_takes_nothing_more(tmp_path):
    async with a_writer(tmp_path / "w.db") as writer:
        queued = [writer.submit(put(n)) for n in range(10)]
        await writer.aclose()
        assert await asyncio.gather(*queued) == [1] * 10
        with pytest.raises(ShuttingDown):
            await writer.submit(put(99))


async def test_a_file_that_can_not_be_opened_fails_every_job(tmp_path):
    (tmp_path / "w.db").mkdir()
    writer = Writer(writing_engine(tmp_path / "w.db"))
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="unable to open"):
            await writer.submit(put(1))
    assert writer.broken
    await writer.aclose()


def a_quick_disk(monkeypatch):
    """Whatever this machine has, and whatever else it does."""
    for limit in ("_QUICK_SECONDS", "_NOTICED_SECONDS"):
        monkeypatch.setattr(f"konversi.database.sqlite_writer.{limit}", 60.0)


def test_the_reader_can_not_write(tmp_path):
    sqlite3.connect(tmp_path / "r.db").close()
    engine = reading_engine(tmp_path / "r.db")
    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("CREATE TABLE t (n)")
    engine.dispose()


async def test_a_brief_job_is_done_at_once_while_the_disk_is_quick(tmp_path, monkeypatch):
    a_quick_disk(monkeypatch)
    async with a_writer(tmp_path / "w.db") as writer:
        told = []
        writer.call(put(1), told.append, brief=True)
        assert told == [1]
        assert numbers(tmp_path / "w.db") == [1]  # durable by then
        writer.call(put(1), told.append, brief=True)
        assert type(told[1]).__name__ == "IntegrityError"
        writer.call(put(2), told.append, brief=True)
        assert told[2:] == [1]


async def test_a_brief_job_can_be_done_in_any_thread(tmp_path, monkeypatch):
    a_quick_disk(monkeypatch)
    async with a_writer(tmp_path / "w.db") as writer:
        put_one, put_it_again = put(1), put(1)
        assert await asyncio.to_thread(writer.at_once, put_one) == [1]
        assert numbers(tmp_path / "w.db") == [1]
        (failure,) = await asyncio.to_thread(writer.at_once, put_it_again)
        assert type(failure).__name__ == "IntegrityError"
        assert await writer.submit(put(2)) == 1


async def test_a_thread_that_would_have_to_wait_is_told_so(tmp_path, monkeypatch):
    a_quick_disk(monkeypatch)
    async with a_writer(tmp_path / "w.db") as writer:
        begun, go_on = threading.Event(), threading.Event()
        other = writer.submit(lambda _: (begun.set(), go_on.wait(5)))
        await asyncio.to_thread(begun.wait, 5)
        assert not await asyncio.to_thread(writer.at_once, put(1))
        go_on.set()
        await other
        stranger = sqlite3.connect(tmp_path / "w.db", isolation_level=None)
        stranger.execute("BEGIN IMMEDIATE")
        assert not await asyncio.to_thread(writer.at_once, put(1))
        stranger.close()
        writer._quick = True
        assert await asyncio.to_thread(writer.at_once, put(2)) == [1]
        await writer.aclose()
        assert not writer.at_once(put(3))
    assert numbers(tmp_path / "w.db") == [2]


async def test_many_threads_write_at_once_or_not_at_all(tmp_path, monkeypatch):
    a_quick_disk(monkeypatch)
    done = []
    async with a_writer(tmp_path / "w.db") as writer:

        def some(first):
            done.extend(number for number in range(first, first + 50) if writer.at_once(put(number)))

        threads = [asyncio.to_thread(some, first) for first in (0, 100, 200)]
        queued = [writer.submit(put(number)) for number in range(300, 350)]
        await asyncio.gather(*threads, *queued)
        assert await asyncio.to_thread(writer.at_once, put(400)) == [1]
    assert numbers(tmp_path / "w.db") == sorted([*done, *range(300, 350), 400])


async def test_a_slow_disk_does_not_hold_up_the_event_loop_twice(tmp_path, monkeypatch):
    a_quick_disk(monkeypatch)
    async with a_writer(tmp_path / "w.db") as writer:
        monkeypatch.setattr("konversi.database.sqlite_writer._QUICK_SECONDS", -1.0)
        told = []
        writer.call(put(1), told.append, brief=True)
        assert told == [1]
        writer.call(put(2), told.append, brief=True)
        assert told == [1]
        await until(lambda: told == [1, 1])


async def test_a_job_that_thinks_for_a_while_says_nothing_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("konversi.database.sqlite_writer._QUICK_SECONDS", 0.5)
    monkeypatch.setattr("konversi.database.sqlite_writer._NOTICED_SECONDS", 60.0)

    def thinking(connection):
        time.sleep(0.6)  # before the commit
        return put(1)(connection)

    async with a_writer(tmp_path / "w.db") as writer:
        told = []
        writer.call(thinking, told.append, brief=True)
        writer.call(put(2), told.append, brief=True)
        assert told == [1, 1]


async def test_a_job_that_stops_the_event_loop_for_long_does_it_once(tmp_path, monkeypatch):
    monkeypatch.setattr("konversi.database.sqlite_writer._QUICK_SECONDS", 60.0)
    monkeypatch.setattr("konversi.database.sqlite_writer._NOTICED_SECONDS", 0.5)
    in_threads = []

    def slow(connection):
        in_threads.append(threading.current_thread() is not threading.main_thread())
        time.sleep(0.6)
        return put(len(in_threads))(connection)

    async with a_writer(tmp_path / "w.db") as writer:
        told = []
        for _ in range(3):
            writer.call(slow, told.append, brief=True)
        await until(lambda: told == [1, 1, 1])
        writer.call(slow, told.append, brief=True)  # the thread has seen nothing quick
        await until(lambda: told == [1, 1, 1, 1])
        assert in_threads == [False, True, True, True]


async def test_a_job_that_fails_slowly_holds_up_the_event_loop_once(tmp_path, monkeypatch):
    monkeypatch.setattr("konversi.database.sqlite_writer._QUICK_SECONDS", 0.5)
    in_threads = []

    def failing(_):
        in_threads.append(threading.current_thread() is not threading.main_thread())
        time.sleep(0.6)
        raise sqlite3.OperationalError("database or disk is full")

    async with a_writer(tmp_path / "w.db") as writer:
        told = []
        for _ in range(3):
            writer.call(failing, told.append, brief=True)
        await until(lambda: len(told) == 3)
        assert not in_threads[0]
        assert all(in_threads[1:])


async def test_a_brief_job_waits_its_turn_behind_others(tmp_path, monkeypatch):
    a_quick_disk(monkeypatch)
    async with a_writer(tmp_path / "w.db") as writer:
        begun, go_on = threading.Event(), threading.Event()

        def long(_):
            begun.set()
            go_on.wait(5)

        other = writer.submit(long)
        await asyncio.to_thread(begun.wait, 5)
        told = []
        writer.call(put(1), told.append, brief=True)
        assert told == []
        go_on.set()
        await other
        await until(lambda: told == [1])


async def _told(writer, job, *, brief=True):
    done = asyncio.get_running_loop().create_future()
    writer.call(job, done.set_result, brief=brief)
    return await asyncio.wait_for(done, 10)


async def test_a_strangers_lock_never_holds_up_the_event_loop(tmp_path):
    stranger = sqlite3.connect(tmp_path / "w.db", isolation_level=None)
    async with a_writer(tmp_path / "w.db") as writer:
        writer._quick = True
        stranger.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        waiting = asyncio.ensure_future(_told(writer, put(1)))
        await asyncio.sleep(0)
        assert time.monotonic() - began < 1
        stranger.execute("ROLLBACK")
        assert await waiting == 1
    stranger.close()
    assert numbers(tmp_path / "w.db") == [1]


async def test_a_read_runs_in_the_readers_thread_and_can_not_write(tmp_path):
    async with a_writer(tmp_path / "w.db"):
        reader = Reader(reading_engine(tmp_path / "w.db"))
        assert (await reader.submit(lambda _: threading.current_thread())).name == "konversi-reader"
        with pytest.raises(StorageUnavailable, match="readonly"):
            await reader.submit(put(1))
        await reader.aclose()
        with pytest.raises(ShuttingDown):
            await reader.submit(put(1))


async def test_a_long_job_ends_the_turn_so_that_those_before_it_are_answered_sooner(tmp_path):
    async with a_writer(tmp_path / "w.db") as writer:
        begun, go_on, told = threading.Event(), threading.Event(), []
        hold = writer.submit(lambda _: (begun.set(), go_on.wait(5)))
        await asyncio.to_thread(begun.wait, 5)
        writer.call(lambda _: "short", lambda result: told.append((result, numbers(tmp_path / "w.db"))))
        writer.call(put(1), lambda result: told.append((result, numbers(tmp_path / "w.db"))), long=True)
        writer.call(put(2), lambda result: told.append((result, numbers(tmp_path / "w.db"))))
        turns = []
        running = writer._run
        writer._run = lambda jobs, **how: (turns.append(len(jobs)), running(jobs, **how))[1]
        go_on.set()
        await hold
        await until(lambda: len(told) == 3)
    assert turns == [2, 1]
    assert [result for result, _ in told] == ["short", 1, 1]
