"""Customers are remembered by their bookings in every store: once each, and the first one counts."""

import random
from contextlib import asynccontextmanager

import pytest

from konversi.insight import customers as following
from konversi.insight.reading import Insight
from konversi.journeys.customers import EXISTING, KEY_LETTERS, NEW, First, customer_keys, segment
from konversi.journeys.store import Journeys
from konversi.outbox.store import open_outbox
from outboxes import new_event, plan_of

NOW = 1_795_000_000
DAY = 86_400
BUDI = {"ph": ["a" * 64, "b" * 64], "em": ["c" * 64], "external_id": ["a" * 64]}
ANI = {"ph": ["d" * 64]}


class Scene:
    def __init__(self, outbox):
        self.outbox = outbox
        self.database = outbox.database
        self.journeys = Journeys(self.database, b"secret", country="ID", now=lambda: NOW, remembers=True)
        self.insight = Insight(self.database)
        self.events = 0

    async def book(self, who, at=NOW, booking_id=None, *, follow=True):
        self.events += 1
        event = new_event(f"Lead:{self.events}", booking_id=booking_id)
        keys = "".join(self.journeys.keyring.of_customer(who))
        await self.outbox.append([event._replace(customer=keys or None, event_time=at)])
        if follow:
            await self.follow()

    async def follow(self):
        while await self.insight.customers.follow():
            pass

    async def known(self, who):
        keys = self.journeys.keyring.of_customer(who)
        found = await self.journeys.remembered(keys)
        return [found.get(key) for key in keys]


@asynccontextmanager
async def opened(url):
    outbox = await open_outbox(url)
    try:
        yield Scene(outbox)
    finally:
        await outbox.aclose()


@pytest.fixture
def scene(run, url):
    def told(story):
        async def within():
            async with opened(url) as it:
                await story(it)

        run(within(), 20)

    return told


def test_a_customer_is_remembered_under_every_phone_and_address(scene):
    async def story(it):
        assert await it.known(BUDI) == [None] * 3
        await it.book(BUDI, booking_id="BK-1")
        assert await it.known(BUDI) == [First(NOW, "BK-1")] * 3
        assert await it.known({"em": ["c" * 64]}) == [First(NOW, "BK-1")]
        assert await it.known(ANI) == [None]

    scene(story)


def test_the_first_booking_counts_in_whatever_order_they_are_told(scene):
    async def story(it):
        await it.book(ANI, NOW, "BK-2")
        await it.book(ANI, NOW - DAY, "BK-1")
        await it.book(ANI, NOW + DAY, "BK-3")
        assert await it.known(ANI) == [First(NOW - DAY, "BK-1")]

    scene(story)


@pytest.mark.parametrize("at_once", [1, 2, 7, 1_000])
def test_in_however_many_steps_the_same_is_remembered(scene, monkeypatch, at_once):
    monkeypatch.setattr(following, "_AT_ONCE", at_once)
    chance = random.Random(36)
    people = [{"ph": [f"{number:064x}"]} for number in range(5)]
    told = [(chance.randrange(5), NOW + chance.randrange(1_000)) for _ in range(30)]

    async def story(it):
        for who, at in told:
            await it.book(people[who], at, f"BK-{who}-{at}", follow=False)
        await it.book({}, NOW - DAY, follow=False)  # nobody is known
        await it.follow()
        for who, person in enumerate(people):
            first = min(at for one, at in told if one == who)
            assert await it.known(person) == [First(first, f"BK-{who}-{first}")]

    scene(story)


def test_who_has_not_come_for_long_is_forgotten(scene):
    async def story(it):
        await it.book(BUDI, NOW - 10 * DAY)
        await it.book(ANI, NOW - 10 * DAY)
        await it.book(ANI, NOW - DAY)
        assert await it.journeys.forget_customers(NOW - 2 * DAY, 2) == 2
        assert await it.journeys.forget_customers(NOW - 2 * DAY, 2) == 1
        assert await it.known(BUDI) == [None] * 3
        assert await it.known(ANI) == [First(NOW - 10 * DAY, None)]

    scene(story)


def test_looking_back_walks_no_table(run, url):
    async def story():
        async with opened(url) as it:
            people = [{"ph": [f"{number:064x}"]} for number in range(3_000)]
            events = [new_event(f"Lead:{number}") for number in range(len(people))]
            keys = ["".join(it.journeys.keyring.of_customer(person)) for person in people]
            await it.outbox.append([event._replace(customer=key) for event, key in zip(events, keys, strict=True)])
            await it.follow()

    run(story(), 20)
    keys = ["a" * 32, "b" * 32]
    plan = " ".join(plan_of(url, "SELECT key, first_at, booking_id FROM customers WHERE key IN (?,?)", keys))
    assert "SCAN customers" not in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize(
    ("first", "occurred", "booking_id", "said"),
    [
        (None, NOW, "BK-1", NEW),
        (First(NOW - 9 * DAY, "BK-1"), NOW, "BK-2", EXISTING),
        (First(NOW - 9 * DAY, "BK-1"), NOW, "BK-1", NEW),  # the payment of the first booking
        (First(NOW - 3_600, "BK-1"), NOW, "BK-2", EXISTING),
        (First(NOW - 3_600, "BK-1"), NOW, None, NEW),
        (First(NOW - 3_600, None), NOW, "BK-2", NEW),
        (First(NOW - 2 * DAY, None), NOW, None, EXISTING),
        (First(NOW, "BK-2"), NOW - DAY, "BK-1", NEW),
    ],
)
def test_what_belongs_to_the_first_booking_is_a_new_customers(first, occurred, booking_id, said):
    assert segment(["k"], {} if first is None else {"k": first}, occurred, booking_id) == said


def test_keys_are_only_this_installations_and_of_one_length():
    ours, theirs = customer_keys(BUDI, b"ours"), customer_keys(BUDI, b"theirs")
    assert set(ours).isdisjoint(theirs)
    assert {len(key) for key in ours} == {KEY_LETTERS}
    assert customer_keys({"ctwa_clid": "x", "fn": ["n"]}, b"ours") == []
