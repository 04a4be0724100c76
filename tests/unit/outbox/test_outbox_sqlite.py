"""What the SQLite store promises beyond the contract: shared commits, limits, faults of the file, use of the indexes."""

import asyncio
import math
import sqlite3

import pytest
from sqlalchemy import event

from konversi.errors import Overloaded, ShuttingDown, StorageInUse, StorageUnavailable
from konversi.outbox import statements
from konversi.outbox import store as outbox_store
from konversi.outbox.port import Search
from konversi.outbox.states import State, Step
from konversi.outbox.store import open_outbox
from outboxes import claim_all, ended, new_event, new_events, store


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'outbox.db'}"


async def test_callers_that_come_together_share_a_commit(url):
    outbox = await open_outbox(url)
    (first,) = await store(outbox, new_event("first"))
    statements_run = []
    outbox.database.writer._connection.connection.driver_connection.set_trace_callback(statements_run.append)
    await asyncio.gather(*(outbox.append([new_event(f"{n}")]) for n in range(500)))
    assert 1 <= statements_run.count("COMMIT") < 10
    assert (await outbox.find(first + 500)) is not None
    await outbox.aclose()


async def test_a_file_that_is_no_database_is_refused_and_let_go(tmp_path, url):
    (tmp_path / "outbox.db").write_bytes(b"this is not a database, but it is long enough to be looked at" * 50)
    for _ in range(2):  # the second time would say "in use" if the first had kept the lock
        with pytest.raises(StorageUnavailable, match="not a database"):
            await open_outbox(url)


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path, url):
    (tmp_path / "outbox.db").mkdir()
    with pytest.raises(StorageUnavailable, match="unable to open"):
        await open_outbox(url)


async def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(StorageUnavailable, match="data"):
        await open_outbox(f"sqlite:///{tmp_path / 'data' / 'outbox.db'}")


async def test_a_second_owner_is_refused_until_the_first_lets_go(url):
    first = await open_outbox(url)
    with pytest.raises(StorageInUse):
        await open_outbox(url)
    await first.aclose()
    await (await open_outbox(url)).aclose()


async def test_too_many_waiting_for_a_commit_are_turned_away_and_later_ones_taken(url, monkeypatch):
    monkeypatch.setattr(outbox_store, "_MOST_QUEUED", 10)
    outbox = await open_outbox(url)
    monkeypatch.setattr(outbox._arrivals, "_company_until", math.inf)
    taken = asyncio.ensure_future(outbox.append(new_events(8)))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await outbox.append(new_events(3))
    assert len(await taken) == 8
    assert len(await outbox.append(new_events(3))) == 3
    await outbox.aclose()


async def test_a_closed_store_says_so_instead_of_hanging(url):
    outbox = await open_outbox(url)
    await outbox.aclose()
    await outbox.aclose()
    for question in (
        lambda: outbox.append([new_event()]),
        lambda: outbox.expire(1.0),
        lambda: claim_all(outbox),
        outbox.counts,
        lambda: outbox.find(1),
    ):
        with pytest.raises(ShuttingDown):
            await question()


async def test_closing_finishes_what_was_asked(url):
    outbox = await open_outbox(url)
    asked = [asyncio.ensure_future(outbox.append([new_event(f"{n}")])) for n in range(20)]
    await asyncio.sleep(0)
    await outbox.aclose()
    assert len({verdict.id for (verdict,) in await asyncio.gather(*asked)}) == 20


async def test_a_full_disk_refuses_events_and_recovers_without_a_restart(url):
    outbox = await open_outbox(url)

    def limit(pages):
        def job(connection):
            now = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={now if pages is None else pages}")

        return outbox.database.writer.submit(job)

    await limit(None)
    (first,) = await store(outbox, new_event("small"))
    big = b'"%s"' % (b"x" * 50_000)
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="full"):
            await outbox.append([new_event("big", body=big)])
    assert outbox.broken is None
    await outbox.settle(await claim_all(outbox), ended())  # delivery goes on
    await limit(10**6)
    (again,) = await outbox.append([new_event("big", body=big)])
    assert not again.repeat
    assert again.id > first
    assert (await outbox.counts()).totals == {"accept": 2, "deliver": 1}
    await outbox.aclose()


def _broken_disk(connection):
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    raise error


async def test_after_an_input_output_error_nothing_is_accepted_and_nobody_hangs(url):
    outbox = await open_outbox(url)
    with pytest.raises(StorageUnavailable):
        await outbox.database.writer.submit(_broken_disk)
    assert "disk I/O error" in outbox.broken
    for _ in range(3):
        async with asyncio.timeout(5):
            with pytest.raises(StorageUnavailable):
                await outbox.append([new_event()])
    with pytest.raises(StorageUnavailable):
        await claim_all(outbox)
    await outbox.aclose()


async def test_a_fault_while_reading_is_the_storages(url):
    outbox = await open_outbox(url)
    await outbox.database.writer.submit(lambda connection: connection.exec_driver_sql("DROP TABLE totals"))
    with pytest.raises(StorageUnavailable, match="totals"):
        await outbox.counts()
    await outbox.aclose()


async def test_no_question_about_few_events_walks_through_the_whole_history(url):
    outbox = await open_outbox(url)
    await store(outbox, *new_events(3))
    asked = []
    event.listen(
        outbox.database._reader._engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3]))
    )
    await outbox.lanes()
    await outbox.counts()
    for state in (State.DEAD, State.EXPIRED, State.HELD, State.DISCARDED):
        await outbox.search(Search(state=state))
    await outbox.aclose()
    assert len(asked) >= 7
    plans = sqlite3.connect(url.removeprefix("sqlite:///"))
    for statement, parameters in asked:
        for *_, plan in plans.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
            assert (
                not plan.startswith(("SCAN queue", "SCAN events", "SCAN attempts", "SEARCH queue"))
                or "INDEX ix_" in plan
            ), statement
    plans.close()


async def test_bad_bytes_of_one_caller_are_refused(url):
    outbox = await open_outbox(url)
    with pytest.raises(UnicodeDecodeError):
        await outbox.append([new_event("bad", body=b"\xff")])
    assert len(await outbox.append([new_event("good")])) == 1
    await outbox.aclose()


def test_statements_take_as_many_ids_as_there_are(url, run):
    async def scenario():
        outbox = await open_outbox(url)
        ids = await store(outbox, *new_events(1_200))
        moved = await outbox.database.writer.submit(lambda connection: statements.end_expired(connection, ids))
        await outbox.aclose()
        return moved

    assert run(scenario()) == 1_200


async def test_a_change_of_many_is_counted_under_its_step(url):
    outbox = await open_outbox(url)
    (one, two) = await store(outbox, *new_events(2))
    for id_ in (one, two):
        await outbox.change(id_, Step.DISCARD, now=1.0, reason="No.")
    assert (await outbox.counts()).totals == {"accept": 2, "discard": 2}
    await outbox.aclose()
