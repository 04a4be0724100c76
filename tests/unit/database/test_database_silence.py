"""A PostgreSQL server that accepts connections and then stands still."""

import asyncio
import threading
import time

import pytest

from konversi.database import postgres_database, postgres_threads
from konversi.database.opening import open_database
from konversi.errors import StorageUnavailable
from postgres import server


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(postgres_database, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(postgres_threads, "_END_SECONDS", 0.2)


async def test_nobody_waits_for_ever_for_a_server_that_stands_still(impatient):
    goes_on = threading.Event()
    with server().database() as url:
        database = await open_database(url)
        try:

            def stands_still(_connection, items=None):
                goes_on.wait(30)
                return items

            kept = database.gathering(stands_still, size=len, brief=1, most=10)
            asked = (database.write(stands_still), database.read(stands_still), kept.bring("x"))
            answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)
            assert [type(answer) for answer in answers] == [StorageUnavailable] * 3
            goes_on.set()
            assert await asyncio.wait_for(database.write(lambda _connection: 7), 10) == 7
        finally:
            goes_on.set()
            await database.aclose()


async def test_the_end_does_not_wait_for_ever_either(impatient):
    goes_on = threading.Event()
    with server().database() as url:
        database = await open_database(url)
        with pytest.raises(StorageUnavailable):
            await database.write(lambda _connection: goes_on.wait(30))
        began = time.monotonic()
        await asyncio.wait_for(database.aclose(), 10)
        assert time.monotonic() - began < 5
        goes_on.set()
