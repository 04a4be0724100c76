"""The payment providers' doors: what was paid becomes one Purchase, with its booking's identities."""

from decimal import Decimal

import pytest
from api_harness import EVENTS, FakeMeta, is_problem, lead, running
from api_payments import KEYS, PAYMENTS, book, now, payments, post, purchases, tell, told, with_providers
from api_side_door import everybody_handed_over
from httpx2 import Limits

from konversi.intake.payments import samples

EACH = pytest.mark.parametrize("provider", samples.PROVIDERS)
NUMBERS = iter(range(10**6))


@pytest.fixture(scope="module", params=["gateway", "preparer"])
def server(request, tmp_path_factory):
    """Where few call, the gateway reads notifications; where many do, the preparer."""
    given = with_providers(tmp_path_factory.mktemp("payments"))
    if request.param == "gateway":
        with running(given, meta=FakeMeta()) as one:
            yield one
    else:
        pytest.importorskip("httptools")
        with everybody_handed_over(given, FakeMeta()) as one:
            yield one


@pytest.fixture
def http(server):
    with server.client(limits=Limits(max_keepalive_connections=0)) as client:
        yield client


@pytest.fixture
def new():
    """A payment and a booking that no other test has."""
    number = next(NUMBERS)
    return f"pay-{number:06d}", f"BK-{number:06d}"


@EACH
def test_a_paid_booking_becomes_a_purchase_with_its_amount_and_its_bookings_identities(http, new, provider):
    payment, booking = new
    book(http, booking, value=150_000)
    assert tell(http, provider, "paid", payment, booking) == {"accepted": 1, "repeated": 0, "ignored": 0}
    (found,) = purchases(http, booking_id=booking)
    sent = found["sent_to_meta"]
    (lead,) = http.get(EVENTS, params={"booking_id": booking}).json()["events"][1:]
    of_lead = http.get(f"{EVENTS}/{lead['receipt']}").json()["sent_to_meta"]
    assert (sent["event_name"], sent["custom_data"]["value"], sent["custom_data"]["currency"]) == (
        "Purchase", 150000, "IDR",
    )  # fmt: skip
    assert sent["user_data"] == of_lead["user_data"]
    assert found["payments"][0]["state"] == "paid"
    assert "Joined by its booking id" in found["payments"][0]["why"]


@EACH
@pytest.mark.parametrize("state", ["pending", "failed"])
def test_what_is_not_paid_is_no_purchase(http, new, provider, state):
    payment, booking = new
    book(http, booking)
    tell(http, provider, state, payment, booking)
    assert purchases(http, booking_id=booking) == []
    assert payments(http, booking_id=booking)[0]["state"] == state


@EACH
def test_a_repeated_notification_changes_nothing(http, new, provider):
    payment, booking = new
    book(http, booking)
    tell(http, provider, "paid", payment, booking)
    assert tell(http, provider, "paid", payment, booking)["repeated"] == 1
    assert tell(http, provider, "pending", payment, booking)["repeated"] == 1
    assert len(purchases(http, booking_id=booking)) == 1


@EACH
def test_what_goes_back_is_recorded_and_meta_is_not_told(http, new, provider):
    payment, booking = new
    book(http, booking)
    tell(http, provider, "paid", payment, booking)
    tell(http, provider, "refunded", payment, booking, back=Decimal(50_000))
    (one,) = payments(http, booking_id=booking)
    assert (one["amount"], one["reversed"], one["state"]) == (150000, 50000, "paid")
    assert "Meta was not told" in one["why"]
    assert len(purchases(http, booking_id=booking)) == 1


@EACH
def test_a_wrong_signature_is_401_and_nothing_is_done(http, new, provider):
    payment, booking = new
    before = len(payments(http))
    answer = post(http, provider, samples.call(provider, told("paid", payment, booking), "another-secret"))
    is_problem(answer, status=401, code="webhook_unsigned")
    assert len(payments(http)) == before


def test_a_changed_amount_does_not_fit_midtrans_signature(http, new):
    payment, booking = new
    call = samples.call("midtrans", told("paid", payment, booking), KEYS["midtrans"])
    forged = call._replace(body=call.body.replace(b'"150000.00"', b'"950000.00"'))
    is_problem(post(http, "midtrans", forged), status=401)


def test_midtrans_status_is_not_signed_so_it_has_to_go_with_the_signed_status_code(http, new):
    payment, booking = new
    call = samples.call("midtrans", told("pending", payment, booking), KEYS["midtrans"])
    forged = call._replace(body=call.body.replace(b'"pending"', b'"settlement"'))
    is_problem(post(http, "midtrans", forged), status=422, code="payment_unreadable")
    assert payments(http, provider="midtrans", booking_id=booking) == []


def test_an_old_call_of_stripes_is_not_taken(http, new):
    payment, booking = new
    call = samples.call("stripe", told("paid", payment, booking)._replace(at=now() - 3_600), KEYS["stripe"])
    is_problem(post(http, "stripe", call), status=401)


def test_an_order_id_that_begins_with_the_booking_id_is_joined(http, new):
    payment, booking = new
    book(http, booking)
    tell(http, "midtrans", "paid", payment, f"{booking}-dp-1699")
    (found,) = purchases(http, booking_id=booking)
    assert "begins with" in found["payments"][0]["why"]


def test_without_a_booking_the_payers_email_joins(http, new):
    payment, booking = new
    tell(http, "xendit", "paid", payment, booking, email="budi@example.com")
    (one,) = [one for one in payments(http) if one["payment_id"] == payment]
    assert one["event_id"] == f"Purchase:xendit:{payment}"
    assert "Joined by phone or e-mail" in one["why"]


def test_with_neither_meta_is_not_told_until_the_booking_comes(http, new, server):
    payment, booking = new
    tell(http, "midtrans", "paid", payment, booking)
    (one,) = [one for one in payments(http) if one["payment_id"] == payment]
    assert (one["flag"], one["event_id"]) == ("unjoined", None)
    book(http, booking)
    tell(http, "midtrans", "paid", payment, booking)
    assert len(purchases(http, booking_id=booking)) == 1


def test_a_checkout_session_and_its_payment_intent_are_one_payment(http, new):
    payment, booking = new
    book(http, booking)
    intent = {"id": f"pi_{payment}", "amount_received": 15000000, "amount": 15000000, "currency": "idr", "metadata": {}}
    call = samples.stripe_call("payment_intent.succeeded", intent, secret=KEYS["stripe"], at=now())
    assert post(http, "stripe", call).json()["accepted"] == 1
    assert purchases(http, booking_id=booking) == []
    tell(http, "stripe", "paid", payment, booking)
    assert len(purchases(http, booking_id=booking)) == 1
    assert post(http, "stripe", call).json()["repeated"] == 1
    (one,) = payments(http, booking_id=booking)
    assert one["amount"] == 150000


def test_another_currency_is_flagged_and_sent_as_it_is(http, new):
    payment, booking = new
    book(http, booking, value=150_000)
    tell(http, "stripe", "paid", payment, booking, "12.50", currency="USD")
    (found,) = purchases(http, booking_id=booking)
    assert (found["sent_to_meta"]["custom_data"]["value"], found["sent_to_meta"]["custom_data"]["currency"]) == (
        12.5, "USD",
    )  # fmt: skip
    assert found["payments"][0]["flag"] == "other_currency"


def test_payments_have_doors_of_their_own(http, new):
    payment, booking = new
    book(http, booking)
    tell(http, "xendit", "paid", payment, booking)
    (one,) = payments(http, booking_id=booking)
    shown = http.get(f"{PAYMENTS}/{one['payment']}").json()
    assert shown["payment_id"] == payment
    is_problem(http.get(f"{PAYMENTS}/pm_999999999"), status=404, code="payment_unknown")
    is_problem(http.get(PAYMENTS, params={"cursor": "x"}), status=422)


def test_metrics_count_what_became_of_notifications(http, new):
    payment, booking = new
    tell(http, "midtrans", "paid", payment, booking)
    text = http.get("/metrics").text
    assert 'konversi_payment_notifications_total{outcome="accepted",process="0",provider="midtrans"}' in text


def test_a_purchase_with_a_payment_id_goes_the_way_of_payments(http, new):
    payment, booking = new
    book(http, booking, value=150_000)
    told = {"event": "Purchase", "payment_id": payment, "booking_id": booking, "value": 150000}
    first = http.post(EVENTS, json=told)
    assert first.status_code == 202, first.text
    again = http.post(EVENTS, json=told).json()
    assert (again["receipt"], again["repeat"]) == (first.json()["receipt"], True)
    (found,) = purchases(http, booking_id=booking)
    assert "ph" in found["sent_to_meta"]["user_data"], "the booking's identities"
    (one,) = payments(http, booking_id=booking)
    assert (one["provider"], one["payment_id"], one["amount"]) == ("other", payment, 150000)


def test_a_payment_of_the_guides_that_nobody_is_known_for_is_recorded(http, new):
    payment, booking = new
    told = {"type": "payment", "paymentId": payment, "bookingId": booking, "totalValue": 150000}
    answer = http.post("/api/meta/conversion", json=told)
    assert (answer.status_code, answer.json()["status"]) == (202, "recorded"), answer.text
    assert answer.json()["receipt"].startswith("pm_")
    several = http.post(
        EVENTS, json={"events": [{**lead(), "payment_id": "x"}, {"event": "Purchase", "payment_id": "y"}]}
    )
    assert several.status_code == 422, "a Lead is no payment, and a Purchase without a value neither"


def test_a_completed_service_is_reported_by_the_guides_door(http, new):
    _, booking = new
    answer = http.post(
        "/api/meta/conversion", json={"type": "completed", "customerPhone": "628123456789", "bookingId": booking}
    )
    assert answer.json()["eventId"] == f"OrderDelivered:{booking}", answer.text
