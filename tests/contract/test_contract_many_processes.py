"""What processes over one PostgreSQL database owe each other: signs, one clock, shared pacing, one conversation each."""

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from konversi import Customer, clock
from konversi.aftercare import removing
from konversi.aftercare.needles import Needles
from konversi.clock import now
from konversi.database import postgres_signals
from konversi.database.opening import open_database
from konversi.database.postgres import engine_of, transaction
from konversi.events.agent import ToolUse
from konversi.journeys import arriving, statements
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral
from konversi.journeys.port import Search
from konversi.journeys.store import Journeys
from konversi.meta.answers import Kind
from konversi.outbox.states import State
from konversi.outbox.store import open_outbox
from konversi.payments import rows
from konversi.payments import store as payments_store
from konversi.payments.deciding import Told
from konversi.payments.store import Payments
from outboxes import LIVE, new_event, new_events, until
from postgres import server

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "delivery"))
sys.path.append(str(Path(__file__).parents[1] / "unit" / "payments"))
from delivering import Delivery, sent
from payment_notices import EMAIL, notice, refund


@pytest.fixture
def url():
    with server().database() as url:
        yield url


@asynccontextmanager
async def two(url, opener=open_database):
    """As two processes would open it."""
    one, other = await opener(url), await opener(url)
    try:
        yield one, other
    finally:
        await one.aclose()
        await other.aclose()


def ask(url, statement, *values):
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        return connection.execute(statement, values).fetchall()


def hear(database, *topics):
    """What it hears from now on."""
    heard = []
    for topic in topics:
        database.on(topic, lambda what, topic=topic: heard.append((topic, what)))
    return heard


async def attentive(url, *all_heard):
    """Wait until all listen, and forget what they heard until then."""
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN konversi' AND datname = current_database()"

    async def listen():
        return ask(url, listening)[0][0] == len(all_heard)

    await until(listen)
    ask(url, "SELECT pg_notify('konversi', 'test lane ready')")
    await until(lambda: all(("lane", "ready") in heard for heard in all_heard))
    for heard in all_heard:
        heard.clear()


async def with_one_chat(database):
    """The journeys of a database, with one conversation of one message."""
    journeys = Journeys(database, b"s" * 32, country="ID", now=now)
    await journeys.open()
    await journeys.arrive(Heard((_from("+6281234567890", at=1_000),)))
    return journeys


def meanwhile(monkeypatch, module, step, work, *, before=False):
    """Have another process begin some work whenever the step is done, before what it did is committed: its futures.

    `before` the step itself, that is, which so finds the work done where nothing keeps it from that.
    """
    then, other, begun = getattr(module, step), ThreadPoolExecutor(1), []

    def with_company(*given):
        done = None if before else then(*given)
        begun.append(other.submit(work))
        time.sleep(0.3)
        return then(*given) if before else done

    monkeypatch.setattr(module, step, with_company)
    return begun


def forgetting(url, *, before, begun=None):
    """Forget all conversations without a message since then, as another process would; take a while once it began."""
    engine = engine_of(url)
    with engine.connect() as connection, transaction(connection):
        forgot = statements.forget_journeys(connection, [1, 2], before)
        if begun is not None:
            begun.set()
            time.sleep(0.3)
        return forgot


@asynccontextmanager
async def being_forgotten(url):
    """The journeys, of which another process is just forgetting the only one; and the task with how many it forgot."""
    async with two(url) as (one, _):
        journeys = await with_one_chat(one)
        begun = threading.Event()
        forgot = asyncio.create_task(asyncio.to_thread(forgetting, url, before=2_000, begun=begun))
        await asyncio.to_thread(begun.wait, 5)
        yield journeys, forgot


async def test_a_message_is_kept_whose_conversation_is_being_forgotten_by_another_process(url):
    async with being_forgotten(url) as (journeys, forgot):
        click = Referral("clid-1", "ad-1", "ad")
        assert (await journeys.arrive(Heard((_from("+6281234567890", at=3_000, referral=click),)))).new == 1
        assert await forgot == 1
        ((found, ad),) = await journeys.search(Search())
        assert (found.messages, found.last_at, ad) == (1, 3_000, "ad-1")


async def test_a_conversation_is_not_forgotten_in_which_somebody_writes_meanwhile(url, monkeypatch):
    async with two(url) as (one, _):
        journeys = await with_one_chat(one)
        asked = meanwhile(monkeypatch, arriving, "_write", lambda: forgetting(url, before=2_000))
        await journeys.arrive(Heard((_from("+6281234567890", at=3_000),)))
        assert await asyncio.wrap_future(asked[0]) == 0
        ((found, _),) = await journeys.search(Search())
        assert (found.messages, found.last_at) == (2, 3_000)


async def test_what_an_agent_did_is_kept_of_no_conversation_that_is_being_forgotten_by_another_process(url):
    async with being_forgotten(url) as (journeys, forgot):
        use = ToolUse(
            tool="book", outcome="succeeded", conversation="chat-1", customer=Customer(phone="+6281234567890")
        )
        assert await journeys.agent_log.note([use]) == 1
        assert await forgot == 1
        assert ask(url, "SELECT journey FROM tool_uses") == [(None,)]
        assert ask(url, "SELECT * FROM journey_keys") == []


def erasing(url, take_out):
    """Take somebody's out, as another process would that forgets him."""
    engine = engine_of(url)
    with engine.connect() as connection, transaction(connection):
        return take_out(connection)


@pytest.mark.parametrize(("module", "step"), [(payments_store, "_write"), (rows, "update")])
async def test_a_payment_that_another_process_forgets_stays_forgotten_whatever_is_told_of_it_meanwhile(
    url, monkeypatch, module, step
):
    async with two(url) as (one, _):
        payments = Payments(one, "each", now)
        await payments.take([Told(notice(), EMAIL)])
        take_out = partial(removing.remove_payments, ids=[1])
        gone = meanwhile(monkeypatch, module, step, lambda: erasing(url, take_out), before=True)
        await payments.take([Told(refund("50000"), EMAIL)])
        assert [await asyncio.wrap_future(one) for one in gone] == [1]
        assert ask(url, "SELECT count(*) FROM payments") == [(0,)]


async def test_a_message_goes_with_its_conversation_that_came_while_another_process_forgot_its_customer(
    url, monkeypatch
):
    async with two(url) as (one, _):
        journeys = await with_one_chat(one)
        take_out = partial(removing.remove_conversations, needles=Needles((), (), ()), chats=[1])
        asked = meanwhile(monkeypatch, arriving, "_write", lambda: erasing(url, take_out))
        await journeys.arrive(Heard((_from("+6281234567890", at=3_000),)))
        assert (await asyncio.wrap_future(asked[0]))["messages"] == 2
        assert ask(url, "SELECT * FROM messages") == []


def _from(phone, *, at, referral=None):
    return Arrival(f"wamid.{at}", "whatsapp", "1", "2", at, Identities(phone), "text", referral)


async def test_a_sign_reaches_the_others_and_not_who_gave_it(url):
    async with two(url) as (one, other):
        at_one, at_other = hear(one, "lane", "course"), hear(other, "lane", "course")
        await attentive(url, at_one, at_other)
        one.tell("lane", "default|live|chat of two words")
        one.tell("course", "x")
        other.tell("lane")
        await until(lambda: len(at_other) == 2 and at_one)
        assert sorted(at_other) == [("course", "x"), ("lane", "default|live|chat of two words")]
        assert at_one == [("lane", "")]


async def test_the_same_sign_given_often_at_once_is_heard_once(url):
    async with two(url) as (one, other):
        at_one, at_other = hear(one, "lane"), hear(other, "lane")
        await attentive(url, at_one, at_other)
        for _ in range(100):
            one.tell("lane", "a")
        one.tell("lane", "b")
        await until(lambda: len(at_other) == 2)
        assert at_other == [("lane", "a"), ("lane", "b")]


async def test_who_may_have_missed_a_sign_hears_an_empty_one_of_each_topic(url, monkeypatch):
    monkeypatch.setattr(postgres_signals, "_REST_SECONDS", 0.05)
    async with two(url) as (one, other):
        at_one, at_other = hear(one, "lane", "course"), hear(other, "lane", "course")
        await attentive(url, at_one, at_other)
        ask(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN konversi'")
        await until(lambda: len(at_one) == len(at_other) == 2)
        assert at_one == at_other == [("lane", ""), ("course", "")]
        one.tell("lane", "again")
        await until(lambda: at_other[2:] == [("lane", "again")])


async def test_a_strangers_notice_harms_nobody(url):
    async with two(url) as (one, other):
        at_one, at_other = hear(one, "lane"), hear(other, "lane")
        await attentive(url, at_one, at_other)
        for words in ("", "one", "one two", "one lane three four"):
            ask(url, "SELECT pg_notify('konversi', %s)", words)
        other.tell("lane", "end")
        await until(lambda: ("lane", "end") in at_one)
        assert at_one == [("lane", "three four"), ("lane", "end")]


class Wrong:
    """Stands for the module `time` where the machine's clock is wrong."""

    def __init__(self, time, ahead):
        self._time, self.ahead = time, ahead
        self.monotonic = time.monotonic

    def time(self):
        return self._time.time() + self.ahead


@pytest.mark.parametrize("ahead", [300, -300])
async def test_a_machine_whose_clock_is_wrong_goes_by_the_servers(url, monkeypatch, ahead):
    right, wrong = now(), Wrong(clock.time, ahead)
    monkeypatch.setattr(clock, "time", wrong)
    monkeypatch.setattr(postgres_signals, "_CLOCK_SECONDS", 0.05)
    database = await open_database(url)
    try:
        assert now() - right == pytest.approx(ahead, abs=5)
        assert database.now() - right == pytest.approx(0, abs=5)
        wrong.ahead = -ahead  # and somebody sets it, wrongly again
        await until(lambda: abs(database.now() - right) < 10)
    finally:
        await database.aclose()


class Process(Delivery):
    """A delivery that tells others, and is told."""

    def __init__(self, outbox):
        super().__init__(outbox)
        self.dispatcher._tell = lambda lane: outbox.database.tell("course", lane)
        outbox.database.on("course", lambda _lane: self.dispatcher.hear())

    @property
    def courier(self):
        return self.dispatcher.couriers[LIVE]


@asynccontextmanager
async def two_at_work(url):
    async with AsyncExitStack() as stack:
        one, other = (Process(outbox) for outbox in await stack.enter_async_context(two(url, open_outbox)))
        for process in (one, other):
            await stack.enter_async_context(process.at_work())
            await process.outbox.append([new_event(f"first:{id(process)}")])
            process.dispatcher.wake(LIVE)
            await until(lambda process=process: LIVE in process.dispatcher.couriers)
        await one.settled(State.DELIVERED, 2)
        yield one, other


async def test_a_lane_that_one_process_pauses_is_paused_in_the_other_and_goes_on_in_both(url):
    async with two_at_work(url) as (one, other):
        one.meta.answer = other.meta.answer = lambda ids: sent(Kind.PAUSED, http_status=401, code=190)
        await one.accept(*new_events(3))
        await until(lambda: one.courier.breaker.paused and other.courier.breaker.paused)
        asked = len(one.meta.requests) + len(other.meta.requests)
        await one.accept(*(new_event(f"later:{number}") for number in range(3)))
        other.dispatcher.wake(LIVE)
        await asyncio.sleep(0.2)
        assert len(one.meta.requests) + len(other.meta.requests) == asked
        one.meta.answer = other.meta.answer = lambda ids: sent(events_received=len(ids))
        one.dispatcher.look_again("default")
        await one.settled(State.DELIVERED, 8)
        await until(lambda: not one.courier.breaker.paused and not other.courier.breaker.paused)


async def test_a_lane_that_meta_throttles_for_one_process_goes_slower_in_the_other(url):
    async with two_at_work(url) as (one, other):
        before = other.courier.pace.at_once
        one.meta.answer = lambda ids: sent(Kind.THROTTLED, http_status=400, code=80_004)
        await one.accept(*new_events(3))
        await until(lambda: other.courier.pace.at_once < before and one.courier.pace.at_once < before)
        assert other.courier.breaker.open_until == one.courier.breaker.open_until > 0


def first_message(number, message):
    referral = Referral(f"clid-{message}", "120210001", "ad", "https://fb.me/x", "Repaint")
    who = Identities(f"+62812{number:08d}", f"ID.{number}", "Budi")
    return Heard((Arrival(message, "whatsapp", "102290129340398", "1065", 1_800_000_000, who, "text", referral),), ())


@asynccontextmanager
async def two_journeys(url):
    async with two(url) as databases:
        stores = [Journeys(database, b"s" * 32, country="ID", now=now) for database in databases]
        for store in stores:
            await store.open()
        yield stores


async def test_first_messages_of_a_new_customer_to_two_processes_open_one_conversation(url):
    async with two_journeys(url) as stores:
        for number in range(25):
            await asyncio.gather(
                *(store.arrive(first_message(number, f"wamid.{number}.{index}")) for index, store in enumerate(stores))
            )
        found = await stores[0].search(Search(limit=100))
        assert len(found) == 25
        assert {journey.messages for journey, _ in found} == {2}
        assert ask(url, "SELECT count(*), count(DISTINCT journey) FROM touches") == [(50, 25)]


async def test_a_click_is_kept_once_that_two_processes_hear_of_by_different_keys(url, monkeypatch):
    click = Referral("clid-1", "ad-1", "ad")
    by_both, by_id, by_phone = (
        Identities("+6281234567890", "ID.U1"), Identities(user_id="ID.U1"), Identities("+6281234567890")
    )  # fmt: skip

    def message(number, who, referral=None):
        return Heard((Arrival(f"wamid.{number}", "whatsapp", "waba-1", "line-1", 1_000, who, "text", referral),))

    async with two_journeys(url) as (one, other):
        await one.arrive(message(1, by_both))
        write, written = arriving._write, threading.Event()

        def slowly(*given):
            write(*given)
            if not written.is_set():
                written.set()
                time.sleep(0.3)  # the other looks at the conversation before this is committed

        monkeypatch.setattr(arriving, "_write", slowly)
        first = asyncio.create_task(one.arrive(message(2, by_id, click)))
        await asyncio.to_thread(written.wait, 5)
        await other.arrive(message(3, by_phone, click))
        await first
        ((found, _),) = await one.search(Search())
        assert found.messages == 3
        assert ask(url, "SELECT count(*) FROM touches") == [(1,)]


async def test_a_webhook_that_comes_to_two_processes_at_once_is_kept_and_handed_on_once(url):
    async with two_journeys(url) as stores:
        for number in range(25):
            heard = first_message(number, f"wamid.{number}")
            taken = await asyncio.gather(*(store.arrive(heard, sealed=b"call") for store in stores))
            assert sorted((one.new, one.known) for one in taken) == [(0, 1), (1, 0)]
        assert {journey.messages for journey, _ in await stores[0].search(Search(limit=100))} == {1}
        assert ask(url, "SELECT (SELECT count(*) FROM touches), (SELECT count(*) FROM forwards)") == [(25, 25)]
