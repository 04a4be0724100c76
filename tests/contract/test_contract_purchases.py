"""In every store: a payment and its Purchase are kept together, or neither is."""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from konversi.clock import now
from konversi.errors import IdempotencyConflict, StorageUnavailable
from konversi.events.conversion import Conversion
from konversi.intake.payments.payer import told_of
from konversi.intake.receipts import Receipt
from konversi.intake.receive import Refusal
from konversi.journeys.arrival import Arrival, Heard, Identities
from konversi.outbox.port import Search
from konversi.payments.notice import Notice
from konversi.payments.rows import Search as SearchPayments
from konversi.payments.stages import Stage
from konversi.settings import load
from konversi.wiring.gateway import open_gateway


async def taken(it, notices):
    """What a notification that told this brought."""
    (tally,) = await it.till.take_each([[told_of(one, "ID", now()) for one in notices]])
    return tally


@pytest.fixture
def gateway(run, url, tmp_path):
    """`gateway(story, **settings)` runs a story beside an open gateway over a new database, with one booking."""

    @asynccontextmanager
    async def opened(given):
        async with open_gateway(load(database_url=url, data_dir=tmp_path, **given)) as one:
            lead = {"event": "Lead", "booking_id": "BK-1", "value": 150_000, "customer": {"phone": "+6281234567890"}}
            await one.receiver.receive(Conversion.model_validate(lead))
            yield one

    def told(story, **given):
        async def within():
            async with opened(given) as one:
                await story(one)

        run(within(), 30)

    return told


def paid(payment="p-1", booking="BK-1", **more):
    """A provider tells of a payment."""
    given = {"provider": "midtrans", "amount": Decimal(150_000), "currency": "IDR", "at": int(now()) - 5}
    return Notice(payment_id=payment, stage=Stage.SETTLED, references=[booking], **{**given, **more})


def purchase(value=150_000, **more):
    """A caller tells of it."""
    given = {"event": "Purchase", "payment_id": "p-9", "booking_id": "BK-1", "value": value}
    return Conversion.model_validate({**given, **more})


async def payments(gateway):
    return await gateway.till.payments.search(SearchPayments(limit=500))


async def purchases(gateway):
    found = await gateway.outbox.search(Search(limit=500))
    return {one.event_id: one for one in found if one.event_name == "Purchase"}


def test_a_payment_knows_its_purchase_as_soon_as_it_is_kept_and_nothing_is_left_to_do(gateway):
    async def story(it):
        await asyncio.gather(*(taken(it, [paid(f"p-{number}")]) for number in range(40)))
        kept, sent = await payments(it), await purchases(it)
        assert len(kept) == len(sent) == 40
        assert {one.purchase: one.event for one in kept} == {name: one.id for name, one in sent.items()}
        assert {one.due_at for one in kept} == {None}

    gateway(story)


def test_where_the_purchase_cannot_be_written_the_payment_is_not_kept_either(gateway, monkeypatch):
    async def story(it):
        def broken(*_):
            raise StorageUnavailable("The disk is full.")

        with monkeypatch.context() as broke:
            broke.setattr(it.outbox, "append_within", broken)
            with pytest.raises(StorageUnavailable):
                await taken(it, [paid()])
        assert (await payments(it), await purchases(it)) == ([], {})
        assert (await taken(it, [paid()])).accepted == 1, "told again, it is news"
        assert list(await purchases(it)) == ["Purchase:midtrans:p-1"]

    gateway(story)


def test_one_payment_that_cannot_be_kept_fails_no_other_one_of_its_batch(gateway, monkeypatch):
    async def story(it):
        as_it_is = it.outbox.append_within

        def choosy(connection, events):
            if any(one.event_id.endswith("p-7") for one in events):
                raise ValueError("of this one only")
            return as_it_is(connection, events)

        monkeypatch.setattr(it.outbox, "append_within", choosy)
        told = [taken(it, [paid(f"p-{number}")]) for number in range(16)]
        answers = await asyncio.gather(*told, return_exceptions=True)
        assert [place for place, one in enumerate(answers) if isinstance(one, ValueError)] == [7]
        assert len(await payments(it)) == len(await purchases(it)) == 15

    gateway(story)


def test_a_purchase_that_meta_would_not_take_is_said_beside_its_payment(gateway):
    async def story(it):
        await taken(it, [paid(at=int(now()) - 30 * 86_400), paid("p-2")])
        second, first = await payments(it)
        assert (first.flag, first.event, first.due_at) == ("refused", None, None)
        assert "nothing older" in first.why
        assert (second.flag, list(await purchases(it))) == ("more_than_booked", [second.purchase])

    gateway(story)


def test_a_callers_own_purchase_has_a_receipt_a_repeat_the_same_one_and_another_amount_is_a_conflict(gateway):
    async def story(it):
        first, again, other = [await it.till.pay(purchase(value)) for value in (150_000, 150_000, 99_000)]
        assert isinstance(first, Receipt)
        assert (first.repeat, again.repeat, again.receipt) == (False, True, first.receipt)
        assert first.notes[-1].code == "payment_joined"
        assert isinstance(other, Receipt), "an amount that comes later changes no Purchase"
        changed = await it.till.pay(purchase(source="elsewhere"))
        assert isinstance(changed, Refusal)
        assert isinstance(changed.error, IdempotencyConflict)
        assert [one.event for one in await payments(it)] == [first.event]

    gateway(story)


def test_what_was_left_to_do_is_done_with_one_commit_too(gateway):
    async def story(it):
        await taken(it, [paid(booking="BK-2")])
        (unjoined,) = await payments(it)
        assert (unjoined.flag, await purchases(it)) == ("unjoined", {})
        lead = {"event": "Lead", "booking_id": "BK-2", "value": 150_000, "customer": {"email": "a@example.com"}}
        await it.receiver.receive(Conversion.model_validate(lead))
        it.till.payments._now = lambda: now() + 120
        assert await it.till.catch_up(float("inf")) == 1
        (joined,) = await payments(it)
        assert [joined.event] == [one.id for one in (await purchases(it)).values()]
        assert (joined.flag, joined.due_at) == ("", None)

    gateway(story)


def test_of_what_was_left_to_do_one_payment_that_cannot_be_done_keeps_up_no_other(gateway, monkeypatch):
    async def story(it):
        for number in range(5):
            await taken(it, [paid(f"p-{number}", f"BK-1{number}")])
            lead = {"event": "Lead", "booking_id": f"BK-1{number}", "customer": {"email": "a@example.com"}}
            await it.receiver.receive(Conversion.model_validate(lead))
        as_it_is = it.outbox.append_within

        def choosy(connection, events):
            if any(one.event_id.endswith("p-3") for one in events):
                raise ValueError("of this one only")
            return as_it_is(connection, events)

        monkeypatch.setattr(it.outbox, "append_within", choosy)
        it.till.payments._now = lambda: now() + 120
        assert await it.till.catch_up(float("inf")) == 4
        assert {one.booking_id for one in (await purchases(it)).values()} == {"BK-10", "BK-11", "BK-12", "BK-14"}

    gateway(story)


def test_of_what_was_left_to_do_the_second_purchase_of_a_customer_knows_of_the_first(gateway, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text("[predicted_ltv]\nvisits = 1\nweight = 1\n")

    async def story(it):
        who = Identities("+6281234567890")
        await it.journeys.arrive(
            Heard((Arrival("wamid.1", "whatsapp", "waba-1", "line-1", int(now()) - 60, who, "text"),))
        )
        for booking in ("BK-2", "BK-3"):
            await taken(it, [paid(f"p-{booking}", booking)])
            lead = {"event": "Lead", "booking_id": booking, "value": 150_000, "customer": {"phone": "+6281234567890"}}
            await it.receiver.receive(Conversion.model_validate(lead))
        it.till.payments._now = lambda: now() + 120
        assert await it.till.catch_up(float("inf")) == 2
        sent = await purchases(it)
        told = [json.loads((await it.outbox.find(one.id)).body)["custom_data"] for one in sent.values()]
        assert {one.get("predicted_ltv") for one in told} == {None, 300_000}

    gateway(story, value_rules=rules)


def test_a_payment_kept_by_a_version_that_wrote_its_purchase_afterwards_gets_it_when_it_is_told_again(gateway):
    async def story(it):
        reporting, it.till.payments.reporting = it.till.payments.reporting, None
        await it.till.payments.take([told_of(paid(), "ID", now())])
        assert ([one.event for one in await payments(it)], await purchases(it)) == ([None], {})
        it.till.payments.reporting = reporting
        await taken(it, [paid()])
        (one,) = await payments(it)
        assert [one.event] == [sent.id for sent in (await purchases(it)).values()]

    gateway(story)
