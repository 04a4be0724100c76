"""Notifications that come together end as if one had come after the other: the same payments, the same Purchases."""

import asyncio
import itertools
from contextlib import AsyncExitStack
from decimal import Decimal
from hashlib import sha256
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from konversi.events.conversion import Conversion
from konversi.intake.payments.payer import told_of
from konversi.intake.receipts import Receipt
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral
from konversi.payments.notice import Contact, Notice, Reversal
from konversi.payments.stages import Stage
from konversi.settings import load
from konversi.wiring.gateway import open_gateway

NOW = 1_795_000_000
LONG_AGO = NOW - 30 * 86_400  # Meta takes no Purchase of then
KNOWN = "known"  # the phone of somebody who has a chat that an ad opened
NUMBERS = itertools.count(1)


class Still:
    """A clock that stands, so that times tell nothing apart."""

    def now(self):
        return float(NOW)

    def jitter(self):
        return 0.5


@pytest.fixture(scope="module", params=["each", "first", "full", "each, with a history that counts"])
def gateway(request, tmp_path_factory):
    """`gateway.do(coroutine)` runs it beside an open gateway, `gateway.own` being that."""
    folder = tmp_path_factory.mktemp("batches")
    loop = asyncio.new_event_loop()
    policy, _, history = request.param.partition(",")
    (folder / "rules.toml").write_text("[predicted_ltv]\nvisits = 4\nweight = 0\n" if history else "")
    given = load(
        data_dir=folder,
        database_url=f"sqlite:///{folder}/k.db",
        part_payments=policy,
        value_rules=folder / "rules.toml" if history else None,
    )
    stack = AsyncExitStack()
    own = loop.run_until_complete(stack.enter_async_context(open_gateway(given, clock=Still())))
    yield SimpleNamespace(own=own, do=loop.run_until_complete)
    loop.run_until_complete(stack.aclose())
    loop.close()


@st.composite
def notices(draw):
    """What a provider tells of one of three payments for one of three bookings, of which one is unknown."""
    stage = draw(st.sampled_from([None, Stage.PENDING, Stage.SETTLED, Stage.SETTLED, Stage.CAPTURED, Stage.DENIED]))
    names = ["p-1", "p-2", "p-3"]
    payment = draw(st.sampled_from(names))
    gone = draw(st.sampled_from([None, None, "20000", "150000"]))
    return Notice(
        provider=draw(st.sampled_from(["midtrans", "midtrans", "xendit"])),
        payment_id=payment,
        stage=stage,
        amount=None if stage is None else Decimal(draw(st.sampled_from(["50000", "100000", "150000"]))),
        currency=None if stage is None else draw(st.sampled_from(["IDR", "IDR", "IDR", "USD"])),
        at=draw(st.sampled_from([NOW - 50, NOW - 20, LONG_AGO])),
        references=draw(st.sampled_from([(), ("BK-1",), ("BK-1-dp",), ("BK-2",), ("BK-3",)])),
        other_id=draw(st.sampled_from([None, None, *names])),
        reversals=() if gone is None else [Reversal("refunds", "refund", 0, Decimal(gone), NOW)],
        contact=Contact(None, draw(st.sampled_from([None, KNOWN, "+6281200000002"])), None),
        booking_may_follow=draw(st.booleans()),
    )


@st.composite
def conversions(draw):
    """The same, told by a caller who reports conversions."""
    return {
        "event": "Purchase",
        "payment_id": draw(st.sampled_from(["p-1", "p-4"])),
        "booking_id": draw(st.sampled_from([None, "BK-1", "BK-3"])),
        "value": draw(st.sampled_from([50_000, 150_000])),
        "occurred_at": NOW - 10,
        "customer": draw(st.sampled_from([{}, {"phone": KNOWN}, {"city": "Jakarta"}])),
    }


def phone_of(world):
    return f"+62812{world[:8]}"


def as_of(told, world):
    """The notification with names that no other example has."""
    if isinstance(told, dict):
        named = {name: f"{world}{told[name]}" for name in ("payment_id", "booking_id") if told[name]}
        customer = {name: phone_of(world) if one == KNOWN else one for name, one in told["customer"].items()}
        return Conversion.model_validate({**told, **named, "customer": customer})
    contact = told.contact._replace(phone=phone_of(world)) if told.contact.phone == KNOWN else told.contact
    return told._replace(
        contact=contact,
        payment_id=world + told.payment_id,
        other_id=world + told.other_id if told.other_id else None,
        references=[world + one for one in told.references],
    )


async def book(gateway, world):
    who, ad = Identities(phone_of(world)), Referral(f"{world}click", "ad")
    chat = Arrival(f"{world}m", "whatsapp", "waba", "line", NOW - 60, who, "text", ad)
    await gateway.journeys.arrive(Heard((chat,)))
    for name, price in (("BK-1", 150_000), ("BK-2", None)):
        lead = {"event": "Lead", "booking_id": world + name, "value": price, "customer": {"email": "a@example.com"}}
        await gateway.receiver.receive(Conversion.model_validate(lead))


async def tell(gateway, told):
    """What they are answered. All of this round go into one commit."""
    answers = await asyncio.gather(
        *(gateway.till.pay(one) if isinstance(one, Conversion) else _notified(gateway, one) for one in told)
    )
    return [_plain(one) for one in answers]


async def _notified(gateway, notice):
    (tally,) = await gateway.till.take_each([[told_of(notice, "ID", gateway.till.now())]])
    return tally


def _plain(answer):
    if isinstance(answer, Receipt):
        return answer.event_id, answer.repeat, answer.notes
    return getattr(answer, "error", answer).__repr__()


async def left(gateway, world):
    """All rows that came of it, with nothing in them that tells when or under which number."""

    def job(connection):
        payments = connection.execute(
            text(
                "SELECT p.provider, p.payment_id, p.other_id, p.reference, p.booking_id, p.journey IS NULL, p.stage, p.amount,"
                " p.currency, p.paid_at, p.user_data, p.purchase, p.purchase_value, p.purchase_currency, p.purchase_at,"
                " p.due_at, p.flag, p.why, p.reversals, p.touch IS NULL, p.gone, e.event_id"
                " FROM payments p LEFT JOIN events e ON e.id = p.event WHERE substr(p.payment_id, 1, 9) = :world"
                " ORDER BY p.provider, p.payment_id"
            ),
            {"world": world},
        ).all()
        events = connection.execute(
            text(
                "SELECT event_id, booking_id, event_time, body, notes, journey IS NULL, touch IS NULL FROM events"
                " WHERE event_name = 'Purchase' AND body LIKE :world ORDER BY event_id"
            ),
            {"world": f"%{world}%"},
        ).all()
        return [tuple(row) for row in (*payments, *events)]

    rows = await gateway.outbox.database.read(job)
    hashed = sha256(phone_of(world).removeprefix("+").encode()).hexdigest()
    return str(rows).replace(world, "").replace(hashed, KNOWN)


@settings(max_examples=60)
@given(st.lists(st.one_of(notices(), notices(), conversions()), min_size=1, max_size=9), st.data())
def test_a_batch_cut_anywhere_leaves_what_its_notifications_leave_one_by_one(gateway, told, data):
    first, second = (f"{next(NUMBERS):08d}-" for _ in range(2))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(told)), max_size=3)))
    batches = [told[start:end] for start, end in zip([0, *cuts], [*cuts, len(told)], strict=True)]

    async def story():
        await book(gateway.own, first)
        await book(gateway.own, second)
        alone = [answer for one in told for answer in await tell(gateway.own, [as_of(one, first)])]
        together = [
            answer for batch in batches for answer in await tell(gateway.own, [as_of(one, second) for one in batch])
        ]
        assert str(together).replace(second, "") == str(alone).replace(first, "")
        assert await left(gateway.own, second) == await left(gateway.own, first)

    gateway.do(story())
