"""Erasure over every store: broken off, gone on with, and exact about whom it is about."""

import hashlib
from contextlib import asynccontextmanager

import orjson
import pytest
from sqlalchemy import insert

from konversi.aftercare import erasing
from konversi.aftercare.erasing import Erasures, Ways
from konversi.aftercare.exporting import Exports
from konversi.consent.store import Consents
from konversi.database.sealed import Seal
from konversi.intake.persons import Named
from konversi.journeys.customers import customer_keys
from konversi.journeys.store import Journeys
from konversi.journeys.tables import customers
from konversi.outbox.store import open_outbox
from outboxes import LIVE, claim_all, ended, new_event, store

SECRET = b"s" * 32
NOW = 1_800_000_000
PHONE = "+6281234567890"


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


BUDI, SARI = {"ph": [hashed("6281234567890")]}, {"ph": [hashed("6281999888777")]}


class Here:
    def __init__(self, outbox):
        self.outbox, self.database = outbox, outbox.database
        self.journeys = Journeys(self.database, SECRET, country="ID", now=lambda: NOW)
        self.consents = Consents(self.database, SECRET, self.journeys, required=False, country="ID", now=lambda: NOW)
        outbox.objections = self.consents.objections_to

    def erasures(self, dataset_id=str):
        ways = Ways(dataset_id, lambda sealed: sealed)
        return Erasures(self.database, self.consents, Seal(SECRET), SECRET, ways)

    async def delivered(self, numbers, user_data):
        ids = await store(self.outbox, *(event(f"e{number}", user_data) for number in numbers))
        batch = await claim_all(self.outbox, LIVE)
        await self.outbox.settle(batch, ended(fbtrace_id="trace"))
        return ids


def event(event_id, user_data):
    return new_event(event_id, body=orjson.dumps({"event_id": event_id, "event_name": "Lead", "user_data": user_data}))


@pytest.fixture
def here(url, monkeypatch):
    monkeypatch.setattr(erasing, "_SETTLED", 0.0)

    @asynccontextmanager
    async def opened():
        outbox = await open_outbox(url)
        try:
            yield Here(outbox)
        finally:
            await outbox.aclose()

    return opened()


class CutOff(Exception):
    pass


async def test_an_erasure_that_is_broken_off_goes_on_and_its_report_is_whole(here, monkeypatch):
    monkeypatch.setattr(erasing, "_EVENTS_AT_ONCE", 10)
    monkeypatch.setattr(erasing, "_LEASE", -1.0)  # as if the one that was cut off had gone long ago
    await here.delivered(range(35), BUDI)
    others = await here.delivered(range(100, 103), SARI)
    calls = iter(range(1_000))

    def breaks(name):
        if next(calls) == 25:
            raise CutOff
        return name

    broken = here.erasures(breaks)
    number = await broken.begin(Named(phone=PHONE))
    with pytest.raises(CutOff):
        await broken.catch_up()
    halfway = await broken.shown(number)
    assert (halfway["state"], halfway["removed"]["events"], len(halfway["meta_has"])) == ("running", 20, 20)
    after = here.erasures()
    await after.catch_up()
    report = await after.shown(number)
    assert (report["state"], report["removed"]["events"], report["found_elsewhere"]) == ("done", 35, {})
    assert sorted(one["event_id"] for one in report["meta_has"]) == sorted(f"e{n}" for n in range(35))
    assert [(await here.outbox.find(id_)) is not None for id_ in others] == [True] * 3


async def test_an_attempt_for_several_people_keeps_the_others(here):
    budi, sari = await store(here.outbox, event("b", BUDI), event("s", SARI))
    batch = await claim_all(here.outbox)
    await here.outbox.settle(batch, ended())
    erasures = here.erasures()
    await erasures.begin(Named(phone=PHONE))
    await erasures.catch_up()
    (attempt,) = await here.outbox.attempts([batch.attempt])
    assert attempt.verdict == "delivered"
    assert await here.outbox.find(budi) is None
    assert (await here.outbox.find(sari)).attempts == (batch.attempt,)


async def test_an_event_that_slipped_in_is_withheld_and_found_by_the_second_look(here, monkeypatch):
    monkeypatch.setattr(erasing, "_SETTLED", 3_600.0)
    erasures = here.erasures()
    number = await erasures.begin(Named(phone=PHONE))
    await erasures.catch_up()
    assert (await erasures.shown(number))["state"] == "settling"
    (late,) = await store(here.outbox, event("late", BUDI))
    assert await claim_all(here.outbox) is None
    assert (await here.outbox.find(late)).reason.startswith("customer_erased: ")
    monkeypatch.setattr(erasing, "_SETTLED", 0.0)
    await erasures.work_on(number)
    report = await erasures.shown(number)
    assert (report["state"], report["removed"]["events"], report["meta_has"]) == ("done", 1, [])
    assert await here.outbox.find(late) is None


async def test_a_hash_will_do_and_somebody_unknown_is_refused_from_then_on(here):
    erasures = here.erasures()
    await erasures.begin(Named(phone=hashed("6281234567890")))
    await erasures.catch_up()
    assert await here.consents.forgotten([here.consents.keys(BUDI, None), here.consents.keys(SARI, None)]) == [
        True,
        False,
    ]
    assert await erasures.lift(Named(phone=PHONE)) == 1
    assert await here.consents.forgotten([here.consents.keys(BUDI, None)]) == [False]


async def test_reports_are_forgotten_and_what_is_refused_stays_refused(here):
    erasures = here.erasures()
    number = await erasures.begin(Named(phone=PHONE))
    assert await erasures.forget(4e9, 10) == 0
    await erasures.catch_up()
    assert (await erasures.shown(number))["state"] == "done"
    assert await erasures.forget(4e9, 10) == 1
    assert await erasures.listed() == []
    assert await here.consents.forgotten([here.consents.keys(BUDI, None)]) == [True]


async def test_that_somebody_was_a_customer_before_is_forgotten_as_well(here):
    rows = [
        {"key": key, "first_at": NOW, "last_at": NOW, "booking_id": None}
        for user_data in (BUDI, SARI)
        for key in customer_keys(user_data, SECRET)
    ]
    await here.database.write(lambda connection: connection.execute(insert(customers), rows).rowcount)
    erasures = here.erasures()
    number = await erasures.begin(Named(phone=PHONE))
    await erasures.catch_up()
    report = await erasures.shown(number)
    assert (report["state"], report["removed"]["marks_of_a_customer"], report["found_elsewhere"]) == ("done", 1, {})
    left = await here.database.read(lambda connection: list(connection.execute(customers.select()).mappings()))
    assert [row["key"] for row in left] == customer_keys(SARI, SECRET)


async def test_what_is_handed_out_can_be_written_as_it_is(here):
    await here.delivered(range(2), BUDI)
    (key, *_) = customer_keys(BUDI, SECRET)
    row = {"key": key, "first_at": NOW, "last_at": NOW, "booking_id": "BK-1"}
    await here.database.write(lambda connection: connection.execute(insert(customers).values(row)).rowcount)
    exports = Exports(here.database, here.consents, SECRET, Ways(str, lambda sealed: sealed))
    found = orjson.loads(orjson.dumps(await exports.of(Named(phone=PHONE))))
    assert (len(found["events"]["kept"]), found["customer"]["kept"][0]["booking_id"]) == (2, "BK-1")
