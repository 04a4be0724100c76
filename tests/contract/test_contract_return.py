"""What came of each ad is summed once, in however many steps, and stands beside its cost for the same days only."""

import asyncio
import sys
from collections import Counter
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from konversi.events.money import SCALE
from konversi.insight import money_sums, spend_store
from konversi.insight.reading import Insight
from konversi.insight.spend_tables import ad_results
from konversi.insight.tables import summed
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral
from konversi.journeys.store import Journeys
from konversi.meta.ad_insights import AdDay
from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox
from konversi.payments.deciding import Told
from konversi.payments.store import Payments
from outboxes import LATER, LIVE, TEST, all_of, ended, new_event

sys.path.append(str(Path(__file__).parents[1] / "unit" / "payments"))

import payment_notices

AT = 1_700_000_000  # when the events of `new_event` happened: 2023-11-14
DAY = "2023-11-14"
ACCOUNT = "act_555566667777"


class Scene:
    """A database, with what is needed to let something happen in it."""

    def __init__(self, outbox):
        self.outbox = outbox
        self.database = outbox.database
        self.journeys = Journeys(self.database, b"secret", country="ID", now=lambda: AT)
        self.insight = Insight(self.database)
        self.events = 0

    async def click(self, who, ad, at=AT):
        referral = Referral(f"click-{who}-{ad}-{at}", ad, "ad")
        person = Identities(f"+628123456{who:03}")
        arrival = Arrival(f"{who}-{ad}-{at}", "whatsapp", "1", "2", at, person, "text", referral)
        await self.journeys.arrive(Heard((arrival,)))

    async def event(self, touch=None, value=None, name="Lead", currency="IDR", lane=LIVE, was=None, worth=None):
        """Its number; `touch` is the number of a click."""
        self.events += 1
        data = b"" if value is None else b'"value":%s,"currency":"%s"' % (str(value).encode(), currency.encode())
        given = new_event(f"{name}:{self.events}", lane=lane, name=name, body=b'{"custom_data":{%s}}' % data)
        (stored,) = await self.outbox.append([given._replace(touch=touch, given=was, worth=worth)])
        return stored.id

    async def spend(self, *days, currency="IDR", since="2023-10-20", until=DAY):
        """Each of (day, ad, spend)."""
        rows = [
            AdDay(day, ad, f"Ad {ad}", "s1", "Set", "c1", "Campaign", currency, spent * SCALE, 0, 0, 0, 0, 0, 0, 0)
            for day, ad, spent in days
        ]

        def keep(connection):
            spend_store.claim(connection, ACCOUNT, AT, AT + 60, AT)
            first, last = date.fromisoformat(since), date.fromisoformat(until)
            spend_store.replace(connection, ACCOUNT, currency, first, last, rows, AT)

        await self.database.write(keep)

    async def sums(self):
        """What every ad brought: its number and its value, by ad, kind and currency."""
        while await self.insight.money.follow():
            pass
        rows = await self.database.read(lambda connection: connection.execute(select(ad_results)).all())
        found = Counter()
        for row in rows:
            found[row.ad_id, row.result, row.currency, "number"] += row.number
            found[row.ad_id, row.result, row.currency, "value"] += row.value // SCALE
        return {place: number for place, number in found.items() if number}

    async def forget_sums(self):
        def job(connection):
            connection.execute(delete(ad_results))
            connection.execute(delete(summed))

        await self.database.write(job)

    async def report(self, since=AT - 27 * 86_400, by="ad", **within):
        return await self.insight.returns(since, by, within)


@asynccontextmanager
async def opened(url):
    outbox = await open_outbox(url)
    try:
        scene = Scene(outbox)
        await scene.journeys.open()
        yield scene
    finally:
        await outbox.aclose()


def test_in_however_many_steps_the_sums_are_the_same(run, url, monkeypatch):
    async def scene():
        async with opened(url) as it:
            for who in range(9):
                await it.click(who, f"ad{who % 3}")
            numbers = [await it.event(1 + number % 9, 1_000 * number) for number in range(14)]
            await it.event(2, 70_000, name="Purchase")
            await it.outbox.change(numbers[3], Step.DISCARD, now=AT, reason="A mistake")
            expected = None
            for at_once in (1_000, 1, 2, 3, 7):
                monkeypatch.setattr(money_sums, "_AT_ONCE", at_once)
                await it.forget_sums()
                found = await it.sums()
                expected = expected or found
                assert found == expected
            assert sum(n for (_, kind, _, what), n in expected.items() if (kind, what) == ("bookings", "number")) == 13
            assert expected["ad1", "payments", "IDR", "value"] == 70_000

    run(scene())


def test_a_second_click_on_the_same_ad_is_no_second_conversation(run, url):
    async def scene():
        async with opened(url) as it:
            await it.click(1, "ad1")
            await it.click(1, "ad1", AT + 60)
            await it.click(1, "ad2", AT + 120)
            assert await it.sums() == {
                ("ad1", "conversations", "", "number"): 1,
                ("ad2", "conversations", "", "number"): 1,
            }

    run(scene())


def test_a_booking_counts_with_what_was_given_whatever_meta_is_told(run, url):
    async def scene():
        async with opened(url) as it:
            await it.event(value=60, was='{"value":100,"currency":"USD","added":[]}')
            await it.event(value=60, was='{"value":null,"currency":null,"added":["currency","value"]}')
            assert await it.sums() == {
                ("", "bookings", "USD", "number"): 1,
                ("", "bookings", "USD", "value"): 100,
                ("", "bookings", "", "number"): 1,
            }

    run(scene())


def test_a_worth_that_stands_beside_the_body_is_not_looked_for_in_it(run, url):
    async def scene():
        async with opened(url) as it:
            await it.event(value=60, worth="100.5 USD")
            await it.event(value=60, worth="")
            sums = await it.sums()
            assert sums["", "bookings", "USD", "number"] == 1
            assert sums["", "bookings", "", "number"] == 1

    run(scene())


def test_a_test_event_is_no_booking(run, url):
    async def scene():
        async with opened(url) as it:
            await it.event(value=100, lane=TEST)
            assert await it.sums() == {}

    run(scene())


def test_what_is_discarded_is_taken_out_once_and_put_back_where_it_is_sent_after_all(run, url):
    async def scene():
        async with opened(url) as it:
            one = await it.event(value=100)
            await it.event(value=30)
            booked = {("", "bookings", "IDR", "number"): 2, ("", "bookings", "IDR", "value"): 130}
            assert await it.sums() == booked
            await it.outbox.change(one, Step.DISCARD, now=AT, reason="Twice")
            for _ in range(2):
                assert (await it.sums())["", "bookings", "IDR", "value"] == 30
            await it.outbox.change(one, Step.REPLAY, now=AT, reason="It was none")
            for _ in range(2):
                assert await it.sums() == booked

    run(scene())


def test_what_meta_refused_is_no_booking(run, url):
    async def scene():
        async with opened(url) as it:
            await it.event(value=100)
            assert await it.sums() != {}
            batch = await it.outbox.claim(LIVE, LATER, LATER + 60, all_of)
            await it.outbox.settle(batch, ended(Step.REFUSE, "refused"))
            assert await it.sums() == {}

    run(scene())


@pytest.mark.parametrize("value", ['"a lot"', "-5", "1e99", "null"])
def test_a_value_that_makes_no_sense_is_a_booking_without_one(run, url, value):
    async def scene():
        async with opened(url) as it:
            await it.event(value=value)
            assert await it.sums() == {("", "bookings", "", "number"): 1}

    run(scene())


def test_only_the_spend_of_days_with_known_conversations_is_divided(run, url):
    async def scene():
        async with opened(url) as it:
            await it.spend(("2023-11-01", "ad1", 9_000), ("2023-11-13", "ad1", 900), (DAY, "ad1", 100))
            await it.click(1, "ad1")
            await it.event(1, 300, name="Purchase")
            found = await it.report()
            assert (found["since"], found["conversations_since"], found["spend_since"]) == (DAY, DAY, "2023-10-20")
            assert found["left_out"] == [{"currency": "IDR", "spend": 9_900}]
            (account,) = found["accounts"]
            assert (account["total"]["spend"], account["total"]["cost_per_payment"], account["total"]["roas"]) == (
                100,
                100,
                3,
            )

    run(scene())


def test_only_bookings_of_days_whose_spend_is_known_are_divided_by(run, url):
    async def scene():
        async with opened(url) as it:
            await it.click(1, "ad1", AT - 20 * 86_400)
            await it.click(2, "ad1")
            await it.spend((DAY, "ad1", 100), since="2023-11-10")
            found = await it.report()
            assert found["since"] == found["spend_since"] == "2023-11-10"
            assert found["accounts"][0]["total"]["conversations"] == 1

    run(scene())


def test_without_any_conversation_there_is_spend_and_no_return(run, url):
    async def scene():
        async with opened(url) as it:
            await it.spend(("2023-11-01", "ad1", 9_000))
            found = await it.report()
            assert (found["conversations_since"], found["left_out"]) == (None, [])
            total = found["accounts"][0]["total"]
            assert (total["spend"], total["roas"], total["cost_per_booking"]) == (9_000, None, None)

    run(scene())


def test_another_currency_stands_beside_and_is_in_no_return(run, url):
    async def scene():
        async with opened(url) as it:
            await it.spend((DAY, "ad1", 100))
            await it.click(1, "ad1")
            await it.event(1, 500, name="Purchase")
            await it.event(1, 7, name="Purchase", currency="USD")
            total = (await it.report())["accounts"][0]["total"]
            assert (total["payments"], total["value"], total["roas"]) == (2, 500, 5)
            assert total["other_currencies"] == [{"result": "payments", "currency": "USD", "value": 7}]

    run(scene())


async def paid(it, touch, value, number=1, at=AT):
    """A payment with its Purchase in the outbox, credited to a click."""
    payments = Payments(it.database, "each", lambda: at)
    told = payment_notices.notice(amount=str(value), payment_id=f"p-{number}", at=at, references=())
    (one,) = await payments.take([Told(told, payment_notices.EMAIL)])
    body = b'{"custom_data":{"value":%d,"currency":"IDR"}}' % value
    event = new_event(one.payment.purchase, name="Purchase", body=body)
    (stored,) = await it.outbox.append([event._replace(touch=touch, event_time=at)])
    later = Payments(it.database, "each", lambda: at + 60)
    await later.left()
    return later, stored.id


async def back(payments, amount, number=1, **more):
    await payments.take([Told(payment_notices.refund(str(amount), payment_id=f"p-{number}", **more), {})])


def test_what_went_back_is_taken_off_the_ad_and_the_day_of_the_payment(run, url):
    async def scene():
        async with opened(url) as it:
            await it.spend((DAY, "ad1", 100))
            await it.click(1, "ad1")
            payments, _ = await paid(it, 1, 500)
            await back(payments, 120)
            for _ in range(2):
                total = (await it.report())["accounts"][0]["total"]
                assert (total["payments"], total["value"], total["paid_back"], total["roas"]) == (1, 380, 120, 3.8)
            await back(payments, 500)
            total = (await it.report())["accounts"][0]["total"]
            assert (total["value"], total["paid_back"], total["roas"]) == (0, 500, 0)
            start = await it.database.read(lambda connection: connection.execute(select(ad_results)).all())
            assert {row.start for row in start} == {AT // 86_400 * 86_400}

    run(scene())


def test_a_chargeback_that_was_won_is_put_back(run, url):
    async def scene():
        async with opened(url) as it:
            payments, _ = await paid(it, None, 500)
            await back(payments, 500, key="dp", rank=1, kind="chargeback")
            assert (await it.sums())["", "reversals", "IDR", "value"] == 500
            await back(payments, 0, key="dp", rank=3, kind="chargeback")
            found = await it.sums()
            assert [one for one in found if one[1] == "reversals"] == []

    run(scene())


def test_of_a_purchase_that_came_to_nothing_nothing_is_taken_off(run, url):
    async def scene():
        async with opened(url) as it:
            payments, event = await paid(it, None, 500)
            await back(payments, 200)
            assert (await it.sums())["", "reversals", "IDR", "value"] == 200
            await it.outbox.change(event, Step.DISCARD, now=AT, reason="A mistake")
            assert await it.sums() == {}
            await it.outbox.change(event, Step.REPLAY, now=AT, reason="It was none")
            assert (await it.sums())["", "reversals", "IDR", "value"] == 200

    run(scene())


def test_in_however_many_steps_and_by_however_many_what_went_back_is_taken_off_once(run, url, monkeypatch):
    async def scene():
        async with opened(url) as it:
            for number in range(5):
                payments, _ = await paid(it, None, 100, number)
                await back(payments, 10 + number, number)
            monkeypatch.setattr(money_sums, "_AT_ONCE", 2)
            while await it.insight.money.follow():
                pass
            others = [Insight(it.database).money.follow() for _ in range(4)]
            await asyncio.gather(*others)
            assert (await it.sums())["", "reversals", "IDR", "value"] == 60

    run(scene())


def test_an_ad_set_and_a_campaign_are_the_sums_of_their_ads(run, url):
    async def scene():
        async with opened(url) as it:
            await it.spend((DAY, "ad1", 100), (DAY, "ad2", 50))
            await it.click(1, "ad1")
            await it.click(2, "ad2")
            for by in ("campaign", "adset"):
                (row,) = (await it.report(by=by))["accounts"][0]["rows"]
                assert (row["spend"], row["conversations"], row["cost_per_conversation"]) == (150, 2, 75)
            assert (await it.report(campaign="another"))["accounts"] == []

    run(scene())
