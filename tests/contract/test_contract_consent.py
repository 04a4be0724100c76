"""What every store of consent does, and every outbox with those who don't consent."""

import hashlib
from contextlib import asynccontextmanager

import orjson
import pytest

from konversi.consent.decision import Decision, State
from konversi.consent.store import Consents
from konversi.database.opening import open_database
from konversi.journeys.arrival import Arrival, Heard, Identities
from konversi.journeys.store import Journeys
from konversi.outbox.states import State as EventState
from konversi.outbox.store import open_outbox
from outboxes import claim_all, new_event, states_of, store

SECRET = b"s" * 32
NOW = 1_800_000_000
YES, NO = State.GRANTED, State.WITHDRAWN


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


BUDI, SARI = {"ph": [hashed("6281234567890")]}, {"em": [hashed("sari@example.test")]}


class Here:
    """A store of consent, over a database that a test may look into."""

    def __init__(self, database, *, required=False):
        self.database = database
        self.journeys = Journeys(database, SECRET, country="ID", now=lambda: NOW)
        self.consents = Consents(database, SECRET, self.journeys, required=required, country="ID", now=lambda: NOW)

    async def opened(self):
        await self.journeys.open()
        await self.consents.open()
        return self

    async def objects(self, user_data, journey=None):
        (found,) = await self.consents.objections([self.consents.keys(user_data, journey)])
        return found and found.code


@pytest.fixture
def here(url):
    @asynccontextmanager
    async def opened():
        database = await open_database(url)
        try:
            yield await Here(database).opened()
        finally:
            await database.aclose()

    return opened()


async def test_nobody_is_looked_up_until_somebody_decided_something(here):
    assert not here.consents.matters
    await here.consents.decide(BUDI, Decision(YES, NOW, "api"))
    assert here.consents.matters
    again = await Here(here.database).opened()
    assert again.consents.matters


async def test_a_no_is_found_by_each_identity_and_concerns_nobody_else(here):
    await here.consents.decide({**BUDI, **SARI}, Decision(NO, NOW, "api"))
    assert await here.objects(BUDI) == "consent_withdrawn"
    assert await here.objects(SARI) == "consent_withdrawn"
    assert await here.objects({"ph": [hashed("628999")]}) is None


async def test_what_was_said_last_counts_in_whatever_order_it_comes(here):
    await here.consents.decide(BUDI, Decision(NO, NOW, "chat"))
    counts = await here.consents.decide(BUDI, Decision(YES, NOW - 60, "chat"))
    assert counts == Decision(NO, NOW, "chat")
    assert await here.objects(BUDI) == "consent_withdrawn"
    await here.consents.decide(BUDI, Decision(YES, NOW + 1, "form"))
    assert await here.objects(BUDI) is None
    assert [one.at for one in await here.consents.history(BUDI)] == [NOW + 1, NOW, NOW - 60]


async def test_what_is_told_twice_is_kept_once(here):
    for _ in range(2):
        await here.consents.decide(BUDI, Decision(NO, NOW, "chat"))
    assert len(await here.consents.history(BUDI)) == 1
    assert await here.consents.numbers() == [("ads", "withdrawn", 1)]


async def test_other_purposes_are_kept_and_decide_nothing_here(here):
    await here.consents.decide(BUDI, Decision(NO, NOW, "api", "newsletter"))
    assert await here.objects(BUDI) is None
    assert [one.purpose for one in await here.consents.history(BUDI)] == ["newsletter"]


async def test_where_consent_is_required_silence_is_a_no(here):
    strict = await Here(here.database, required=True).opened()
    assert strict.consents.matters
    assert await strict.objects(BUDI) == "consent_absent"
    await strict.consents.decide(BUDI, Decision(YES, NOW, "form"))
    assert await strict.objects(BUDI) is None


async def test_a_decision_holds_for_all_that_the_chat_ties_together(here):
    await here.journeys.arrive(Heard((message("1", "+6281234567890", "ID.17"),)))
    await here.consents.decide({"external_id": [hashed("id.17")]}, Decision(NO, NOW, "chat"))
    assert await here.objects(BUDI) == "consent_withdrawn"
    assert await here.objects({"em": [hashed("new@example.test")]}, journey=1) == "consent_withdrawn"


async def test_of_what_was_said_before_only_what_counts_is_kept_for_ever(here):
    await here.consents.decide(BUDI, Decision(NO, NOW - 50, "chat"))
    await here.consents.decide(BUDI, Decision(YES, NOW - 40, "chat"))
    await here.consents.decide(SARI, Decision(NO, NOW - 50, "chat"))
    assert await here.consents.forget(NOW, 10) == 1
    assert [one.state for one in await here.consents.history(BUDI)] == [YES]
    assert [one.state for one in await here.consents.history(SARI)] == [NO]


def message(id_, phone, user_id):
    who = Identities(phone, user_id, "Budi")
    return Arrival(f"wamid.{id_}", "whatsapp", "102290129340398", None, NOW, who, "text")


def event(event_id, **user_data):
    return new_event(event_id, body=orjson.dumps({"event_id": event_id, "user_data": user_data}))


@pytest.mark.parametrize("required", [False, True])
async def test_what_waits_is_not_claimed_any_more_once_its_customer_objects(url, required):
    outbox = await open_outbox(url)
    here = await Here(outbox.database, required=required).opened()
    outbox.objections = here.consents.objections_to
    try:
        await here.consents.decide(SARI, Decision(YES, NOW, "form"))
        ids = await store(outbox, event("a", **BUDI), event("b", **SARI), event("c", **SARI))
        await here.consents.decide(BUDI, Decision(NO, NOW, "chat"))
        batch = await claim_all(outbox)
        assert list(batch.ids) == ids[1:]
        assert await states_of(outbox, ids) == [EventState.WITHHELD, EventState.SENDING, EventState.SENDING]
        found = await outbox.find(ids[0])
        assert found.reason.startswith("consent_withdrawn: ")
        assert (found.tries, found.attempts) == (0, ())
        assert (await outbox.counts()).totals["withhold"] == 1
    finally:
        await outbox.aclose()


async def test_a_window_full_of_withheld_events_does_not_hide_the_rest(url):
    outbox = await open_outbox(url)
    here = await Here(outbox.database).opened()
    outbox.objections = here.consents.objections_to
    try:
        refused = await store(outbox, *(event(f"r{number}", **BUDI) for number in range(1_000)))
        (wanted,) = await store(outbox, event("w", **SARI))
        await here.consents.decide(BUDI, Decision(NO, NOW, "chat"))
        batch = await claim_all(outbox)
        assert list(batch.ids) == [wanted]
        assert (await outbox.counts()).states[EventState.WITHHELD] == len(refused)
        assert await claim_all(outbox) is None
    finally:
        await outbox.aclose()


async def test_an_event_may_be_withheld_from_the_start(harness):
    async with harness.open() as outbox:
        why = "consent_denied: The customer denied consent."
        (first,) = await store(outbox, new_event("a")._replace(withheld=why))
        (second,) = await store(outbox, new_event("b"))
        assert [one.repeat for one in await outbox.append([new_event("a")._replace(withheld=why)])] == [True]
        assert list((await claim_all(outbox)).ids) == [second]
        found = await outbox.find(first)
        assert (found.state, found.reason) == (EventState.WITHHELD, why)
        totals = (await outbox.counts()).totals
        assert (totals["accept"], totals["withhold"]) == (2, 1)


async def test_a_store_asks_before_each_claim_and_leaves_out_who_objects(harness):
    async with harness.open() as outbox:
        ids = await store(outbox, new_event("a"), new_event("b"))
        outbox.objections = lambda _connection, events: {ids[0]: "because"} if ids[0] in events else {}
        assert list((await claim_all(outbox)).ids) == ids[1:]
        assert (await outbox.find(ids[0])).reason == "because"
        assert await claim_all(outbox) is None
