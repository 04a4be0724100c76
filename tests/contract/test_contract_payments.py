"""Payments in every store: kept once whatever comes in whatever order, with the Purchase that they lead to."""

import asyncio
import random
import sys
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

sys.path.append(str(Path(__file__).parents[1] / "unit" / "payments"))

from payment_notices import EMAIL, NOW, history, notice, refund

from konversi.outbox.store import open_outbox
from konversi.payments.deciding import Told
from konversi.payments.rows import Search
from konversi.payments.stages import Stage
from konversi.payments.store import Payments
from outboxes import new_event

PRICE = b'{"custom_data":{"value":150000,"currency":"IDR"},"user_data":{"ph":["p"]}}'


class Scene:
    """A database with payments, bookings, and a clock."""

    def __init__(self, outbox, policy):
        self.outbox = outbox
        self.now = NOW
        self.payments = Payments(outbox.database, policy, lambda: self.now)

    async def book(self, booking_id="BK-1", *, body=PRICE, journey=7):
        (stored,) = await self.outbox.append(
            [new_event(f"Lead:{booking_id}", booking_id=booking_id, body=body)._replace(journey=journey)]
        )
        return stored.id

    async def take(self, *notices, user_data=EMAIL):
        return await self.payments.take([Told(one, user_data) for one in notices])

    async def all(self, **wanted):
        return await self.payments.search(Search(limit=500, **wanted))


@asynccontextmanager
async def opened(url, policy="each"):
    outbox = await open_outbox(url)
    try:
        yield Scene(outbox, policy)
    finally:
        await outbox.aclose()


@pytest.fixture
def scene(run, url):
    """`scene(story, policy)` runs a story in a new database."""

    def told(story, policy="each"):
        async def within():
            async with opened(url, policy) as it:
                await story(it)

        run(within(), 20)

    return told


def test_a_notification_is_news_once_and_its_payment_has_one_number(scene):
    async def story(it):
        (first,) = await it.take(notice())
        (again,) = await it.take(notice())
        assert (first.news, again.news) == (True, False)
        assert first.payment.id == again.payment.id
        assert (await it.payments.find(first.payment.id)) == again.payment

    scene(story)


def test_what_is_told_in_one_batch_and_in_any_order_is_one_payment(scene):
    async def story(it):
        await it.book()
        told = [refund("20000"), notice(Stage.PENDING), notice(), notice(), notice(Stage.FAILED)]
        await it.take(*told)
        (one,) = await it.all()
        assert (one.stage, one.amount, one.reversed) == (Stage.SETTLED, Decimal(150000), Decimal(20000))
        assert (one.booking_id, one.journey, one.purchase) == ("BK-1", 7, "Purchase:midtrans:p-1")

    scene(story)


def test_a_payment_is_found_by_either_of_its_ids_and_by_no_other_providers(scene):
    async def story(it):
        await it.take(notice(payment_id="invoice", other_id="charge"))
        await it.take(refund("5000", payment_id="charge"))
        await it.take(notice(payment_id="invoice", provider="xendit"))
        ours, others = sorted(await it.all(), key=lambda one: one.provider)
        assert (ours.payment_id, ours.reversed, others.reversed) == ("invoice", 5000, 0)

    scene(story)


def test_however_many_tell_the_same_at_the_same_moment_one_purchase_is_decided(scene):
    async def story(it):
        await it.book()
        outcomes = await asyncio.gather(*(it.take(notice()) for _ in range(30)))
        assert sum(one.news for (one,) in outcomes) == 1
        assert {one.payment.purchase for (one,) in outcomes} == {"Purchase:midtrans:p-1"}
        assert len(await it.all()) == 1

    scene(story)


def test_two_parts_paid_at_the_same_moment_lead_to_one_purchase_with_the_total(scene):
    async def story(it):
        await it.book()
        parts = [notice(amount="60000", payment_id="a"), notice(amount="90000", payment_id="b")]
        await asyncio.gather(*(it.take(one) for one in parts))
        decided = [one for one in await it.all() if one.purchase]
        assert [(one.purchase, one.purchase_value) for one in decided] == [("Purchase:BK-1", Decimal(150000))]

    scene(story, "full")


def test_what_goes_back_of_one_part_is_gone_from_the_purchase_of_all(scene):
    async def story(it):
        await it.book()
        await it.take(notice(amount="60000", payment_id="a"), notice(amount="90000", payment_id="b"))
        await it.take(refund("60000", payment_id="a"))
        await it.take(refund("10000", payment_id="b"))
        (decided,) = [one for one in await it.all() if one.purchase]
        assert decided.gone == Decimal(70000)

    scene(story, "full")


def test_a_booking_that_comes_later_is_found_when_somebody_looks_again(scene):
    async def story(it):
        (one,) = await it.take(notice(), user_data={})
        assert (one.payment.flag, one.payment.purchase) == ("unjoined", None)
        await it.book()
        assert await it.payments.left() == [], "nothing is due yet"
        it.now += 120
        (found,) = await it.payments.left()
        assert (found.payment.booking_id, found.payment.purchase, found.payment.flag) == (
            "BK-1", "Purchase:midtrans:p-1", "",
        )  # fmt: skip
        assert found.booking.body["user_data"] == {"ph": ["p"]}

    scene(story)


def test_a_purchase_is_reported_again_until_it_is_seen_in_the_outbox(scene):
    async def story(it):
        await it.book()
        (one,) = await it.take(notice())
        it.now += 60
        assert [left.payment.purchase for left in await it.payments.left()] == [one.payment.purchase]
        (stored,) = await it.outbox.append([new_event(one.payment.purchase, name="Purchase")._replace(touch=4)])
        it.now += 60
        assert await it.payments.left() == []
        seen = await it.payments.find(one.payment.id)
        assert (seen.event, seen.touch, seen.due_at) == (stored.id, 4, None)

    scene(story)


def test_what_could_not_be_sent_is_flagged_and_left_alone(scene):
    async def story(it):
        await it.book()
        (one,) = await it.take(notice())
        await it.payments.refused(one.payment, "Too little.")
        it.now += 600
        assert await it.payments.left() == []
        assert await it.payments.flagged() == {"refused": 1}

    scene(story)


def test_payments_are_found_by_provider_booking_flag_and_conversation_page_by_page(scene):
    async def story(it):
        await it.book()
        for number in range(5):
            await it.take(notice(payment_id=f"p-{number}", amount="30000"))
        await it.take(notice(payment_id="x", provider="xendit", references=()), user_data={})
        assert [one.payment_id for one in await it.all(provider="xendit")] == ["x"]
        assert [one.payment_id for one in await it.all(flag="unjoined")] == ["x"]
        first = await it.payments.search(Search(booking_id="BK-1", limit=3))
        rest = await it.payments.search(Search(booking_id="BK-1", limit=3, before=first[-1].id))
        assert [one.payment_id for one in (*first, *rest)] == ["p-4", "p-3", "p-2", "p-1", "p-0"]
        of_chat = await it.payments.of_journey(7, ["Purchase:midtrans:p-1"])
        assert [one.payment_id for one in of_chat] == ["p-0", "p-1", "p-2", "p-3", "p-4"]

    scene(story)


def test_what_nothing_was_told_of_for_long_is_forgotten_so_many_at_a_time(scene):
    async def story(it):
        for number in range(3):
            await it.take(notice(payment_id=f"p-{number}"))
            it.now += 100
        assert await it.payments.forget(NOW + 150, 1) == 1
        assert await it.payments.forget(NOW + 150, 9) == 1
        assert [one.payment_id for one in await it.all()] == ["p-2"]

    scene(story)


def test_what_was_taken_is_there_after_the_store_was_closed(run, url):
    async def story():
        async with opened(url) as it:
            await it.book()
            one, _ = await it.take(notice(), refund("0.1"))
        async with opened(url) as it:
            kept = await it.payments.find(one.payment.id)
            assert (kept.gone, kept.reversed, kept.purchase_value) == (Decimal("0.1"), Decimal("0.1"), Decimal(150000))
            assert kept.user_data == EMAIL

    run(story(), 20)


@pytest.mark.parametrize("policy", ["each", "first", "full"])
def test_any_histories_end_in_the_store_as_they_do_in_memory(scene, policy):
    chance = random.Random(f"{policy} 36")

    async def story(it):
        await it.book()
        told = [
            notice(stage, amount=amount, payment_id=payment)
            for payment in ("a", "b", "c")
            for stage in (Stage.PENDING, Stage.FAILED, Stage.CAPTURED, Stage.SETTLED)
            for amount in ("50000", "99999.5")
        ]
        told += [refund(amount, payment_id=payment) for payment in ("a", "b") for amount in ("7", "8.25")]
        told += [refund("100", payment_id="c", key="dp", rank=rank, kind="chargeback") for rank in (1, 2)]
        chance.shuffle(told)
        given = [one for one in told for _ in range(chance.randrange(3))]
        expected, _ = history(given, policy=policy, user_data=EMAIL)
        place = 0
        while place < len(given):
            size = chance.randrange(1, 6)
            await it.take(*given[place : place + size])
            place += size
        found = {one.payment_id: one for one in await it.all()}
        timeless = {"id": None, "seen_at": 0, "changed_at": 0, "due_at": None}
        assert {name: replace(one, **timeless) for name, one in found.items()} == {
            name: replace(one, **timeless) for name, one in expected.items()
        }

    scene(story, policy)
