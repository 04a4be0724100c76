"""What came of bookings is counted once each, in however many steps, with nobody in it."""

import time
from contextlib import asynccontextmanager
from decimal import Decimal

import orjson

from konversi.insight import value_past, value_sums
from konversi.insight.valuing import Valuing
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral
from konversi.journeys.store import Journeys
from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox
from konversi.payments.deciding import Told
from konversi.payments.notice import Notice
from konversi.payments.stages import Stage
from konversi.payments.store import Payments
from konversi.value.in_effect import Values
from konversi.value.model import Sum
from outboxes import LIVE, TEST, new_event

DAY = 86_400
AT = int(time.time()) - 3_600  # Unix seconds of a booking


class Scene:
    """A database in which customers book and pay."""

    def __init__(self, outbox, days=15):
        self.outbox, self.database = outbox, outbox.database
        self.journeys = Journeys(self.database, b"secret", country="ID", now=lambda: AT)
        self.payments = Payments(self.database, "each", lambda: AT)
        self.valuing = Valuing(
            self.database, Values("IDR"), messaging_names={}, check=lambda _: None, tell=lambda: None, hours=0,
            now=lambda: time.time() + days * DAY,
        )  # fmt: skip
        self.numbers = iter(range(1, 10_000))

    async def click(self, who, ad):
        referral = Referral(f"click-{who}", ad, "ad")
        arrival = Arrival(
            f"m-{who}", "whatsapp", "1", "2", AT - 60, Identities(f"+628123456{who:03}"), "text", referral
        )
        await self.journeys.arrive(Heard((arrival,)))

    async def event(self, name="Lead", booking=None, service="Botox", value=None, currency="IDR", lane=LIVE, **more):
        custom = {} if value is None else {"value": value, "currency": currency}
        services = service if isinstance(service, list) else [service] if service else []
        custom |= {"contents": [{"id": one, "title": one, "quantity": 1} for one in services]} if services else {}
        body = orjson.dumps({"event_name": name, "custom_data": custom})
        given = new_event(f"{name}:{next(self.numbers)}", lane=lane, name=name, booking_id=booking, body=body)
        (stored,) = await self.outbox.append([given._replace(**{"event_time": AT, **more})])
        return stored.id

    async def pays(self, booking, amount, currency="IDR", stage=Stage.SETTLED):
        notice = Notice("x", f"p-{next(self.numbers)}", stage, Decimal(amount), currency, AT + 60, references=[booking])
        await self.payments.take([Told(notice, {}, identified=True)])

    async def sums(self):
        await self.valuing.learn()
        return await self.database.read(lambda connection: value_sums.read(connection, 0))


@asynccontextmanager
async def opened(url, **given):
    outbox = await open_outbox(url)
    try:
        scene = Scene(outbox, **given)
        await scene.journeys.open()
        yield scene
    finally:
        await outbox.aclose()


def none(service, bookings, ad="", currency="IDR"):
    return Sum(service, ad, currency, bookings, 0, 0, Decimal(0), 0, Decimal(0), Decimal(0))


async def test_a_booking_that_is_not_old_enough_is_not_counted(url):
    async with opened(url, days=13) as it:
        await it.event(value=100)
        assert await it.sums() == []


async def test_a_booking_without_a_payment_did_not_show_up(url):
    async with opened(url) as it:
        await it.event(value=100, service="  BOTOX dahi ")
        await it.event(value=100, service="botox  Dahi")
        assert await it.sums() == [none("botox dahi", 2)]


async def test_each_booking_is_counted_once_in_however_many_steps(url, monkeypatch):
    async with opened(url) as it:
        for number in range(9):
            await it.event(booking=f"B{number}", value=100)
        await it.event("Purchase", "B1", value=80)
        monkeypatch.setattr(value_sums, "_AT_ONCE", 2)
        for _ in range(2):
            assert await it.sums() == [Sum("botox", "", "IDR", 9, 1, 1, Decimal(80), 1, Decimal(100), Decimal(80))]


async def test_payments_are_counted_by_their_booking_whoever_told_of_them(url):
    async with opened(url) as it:
        for booking in ("B1", "B2", "B3", "B4"):
            await it.event(booking=booking, value=100)
        await it.pays("B1", 30)
        await it.pays("B1", 50)
        await it.event("Purchase", "B1", value=30)  # as its payments are reported
        await it.event("Purchase", "B2", value=90)
        await it.pays("B3", 100, stage=Stage.PENDING)
        await it.event("OrderDelivered", "B4")
        assert await it.sums() == [Sum("botox", "", "IDR", 4, 3, 2, Decimal(170), 2, Decimal(200), Decimal(170))]


async def test_a_payment_without_a_bookings_id_is_of_its_conversation_and_comes_after_it(url):
    async with opened(url) as it:
        await it.event(value=100, journey=1, event_time=AT + 10)
        await it.event("Purchase", value=70, journey=1, event_time=AT + 20)
        await it.event(value=100, journey=2, event_time=AT + 10)
        await it.event("Purchase", value=70, journey=2, event_time=AT)
        await it.event("Purchase", value=70, journey=3, event_time=AT + 20)
        assert await it.sums() == [Sum("botox", "", "IDR", 2, 1, 1, Decimal(70), 1, Decimal(100), Decimal(70))]


async def test_what_another_booking_of_the_conversation_was_paid_is_not_this_ones(url):
    async with opened(url) as it:
        await it.event(booking="B1", value=100, journey=1)
        await it.event("Purchase", "B2", value=70, journey=1)
        assert await it.sums() == [none("botox", 1)]


async def test_ads_and_services_are_told_apart_and_several_services_are_none(url):
    async with opened(url) as it:
        await it.click(1, "ad-7")
        await it.event(value=100, touch=1)
        await it.event(value=100, service="Peel")
        await it.event(value=100, service=["Peel", "Botox"])
        await it.event(service=None)
        assert sorted(await it.sums()) == [
            none("", 1, currency=""),
            none("", 1),
            none("botox", 1, ad="ad-7"),
            none("peel", 1),
        ]


async def test_a_payment_in_another_currency_shows_up_and_says_nothing_of_the_price(url):
    async with opened(url) as it:
        await it.event(booking="B1", value=100)
        await it.pays("B1", 7, "USD")
        await it.event(booking="B2", service="Peel")
        await it.pays("B2", 7, "USD")
        nothing = Decimal(0)
        assert sorted(await it.sums()) == [
            Sum("botox", "", "IDR", 1, 1, 0, nothing, 0, nothing, nothing),
            Sum("peel", "", "USD", 1, 1, 1, Decimal(7), 0, nothing, nothing),
        ]


async def test_the_price_is_the_given_one_whatever_meta_was_told(url):
    async with opened(url) as it:
        await it.event(booking="B1", value=60, given='{"value":100,"currency":"IDR","added":[]}')
        await it.pays("B1", 80)
        (found,) = await it.sums()
        assert (found.price, found.price_paid) == (100, 80)


async def test_tests_and_what_was_discarded_teach_nothing(url):
    async with opened(url) as it:
        await it.event(value=100, lane=TEST)
        gone = await it.event(value=100)
        await it.outbox.change(gone, Step.DISCARD, now=AT, reason="A mistake")
        assert await it.sums() == []


async def test_rules_that_were_kept_are_in_effect_and_the_newest_count(url):
    async with opened(url) as it:
        await it.valuing.keep("show_up = 0.5", "ani")
        await it.valuing.keep("show_up = 0.7", "budi")
        other = Valuing(
            it.database,
            Values("IDR"),
            messaging_names={},
            check=lambda _: None,
            tell=lambda: None,
            hours=0,
            now=time.time,
        )
        await other.load()
        assert other.values.now.rules.show_up == Decimal("0.7")
        assert other.values.now.source == "budi"
        await it.valuing.keep("", "budi")
        await other.load()
        assert other.values.apply({"value": 1, "currency": "IDR"}, ("Lead",)) is None


RULES = 'show_up = 0.5\n[[rules]]\nname = "Botox"\nservice = "botox"\nshare = 0.8\n[predicted_ltv]\nvisits = 2\n'


async def test_a_dry_run_says_what_would_have_been_told_beside_what_was(url):
    async with opened(url, days=0) as it:
        await it.event(value=60, given='{"value":100,"currency":"IDR","added":[]}')
        await it.event(value=100, service="Peel")
        await it.event("Purchase", value=100, service="Peel")
        found = await it.valuing.dry_run(RULES, 1)
        assert found["events"] == 3
        assert found["changed"] == 2
        lead, paid = found["by_event"]
        assert (lead["event"], lead["given"], lead["sent"], lead["would"]) == (
            "Lead",
            [{"currency": "IDR", "value": 200}],
            [{"currency": "IDR", "value": 160}],
            [{"currency": "IDR", "value": 90}],
        )
        assert paid["would"] == [{"currency": "IDR", "value": 100}]
        assert {one["rule"]: one["events"] for one in found["by_rule"]} == {"Botox": 1, "(all)": 2}
        assert found["examples"][0]["would"] == {"value": 50, "currency": "IDR"}


async def test_a_dry_run_goes_through_all_of_history_in_parts(url, monkeypatch):
    async with opened(url, days=0) as it:
        for number in range(11):
            await it.event(value=number, event_time=AT + number)
        expected = await it.valuing.dry_run(RULES, 1)
        assert expected["events"] == 11
        for at_once in (1, 3, 11):
            monkeypatch.setattr(value_past, "AT_ONCE", at_once)
            found = await it.valuing.dry_run(RULES, 1)
            assert {k: v for k, v in found.items() if k != "since"} == {
                k: v for k, v in expected.items() if k != "since"
            }


async def test_a_dry_run_knows_what_the_customer_had_paid_by_then(url):
    async with opened(url, days=0) as it:
        await it.event("Purchase", value=100, journey=1, event_time=AT)
        await it.event("Purchase", value=300, journey=1, event_time=AT + 10)
        found = await it.valuing.dry_run("[predicted_ltv]\nvisits = 2\n", 1)
        assert [one["would"].get("predicted_ltv") for one in found["examples"]] == [333.33]  # 100 + (2 x 300 + 100) / 3
