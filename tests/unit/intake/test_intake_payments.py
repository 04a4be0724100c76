"""What each provider's notifications mean: every status that its documentation has."""

import time
from contextlib import suppress
from decimal import Decimal
from functools import reduce

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.intake.payments import midtrans, samples, stripe, xendit
from konversi.intake.payments.reading import PaymentUnreadable, an_object
from konversi.payments.notice import Notice
from konversi.payments.stages import Stage

NOW = 1_795_000_000
KEY = "server-key"


def of_midtrans(status, *, code="200", fraud="accept", **more):
    call = samples.midtrans_call(
        "BK-1-dp", "t-1", gross_amount="150000.00", secret=KEY, at=NOW, status_code=code, transaction_status=status,
        **{"fraud_status": fraud, **more},
    )  # fmt: skip
    told = orjson.loads(call.body)
    assert midtrans.signed(told, KEY)
    found = midtrans.read(told, "metadata.booking_id,order_id", NOW)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("status", "code", "fraud", "stage"),
    [
        ("authorize", "200", "accept", Stage.PENDING),
        ("capture", "200", "accept", Stage.CAPTURED),
        ("capture", "201", "challenge", Stage.PENDING),
        ("capture", "202", "deny", Stage.FAILED),
        ("capture", "200", None, Stage.CAPTURED),
        ("settlement", "200", "accept", Stage.SETTLED),
        ("settlement", "200", None, Stage.SETTLED),
        ("pending", "201", "accept", Stage.PENDING),
        ("deny", "202", "deny", Stage.DENIED),
        ("deny", "202", "accept", Stage.DENIED),
        ("cancel", "200", "accept", Stage.CANCELLED),
        ("expire", "407", "accept", Stage.FAILED),
        ("expire", "202", None, Stage.FAILED),
        ("failure", "202", "accept", Stage.FAILED),
        ("refund", "200", "accept", Stage.SETTLED),
        ("partial_refund", "200", "accept", Stage.SETTLED),
        ("chargeback", "200", "accept", Stage.SETTLED),
        ("partial_chargeback", "200", "accept", Stage.SETTLED),
    ],
)
def test_every_transaction_status_of_midtrans_with_every_fraud_status(status, code, fraud, stage):
    found = of_midtrans(status, code=code, fraud=fraud)
    assert (found.stage, found.amount, found.currency, found.at) == (stage, Decimal("150000.00"), "IDR", NOW)
    assert (found.payment_id, found.references) == ("t-1", ["BK-1-dp"])


def test_a_status_that_midtrans_may_invent_is_ignored():
    assert of_midtrans("something_new") is None


@pytest.mark.parametrize(("status", "code"), [("settlement", "201"), ("capture", "202"), ("refund", "407")])
def test_a_paid_status_needs_the_signed_status_code_of_paid_ones(status, code):
    with pytest.raises(PaymentUnreadable):
        of_midtrans(status, code=code)


def test_midtrans_times_are_western_indonesias():
    assert of_midtrans("settlement", settlement_time="2126-11-19 17:00:00").at == NOW, "never in the future"
    assert of_midtrans("settlement", settlement_time="2026-11-18 10:00:00").at == 1_794_970_800


@pytest.mark.parametrize(
    ("more", "amount"),
    [
        ({"refund_amount": "50000.00", "refunds": [{"refund_amount": "50000.00"}]}, "50000.00"),
        ({"refund_amount": "50000.00", "refunds": 7}, "50000.00"),
        ({"refund_amount": "50000.00", "refunds": {"x": [8]}}, "50000.00"),
        ({"refund_amount": "50000.00", "refunds": [None, "x", {}]}, "50000.00"),
        ({"refund_amount": "50000.00", "refunds": [{"refund_amount": "20000"}, {"refund_amount": "30000"}]}, "50000"),
        ({"refund_amount": "50000.00"}, "50000.00"),
        ({}, "0"),
    ],
)
def test_midtrans_refunds_are_told_as_a_sum_and_one_by_one(more, amount):
    (back,) = of_midtrans("partial_refund", **more).reversals
    assert (back.kind, back.amount) == ("refund", Decimal(amount))


def test_a_whole_refund_or_chargeback_without_an_amount_is_all_of_it():
    assert of_midtrans("refund").reversals[0].amount == Decimal(150000)
    assert of_midtrans("chargeback").reversals[0] == ("chargebacks", "chargeback", 0, Decimal(150000), NOW)


@pytest.mark.parametrize("field", ["order_id", "status_code", "gross_amount", "signature_key"])
@pytest.mark.parametrize("value", ["", None, 7, "x", [], {}])
def test_nothing_signed_by_midtrans_can_be_exchanged(field, value):
    told = orjson.loads(samples.call("midtrans", samples.Told("paid", "t", "BK", Decimal(1), "IDR", NOW), KEY).body)
    assert not midtrans.signed({**told, field: value}, KEY)


def test_while_a_server_key_is_replaced_both_are_taken():
    told = orjson.loads(samples.call("midtrans", samples.Told("paid", "t", "BK", Decimal(1), "IDR", NOW), KEY).body)
    assert midtrans.signed(told, f"new-key, {KEY}")
    assert not midtrans.signed(told, "new-key,")


def of_xendit(said):
    found = xendit.read(said, "metadata.booking_id,external_id,reference_id", NOW)
    return found[0] if found else None


def invoice(status, **more):
    return {"id": "inv-1", "external_id": "BK-1", "status": status, "amount": 150000, "currency": "IDR", **more}


@pytest.mark.parametrize(
    ("status", "stage"),
    [("PAID", Stage.SETTLED), ("SETTLED", Stage.SETTLED), ("PENDING", Stage.PENDING), ("EXPIRED", Stage.FAILED)],
)
def test_every_status_of_an_invoice(status, stage):
    found = of_xendit(invoice(status, paid_amount=149000, payer_email="a@b.id", payment_id="py-9"))
    assert (found.payment_id, found.stage, found.other_id, found.contact.email) == ("inv-1", stage, "py-9", "a@b.id")
    assert found.amount == Decimal(149000 if stage.paid else 150000)


@pytest.mark.parametrize(
    ("event", "status", "stage"),
    [
        ("payment.capture", "SUCCEEDED", Stage.SETTLED),
        ("payment.authorization", "AUTHORIZED", Stage.PENDING),
        ("payment.failure", "FAILED", Stage.FAILED),
        ("payment.expiry", "EXPIRED", Stage.FAILED),
        ("payment.capture", "CANCELED", Stage.CANCELLED),
        ("payment.succeeded", "SUCCEEDED", Stage.SETTLED),
        ("payment.pending", "PENDING", Stage.PENDING),
        ("payment.awaiting_capture", "AWAITING_CAPTURE", Stage.PENDING),
        ("payment.failed", "FAILED", Stage.FAILED),
        ("capture.succeeded", "SUCCEEDED", Stage.SETTLED),
        ("capture.failed", "FAILED", Stage.FAILED),
        ("ewallet.capture", "SUCCEEDED", Stage.SETTLED),
        ("ewallet.void", "VOIDED", Stage.CANCELLED),
        ("qr.payment", "SUCCEEDED", Stage.SETTLED),
        ("qr.payment", "COMPLETED", Stage.SETTLED),
    ],
)
def test_every_event_of_xendits_payments(event, status, stage):
    data = {"payment_id": "py-1", "reference_id": "BK-1", "request_amount": 150000, "currency": "IDR", "status": status}
    found = of_xendit({"event": event, "created": "2026-11-18T03:00:00.000Z", "data": data})
    assert (found.payment_id, found.stage, found.amount) == ("py-1", stage, Decimal(150000))
    assert found.references == ["BK-1"]


def test_of_a_payment_captured_in_parts_all_parts_count():
    data = {
        "payment_id": "py-1", "status": "SUCCEEDED", "request_amount": 150000,
        "captures": [{"capture_amount": 50000}, {"capture_amount": 60000}],
    }  # fmt: skip
    assert of_xendit({"event": "payment.capture", "data": data}).amount == Decimal(110000)


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(("status", "amount"), [("SUCCEEDED", 40000), ("FAILED", 0)])
def test_xendits_refunds_are_one_by_one_and_documented_in_two_depths(nested, status, amount):
    data = {"id": "rfd-1", "payment_id": "py-1", "invoice_id": None, "amount": 40000, "status": status}
    found = of_xendit({"event": f"refund.{status.lower()}", "data": {"data": data} if nested else data})
    assert (found.payment_id, found.stage, found.reversals[0].key) == ("py-1", None, "rfd-1")
    assert found.reversals[0].amount == Decimal(amount)


@pytest.mark.parametrize("event", ["payment_request.expiry", "payment_token.activation", "payout.succeeded", 7, ["x"]])
def test_what_is_about_no_payment_of_xendits_is_ignored(event):
    assert of_xendit({"event": event, "data": {"status": "SUCCEEDED"}}) is None


def of_stripe(kind, about, **more):
    about = {"id": "x_1", "currency": "idr", **about}
    said = orjson.loads(samples.stripe_call(kind, about, secret=KEY, at=NOW).body)
    found = stripe.read(said, "metadata.booking_id,client_reference_id", NOW, **more)
    return found[0] if found else None


SESSION = {"mode": "payment", "payment_intent": "pi_1", "amount_total": 15000000, "client_reference_id": "BK-1"}


@pytest.mark.parametrize(
    ("kind", "status", "stage"),
    [
        ("completed", "paid", Stage.SETTLED),
        ("completed", "unpaid", Stage.PENDING),
        ("async_payment_succeeded", "paid", Stage.SETTLED),
        ("async_payment_failed", "unpaid", Stage.FAILED),
        ("expired", "unpaid", Stage.FAILED),
    ],
)
def test_every_event_of_a_checkout_session(kind, status, stage):
    found = of_stripe(f"checkout.session.{kind}", {**SESSION, "payment_status": status})
    assert (found.payment_id, found.other_id, found.stage) == ("pi_1", "x_1", stage)
    assert (found.amount, found.currency, found.references) == (Decimal(150000), "IDR", ["BK-1"])


@pytest.mark.parametrize(
    "more", [{"mode": "subscription"}, {"mode": "setup"}, {"payment_status": "no_payment_required"}]
)
def test_a_session_in_which_no_single_payment_was_made_is_ignored(more):
    assert of_stripe("checkout.session.completed", {**SESSION, "payment_status": "paid", **more}) is None


@pytest.mark.parametrize(
    ("kind", "stage"),
    [
        ("created", Stage.PENDING),
        ("processing", Stage.PENDING),
        ("requires_action", Stage.PENDING),
        ("amount_capturable_updated", Stage.PENDING),
        ("payment_failed", Stage.FAILED),
        ("canceled", Stage.CANCELLED),
        ("succeeded", Stage.SETTLED),
    ],
)
def test_every_event_of_a_payment_intent(kind, stage):
    found = of_stripe(f"payment_intent.{kind}", {"amount": 20000000, "amount_received": 15000000})
    assert (found.payment_id, found.stage) == ("x_1", stage)
    assert found.amount == Decimal(150000 if stage.paid else 200000)
    assert found.booking_may_follow
    named = of_stripe(f"payment_intent.{kind}", {"amount": 1, "amount_received": 1, "metadata": {"booking_id": "BK-1"}})
    assert (named.references, named.booking_may_follow) == (["BK-1"], False)


def test_a_charge_counts_only_where_it_has_no_payment_intent():
    charge = {"captured": True, "amount_captured": 15000000}
    assert of_stripe("charge.succeeded", {**charge, "payment_intent": "pi_1"}) is None
    assert of_stripe("charge.succeeded", {**charge, "captured": False}) is None
    assert of_stripe("charge.succeeded", charge).amount == Decimal(150000)


def test_stripes_refunds_are_told_as_a_sum_of_which_the_latest_counts():
    found = of_stripe("charge.refunded", {"payment_intent": "pi_1", "amount": 15000000, "amount_refunded": 5000000})
    assert (found.payment_id, found.stage) == ("pi_1", None)
    assert found.reversals[0] == ("refunds", "refund", NOW, Decimal(50000), NOW)


@pytest.mark.parametrize(
    ("status", "amount"),
    [
        ("warning_needs_response", 0), ("warning_under_review", 0), ("warning_closed", 0), ("needs_response", 150000),
        ("under_review", 150000), ("lost", 150000), ("won", 0), ("prevented", 0),
    ],
)  # fmt: skip
def test_every_status_of_a_dispute(status, amount):
    about = {"payment_intent": "pi_1", "amount": 15000000, "status": status}
    for kind in ("created", "updated", "funds_withdrawn", "funds_reinstated", "closed"):
        (back,) = of_stripe(f"charge.dispute.{kind}", about).reversals
        assert (back.kind, back.key, back.amount) == ("chargeback", "x_1", Decimal(amount))


def test_in_production_stripes_tests_are_ignored():
    said = orjson.loads(
        samples.stripe_call(
            "payment_intent.succeeded", {"id": "pi", "currency": "usd", "amount_received": 1}, secret=KEY, at=NOW,
            livemode=False,
        ).body
    )  # fmt: skip
    assert not stripe.read(said, "metadata.booking_id", NOW, real_only=True)
    assert stripe.read(said, "metadata.booking_id", NOW)


def test_stripes_own_library_finds_our_samples_signed():
    call = samples.stripe_call("charge.refunded", {"id": "ch"}, secret="whsec_a", at=int(time.time()))
    header = call.headers["stripe-signature"]
    assert stripe.signed(call.body, header, "whsec_b, whsec_a")
    assert not stripe.signed(call.body + b" ", header, "whsec_a")
    for broken in (None, "", "t=x,v1=y", header.replace("v1=", "v0="), "v1=,t="):
        assert not stripe.signed(call.body, broken, "whsec_a")
    assert not stripe.signed(b"\xff\xfe", header, "whsec_a")


@pytest.mark.parametrize("amount", ["NaN", "-1", None, True, "1e99", "", [], "150.000,00"])
def test_an_amount_that_is_none_is_refused_and_no_payment(amount):
    with pytest.raises(PaymentUnreadable):
        of_xendit(invoice("PAID", amount=amount))
    with pytest.raises(PaymentUnreadable):
        of_stripe("payment_intent.succeeded", {"amount_received": amount})


@pytest.mark.parametrize("currency", ["XXX", "rupiah", "", 360])
def test_a_currency_that_is_none_is_refused(currency):
    with pytest.raises(PaymentUnreadable):
        of_stripe("payment_intent.succeeded", {"amount_received": 1, "currency": currency})


@pytest.mark.parametrize("told", [None, [], 7, "x"])
def test_what_is_no_object_is_refused(told):
    with pytest.raises(PaymentUnreadable):
        an_object(told)
    assert not midtrans.signed(told, KEY)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("1e9999"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
READERS = {
    "midtrans": lambda told: midtrans.read(told, "metadata.booking_id,order_id", NOW),
    "xendit": lambda told: xendit.read(told, "metadata.booking_id,external_id", NOW),
    "stripe": lambda told: stripe.read(told, "metadata.booking_id,client_reference_id", NOW),
}


def places(told, path=()):
    """Where something stands in it."""
    for key, value in told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ():
        yield (*path, key)
        yield from places(value, (*path, key))


@given(st.sampled_from(samples.PROVIDERS), st.sampled_from(samples.STATES), st.data())
def test_whatever_stands_in_a_field_is_read_or_refused(provider, state, data):
    told = samples.Told(state, "p-1", "BK-1", Decimal(150_000), "IDR", NOW, back=Decimal(50_000), email="a@example.com")
    said = orjson.loads(samples.call(provider, told, KEY).body)
    *path, last = data.draw(st.sampled_from(list(places(said))))
    within = reduce(lambda one, key: one[key], path, said)
    within[last] = data.draw(JSON)
    with suppress(PaymentUnreadable):
        assert all(isinstance(one, Notice) for one in READERS[provider](said))
