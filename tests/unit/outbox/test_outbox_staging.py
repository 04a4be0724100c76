"""Events that come alone are staged on SQLite, and nobody ever sees that."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.database import slots
from konversi.database.sqlite_driver import begin, transaction
from konversi.errors import StorageUnavailable
from konversi.intake.prompt import at_once
from konversi.outbox.port import NewEvent, Search
from konversi.outbox.staging import Staged, file_beside
from konversi.outbox.states import State
from konversi.outbox.store import open_outbox
from outboxes import claim_all, ended, left_by_a_kill, new_event, new_events, staged_in, states_of, store, until

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ints = st.integers(0, 2**63 - 1)
values = dict.fromkeys(NewEvent._fields, texts) | {
    "event_time": ints,
    "deadline": ints,
    "digest": st.binary(max_size=16),
    "body": texts.map(str.encode),
    "journey": st.none() | ints,
    "touch": st.none() | ints,
    "given": st.none() | texts,
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Nobody comes for what is left over in the time that a test takes."""
    monkeypatch.setattr("konversi.database.sqlite_writer._LEFT_SECONDS", 60.0)


def in_the_file(path):
    """How many events are staged, and how many in their places."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        (placed,) = database.execute("SELECT count(*) FROM events").fetchone()
    return staged_in(path), placed


async def alone(outbox, *events):
    """Append each in a call of its own; their ids."""
    return [one.id for event in events for one in await outbox.append([event])]


async def test_events_that_come_alone_are_staged_and_some_of_them_go_to_their_places_together(path, url):
    outbox = await open_outbox(url)
    seen = []
    for event in new_events(2 * slots.NUMBER + 2):
        await alone(outbox, event)
        seen.append(in_the_file(path))
    await outbox.aclose()
    most = slots.NUMBER
    assert seen[:most] == [(number, 0) for number in range(1, most + 1)]
    assert seen[most] == (0, most + 1)
    assert seen[most + 1] == (1, most + 1)
    assert in_the_file(path) == (0, 2 * most + 2)


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_where_nothing_else_happens_they_are_in_their_places_soon(path, url, monkeypatch, where):
    monkeypatch.setattr("konversi.database.sqlite_writer._LEFT_SECONDS", 0.05)
    outbox = await open_outbox(url)
    for number in (1, 2):
        if where == "loop":
            await alone(outbox, new_event(f"Lead:{number}"))
        else:
            outbox.database.writer._quick = True
            await asyncio.to_thread(outbox.append_at_once, [new_event(f"Lead:{number}")])
        assert in_the_file(path) == (1, number - 1)
        await until(lambda number=number: in_the_file(path) == (0, number))
    await outbox.aclose()


ASKED = {
    "find": lambda outbox, id_: outbox.find(id_),
    "search": lambda outbox, _id: outbox.search(Search()),
    "counts": lambda outbox, _id: outbox.counts(),
    "lanes": lambda outbox, _id: outbox.lanes(),
    "unfinished": lambda outbox, _id: outbox.unfinished(),
    "homes": lambda outbox, _id: outbox.homes([("Lead", "Lead:1")]),
    "claim": lambda outbox, _id: claim_all(outbox),
    "expire": lambda outbox, _id: outbox.expire(4e9),
    "rescue": lambda outbox, _id: outbox.rescue(1.0, lambda _lane: None),
    "hold_tests": lambda outbox, _id: outbox.hold_tests(),
}


@pytest.mark.parametrize("name", ASKED)
async def test_whatever_is_asked_or_done_next_finds_it_in_its_place(path, url, name):
    outbox = await open_outbox(url)
    (id_,) = await alone(outbox, new_event())
    assert in_the_file(path) == (1, 0)
    await ASKED[name](outbox, id_)
    assert in_the_file(path) == (0, 1)
    assert (await outbox.counts()).totals["accept"] == 1
    await outbox.aclose()


async def test_a_staged_event_is_stored_as_any_other(url):
    outbox = await open_outbox(url)
    given = {"booking_id": "BK-1", "body": '{"name":"\u2764 Büdi"}'.encode()}
    (one,) = await alone(outbox, new_event("Lead:1", **given))
    two, three = await store(outbox, new_event("Lead:2", **given), new_event("Lead:3", **given))
    found = [await outbox.find(id_) for id_ in (one, two, three)]
    alike = {event._replace(id=0, event_id="", accepted_at=0.0, due_at=0.0) for event in found}
    assert len(alike) == 1
    assert [event.due_at for event in found] == [event.accepted_at for event in found]
    batch = await claim_all(outbox)
    assert list(batch.ids) == [one, two, three]
    await outbox.settle(batch, ended())
    assert await states_of(outbox, [one, two, three]) == [State.DELIVERED] * 3
    await outbox.aclose()


async def test_one_that_comes_again_while_it_is_staged_is_a_repeat_or_a_conflict(url):
    outbox = await open_outbox(url)
    (id_,) = await alone(outbox, new_event())
    (again,) = await outbox.append([new_event()])
    assert (again.id, again.repeat, again.conflict) == (id_, True, False)
    (other,) = await alone(outbox, new_event("Lead:2"))
    (conflict,) = await outbox.append([new_event("Lead:2", digest=b"e" * 16)])
    assert (conflict.id, conflict.conflict) == (other, True)
    assert (await outbox.counts()).totals["accept"] == 2
    await outbox.aclose()


async def test_one_that_comes_again_in_a_list_is_a_repeat_there(url):
    outbox = await open_outbox(url)
    (id_,) = await alone(outbox, new_event())
    first, second = await outbox.append([new_event("Lead:2"), new_event()])
    assert not first.repeat
    assert (second.id, second.repeat) == (id_, True)
    await outbox.aclose()


async def test_what_is_withheld_or_large_goes_to_its_place_at_once(path, url):
    outbox = await open_outbox(url)
    withheld, large = new_event("w")._replace(withheld="no consent"), new_event("l", body=b'"%s"' % (b"x" * 5_000))
    ids = await alone(outbox, withheld, large)
    assert in_the_file(path) == (0, 2)
    assert await states_of(outbox, ids) == [State.WITHHELD, State.WAITING]
    await outbox.aclose()


async def test_what_a_killed_process_left_staged_is_there_for_the_next(path, url, tmp_path):
    outbox = await open_outbox(url)
    ids = await alone(outbox, new_event("Lead:1"), new_event("Lead:2"))
    left = left_by_a_kill(path, tmp_path / "left.db")
    await outbox.aclose()
    assert in_the_file(left) == (2, 0)
    after = await open_outbox(f"sqlite:///{left}")
    assert [(await after.find(id_)).event_id for id_ in ids] == ["Lead:1", "Lead:2"]
    (third,) = await alone(after, new_event("Lead:3"))
    assert third > max(ids)
    assert (await after.counts()).totals["accept"] == 3
    await after.aclose()


async def test_one_that_was_in_its_place_before_the_kill_is_not_put_there_again(path, url, tmp_path):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    before = file_beside(path).read_bytes()
    await claim_all(outbox)
    left = left_by_a_kill(path, tmp_path / "left.db")
    await outbox.aclose()
    file_beside(left).write_bytes(before)  # the zeros over it had not got to the disk
    after = await open_outbox(f"sqlite:///{left}")
    assert (await after.counts()).totals == {"accept": 1}
    assert (await after.counts()).states[State.SENDING] == 1
    await after.aclose()


async def test_a_start_that_was_killed_before_it_made_the_file_anew_has_put_all_in_their_places(
    path, url, tmp_path, monkeypatch
):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    left = left_by_a_kill(path, tmp_path / "left.db")
    await outbox.aclose()
    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr("konversi.outbox.store.Slots", lambda *_given: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await open_outbox(f"sqlite:///{left}")
    after = await open_outbox(f"sqlite:///{left}")
    assert (await after.counts()).totals == {"accept": 1}
    await after.aclose()


async def test_what_was_staged_for_a_database_that_is_not_there_any_more_is_nobodys(path, url, tmp_path):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    left = left_by_a_kill(path, tmp_path / "left.db")
    await outbox.aclose()
    left.unlink()
    after = await open_outbox(f"sqlite:///{left}")
    assert (await after.counts()).totals == {}
    await after.aclose()


@given(st.builds(Staged, ints, st.floats(0, 4e9), st.builds(NewEvent, *(values[name] for name in NewEvent._fields))))
def test_what_is_staged_is_read_as_it_was_written(staged):
    assert Staged.unpacked(staged.packed()) == staged


async def test_what_was_left_is_found_by_whichever_name_the_database_is_opened(path, url, tmp_path):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    left = left_by_a_kill(path, tmp_path / "left.db")
    await outbox.aclose()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.db").symlink_to(left)
    after = await open_outbox(f"sqlite:///{tmp_path / 'elsewhere' / 'link.db'}")
    assert (await after.counts()).totals == {"accept": 1}
    await after.aclose()


async def test_where_a_slot_takes_no_more_they_go_to_their_places_at_once(url, monkeypatch):
    outbox = await open_outbox(url)
    ids = await alone(outbox, new_event("Lead:1"))
    with monkeypatch.context() as patched:
        patched.setattr(slots.Slots, "write", lambda *_given: False)
        ids += await alone(outbox, new_event("Lead:2"))
    assert outbox.broken is None
    assert await states_of(outbox, ids) == [State.WAITING] * 2
    await outbox.aclose()


async def test_who_goes_to_another_folder_leaves_no_file_behind(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    outbox = await open_outbox("sqlite:///outbox.db")
    await alone(outbox, new_event())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    await outbox.aclose()
    assert not file_beside(path).exists()


async def test_a_slow_disk_does_not_hold_up_the_event_loop_twice(url, monkeypatch):
    flushed_in, flush = [], slots._flush

    def slow(file):
        flushed_in.append(threading.current_thread().name)
        time.sleep(0.02)
        flush(file)

    outbox = await open_outbox(url)
    outbox.database.writer._quick = True
    monkeypatch.setattr(slots, "_flush", slow)
    await alone(outbox, *new_events(3))
    assert flushed_in == [threading.current_thread().name, "konversi-writer", "konversi-writer"]
    await outbox.aclose()


async def test_a_stop_leaves_no_file_beside_the_database(path, url):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    assert file_beside(path).exists()
    await outbox.aclose()
    assert not file_beside(path).exists()
    assert in_the_file(path) == (0, 1)


async def test_a_stop_that_can_not_put_them_in_their_places_leaves_them_for_the_next_start(path, url):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    driver = outbox.database.writer._connection.connection.driver_connection
    driver.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON queue BEGIN SELECT RAISE(ABORT, 'no room'); END")
    await outbox.aclose()
    assert in_the_file(path) == (1, 0)
    after = await open_outbox(url)
    assert (await after.counts()).totals == {"accept": 1}
    await after.aclose()


async def test_a_disk_that_fails_at_a_flush_is_not_trusted_any_more(path, url, monkeypatch):
    def fail(_file):
        raise OSError(5, "Input/output error")

    outbox = await open_outbox(url)
    (id_,) = await alone(outbox, new_event("Lead:1"))
    with monkeypatch.context() as patched:
        patched.setattr(slots, "_flush", fail)
        with pytest.raises(StorageUnavailable, match="Input/output"):
            await outbox.append([new_event("Lead:2")])
    assert "Input/output" in outbox.broken
    with pytest.raises(StorageUnavailable):
        await outbox.append([new_event("Lead:3")])
    await outbox.aclose()
    after = await open_outbox(url)
    assert (await after.find(id_)).event_id == "Lead:1"
    assert {event.event_id for event in await after.search(Search())} <= {"Lead:1", "Lead:2"}
    await after.aclose()


async def test_one_that_is_in_its_place_is_acknowledged_although_its_slot_can_not_be_cleared(path, url, monkeypatch):
    def fail(_slots, _number):
        raise OSError(5, "Input/output error")

    outbox = await open_outbox(url)
    (id_,) = await alone(outbox, new_event())
    monkeypatch.setattr(slots.Slots, "clear", fail)
    assert list((await claim_all(outbox)).ids) == [id_]
    assert "Input/output" in outbox.broken
    await outbox.aclose()


def interrupting(function):
    """It does its work, and a signal's handler raises in whoever called it: Ctrl-C, or a time limit of a worker's."""

    def interrupted(*given, **named):
        function(*given, **named)
        raise KeyboardInterrupt

    return interrupted


def write_interrupted(outbox, monkeypatch, **step):
    """A transaction that is interrupted in this step of the writer's."""
    writer = outbox.database.writer
    writer._quick = True
    ((name, interrupted),) = step.items()
    with monkeypatch.context() as patched:
        patched.setattr(f"konversi.database.sqlite_writer.{name}", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.at_once(lambda _connection: None)


async def test_who_is_interrupted_after_its_commit_does_not_have_them_put_in_their_places_twice(path, url, monkeypatch):
    outbox = await open_outbox(url)
    (id_,) = await alone(outbox, new_event())
    write_interrupted(outbox, monkeypatch, transaction=contextmanager(interrupted_at_the_end))
    assert in_the_file(path) == (1, 1)
    assert list((await claim_all(outbox)).ids) == [id_]
    assert (await outbox.counts()).totals == {"accept": 1}
    assert in_the_file(path) == (0, 1)
    await outbox.aclose()


def interrupted_at_the_end(connection):
    with transaction(connection):
        yield
    raise KeyboardInterrupt


async def test_who_is_interrupted_while_a_transaction_begins_leaves_none_that_the_next_event_is_lost_in(
    path, url, monkeypatch
):
    outbox = await open_outbox(url)
    write_interrupted(outbox, monkeypatch, begin=interrupting(begin))
    await alone(outbox, new_event())
    assert sum(in_the_file(path)) == 1
    await outbox.aclose()


async def test_who_is_interrupted_at_a_flush_leaves_nothing_that_stays_in_the_file(path, url, monkeypatch):
    outbox = await open_outbox(url)
    outbox.database.writer._quick = True
    with monkeypatch.context() as patched:
        patched.setattr(slots, "_flush", interrupting(slots._flush))
        with pytest.raises(KeyboardInterrupt):
            outbox.append_at_once([new_event("Lead:1")])
    assert b"Lead:1" in file_beside(path).read_bytes()
    await claim_all(outbox)
    assert b"Lead:1" not in file_beside(path).read_bytes()
    await outbox.aclose()


async def test_who_is_interrupted_at_a_flush_has_its_id_given_to_no_other(path, url, tmp_path, monkeypatch):
    outbox = await open_outbox(url)
    await alone(outbox, new_event("Lead:1"))
    outbox.database.writer._quick = True
    with monkeypatch.context() as patched:
        patched.setattr(slots, "_flush", interrupting(slots._flush))
        with pytest.raises(KeyboardInterrupt):
            outbox.append_at_once([new_event("Lead:2")])
    await claim_all(outbox)
    (third,) = await alone(outbox, new_event("Lead:3"))
    left = left_by_a_kill(path, tmp_path / "left.db")
    await outbox.aclose()
    after = await open_outbox(f"sqlite:///{left}")
    assert (await after.find(third)).event_id == "Lead:3"
    await after.aclose()


async def test_nothing_at_all_may_be_appended(url):
    outbox = await open_outbox(url)
    assert await outbox.append([]) == []
    await outbox.aclose()


async def test_a_file_beside_the_database_that_can_not_be_read_is_named(path, url):
    await (await open_outbox(url)).aclose()
    file_beside(path).mkdir()
    with pytest.raises(StorageUnavailable, match=r"outbox\.db-staged"):
        await open_outbox(url)
    file_beside(path).rmdir()
    await (await open_outbox(url)).aclose()


async def test_a_folder_that_takes_no_file_beside_the_database_is_named(path, url):
    file_beside(path).mkdir()
    with pytest.raises(StorageUnavailable, match=r"outbox\.db-staged"):
        await open_outbox(url)
    file_beside(path).rmdir()
    await (await open_outbox(url)).aclose()


async def test_where_the_start_can_not_put_them_in_their_places_the_next_one_can(path, url, monkeypatch):
    def full(_driver, _events):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("konversi.outbox.staging.insert", full)
        with pytest.raises(StorageUnavailable, match="full"):
            await open_outbox(url)
    outbox = await open_outbox(url)
    assert (await outbox.counts()).totals == {}
    await outbox.aclose()


async def test_where_they_can_not_be_put_in_their_places_nothing_else_is_done_and_none_is_lost(path, url):
    outbox = await open_outbox(url)
    (id_,) = await alone(outbox, new_event())
    driver = outbox.database.writer._connection.connection.driver_connection
    driver.execute("PRAGMA max_page_count=1")
    driver.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON queue BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(sqlite3.IntegrityError):
        await claim_all(outbox)
    assert in_the_file(path) == (1, 0)
    driver.execute("DROP TRIGGER full")
    assert list((await claim_all(outbox)).ids) == [id_]
    await outbox.aclose()


@contextmanager
def a_strangers_lock(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize("name", ["find", "search", "counts", "lanes", "unfinished", "homes"])
async def test_where_they_can_not_be_put_in_their_places_nobody_is_told_that_there_are_none(
    path, url, name, monkeypatch
):
    monkeypatch.setattr("konversi.database.sqlite_driver._BUSY_SECONDS", 0.05)
    outbox = await open_outbox(url)
    (id_,) = await alone(outbox, new_event())
    with a_strangers_lock(path), pytest.raises(StorageUnavailable, match="locked"):
        await ASKED[name](outbox, id_)
    assert await outbox.homes([("Lead", "Lead:1")]) == {("Lead", "Lead:1"): "default"}
    assert (await outbox.find(id_)).event_id == "Lead:1"
    await outbox.aclose()


async def test_a_look_up_that_waits_for_them_does_not_hold_up_the_event_loop(path, url):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    with a_strangers_lock(path):
        began = time.monotonic()
        asked = asyncio.ensure_future(outbox.homes([("Lead", "Lead:1")]))
        await asyncio.sleep(0.02)
        assert time.monotonic() - began < 1
        assert not asked.done()
    assert await asked == {("Lead", "Lead:1"): "default"}
    await outbox.aclose()


async def test_nobody_who_looks_waits_for_the_file_to_be_written_anew(path, url):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    begun, go_on = threading.Event(), threading.Event()
    anew = asyncio.create_task(
        asyncio.to_thread(outbox.database.writer.alone, lambda _driver: (begun.set(), go_on.wait(5)))
    )
    await asyncio.to_thread(begun.wait, 5)
    async with asyncio.timeout(2):
        assert await outbox.homes([("Lead", "Lead:1")])
        assert (await outbox.counts()).totals["accept"] == 1
    assert not anew.done()
    go_on.set()
    await anew
    await outbox.aclose()


async def test_who_may_not_wait_queues_nothing_for_it(path, url):
    outbox = await open_outbox(url)
    await alone(outbox, new_event())
    outbox.database.writer._quick = False
    assert at_once(outbox.homes([("Lead", "Lead:1")])) is None
    await outbox.database.writer.submit(lambda _connection: None)
    assert at_once(outbox.homes([("Lead", "Lead:1")])) == {("Lead", "Lead:1"): "default"}
    await outbox.aclose()


async def test_callers_from_many_tasks_get_each_its_own_and_every_event_is_there_once(url):
    outbox = await open_outbox(url)

    async def some(caller):
        ids = []
        for number in range(30):
            ids += await alone(outbox, new_event(f"Lead:{caller}-{number}"))
            if number % (caller + 1) == 0:
                await asyncio.sleep(0)
        return ids

    ids = [id_ for part in await asyncio.gather(*map(some, range(6))) for id_ in part]
    assert len(set(ids)) == 180
    assert {event.id for event in await outbox.search(Search(limit=500))} == set(ids)
    await outbox.aclose()
