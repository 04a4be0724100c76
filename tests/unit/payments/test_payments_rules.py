"""What a payment leads to: a Purchase once, of the amount that the policy says."""

from decimal import Decimal

import pytest
from payment_notices import EMAIL, NOW, again, booking, history, notice, refund

from konversi.payments.references import candidates
from konversi.payments.stages import WORDS, Stage
from konversi.payments.units import major_amount, number, stripe_amount, text


def test_a_settled_payment_is_a_purchase_and_a_pending_one_is_none():
    payments, decided = history([notice(Stage.PENDING)])
    assert (payments["p-1"].stage, decided) == (Stage.PENDING, {})
    payments, decided = history([notice(Stage.PENDING), notice()])
    assert decided == {"Purchase:midtrans:p-1": (Decimal(150000), "IDR")}
    assert payments["p-1"].booking_id == "BK-1"


def test_with_each_every_payment_is_a_purchase_of_its_own_amount():
    parts = [notice(amount="50000"), notice(amount="100000", payment_id="p-2")]
    _, decided = history(parts, policy="each")
    assert list(decided.values()) == [(Decimal(50000), "IDR"), (Decimal(100000), "IDR")]


def test_with_first_the_first_payment_stands_for_all():
    payments, decided = history([notice(amount="50000"), notice(amount="100000", payment_id="p-2")], policy="first")
    assert decided == {"Purchase:BK-1": (Decimal(50000), "IDR")}
    assert "another payment" in payments["p-2"].why


def test_with_full_the_purchase_comes_when_the_price_is_paid_with_the_total():
    deposit, rest = notice(amount="50000"), notice(amount="100000", payment_id="p-2")
    payments, decided = history([deposit], policy="full")
    assert decided == {}
    assert "50000 of 150000 IDR" in payments["p-1"].why
    _, decided = history([deposit, rest], policy="full")
    assert decided == {"Purchase:BK-1": (Decimal(150000), "IDR")}


def test_with_full_a_refunded_deposit_does_not_count():
    _, decided = history(
        [notice(amount="50000"), refund("50000"), notice(amount="100000", payment_id="p-2")], policy="full"
    )
    assert decided == {}


def test_with_full_a_booking_without_a_price_counts_as_paid_with_its_first_payment():
    _, decided = history([notice(amount="50000")], policy="full", price=None)
    assert decided == {"Purchase:BK-1": (Decimal(50000), "IDR")}


def test_what_went_back_in_full_before_it_was_reported_is_no_purchase():
    payments, decided = history([refund("150000"), notice()])
    assert decided == {}
    assert "went back in full" in payments["p-1"].why


def test_what_goes_back_afterwards_leaves_the_purchase_and_says_that_meta_was_not_told():
    payments, decided = history([notice(), refund("20000")])
    assert len(decided) == 1
    assert payments["p-1"].kept == Decimal(130000)
    assert "Meta was not told" in payments["p-1"].why


def test_what_went_back_in_part_before_it_was_told_paid_is_off_our_own_figures_too():
    for order in ([notice(), refund("20000")], [refund("20000"), notice()]):
        payments, decided = history(order)
        assert decided == {"Purchase:midtrans:p-1": (Decimal(150000), "IDR")}
        assert payments["p-1"].gone == Decimal(20000)
        assert "Meta was not told" in payments["p-1"].why


def test_a_chargeback_that_was_won_gives_the_money_back():
    lost = refund("150000", key="dp_1", rank=1, kind="chargeback")
    won = refund("0", key="dp_1", rank=3, kind="chargeback")
    for order in ([notice(), lost, won], [won, lost, notice()]):
        payments, _ = history(order)
        assert payments["p-1"].kept == Decimal(150000)


@pytest.mark.parametrize(
    ("amounts", "currency", "flag"),
    [
        (["150000"], "IDR", ""),
        (["50000"], "IDR", "less_than_booked"),
        (["100000", "50000"], "IDR", ""),
        (["150001"], "IDR", "more_than_booked"),
        (["150000"], "USD", "other_currency"),
    ],
)
def test_amounts_that_do_not_match_the_booking_are_flagged(amounts, currency, flag):
    told = [notice(amount=one, currency=currency, payment_id=f"p-{place}") for place, one in enumerate(amounts)]
    payments, decided = history(told)
    assert payments[f"p-{len(amounts) - 1}"].flag == flag
    assert sum(value for value, _ in decided.values()) == sum(map(Decimal, amounts)), "the real amount is reported"


def test_a_deposit_is_no_longer_too_little_once_the_rest_is_paid():
    deposit, part, rest = (notice(amount=amount, payment_id=f"p-{amount}") for amount in ("50000", "40000", "60000"))
    payments, _ = history([deposit, part])
    assert [one.flag for one in payments.values()] == ["less_than_booked"] * 2
    payments, _ = history([deposit, part, rest])
    assert [one.flag for one in payments.values()] == [""] * 3


def test_a_payment_that_nobody_is_known_for_waits_for_its_booking():
    payments, decided = history([notice()], bookings=())
    assert decided == {}
    assert (payments["p-1"].flag, payments["p-1"].due_at) == ("unjoined", NOW + 60)
    later = again(payments["p-1"])
    assert (later.purchase, later.flag, later.booking_id) == ("Purchase:midtrans:p-1", "", "BK-1")
    assert again(payments["p-1"], bookings=(), now=NOW + 8 * 86_400).due_at is None, "nobody waits for ever"


def test_without_a_booking_the_payers_hashed_email_is_enough():
    _, decided = history([notice()], bookings=(), user_data=EMAIL)
    assert decided == {"Purchase:midtrans:p-1": (Decimal(150000), "IDR")}


def test_a_payment_whose_booking_another_notification_may_name_waits_a_minute():
    first = notice(references=(), booking_may_follow=True)
    payments, decided = history([first], user_data=EMAIL)
    assert decided == {}
    assert payments["p-1"].flag == ""
    assert again(payments["p-1"]).purchase == "Purchase:midtrans:p-1", "then the e-mail has to do"
    payments, decided = history([first, notice(payment_id="p-1", other_id="cs-1")], user_data=EMAIL)
    assert payments["p-1"].booking_id == "BK-1"


def test_two_ids_of_one_payment_are_one_payment():
    for order in ([("py-1", None), ("inv-1", "py-1")], [("inv-1", "py-1"), ("py-1", None)]):
        payments, decided = history([notice(payment_id=one, other_id=other) for one, other in order])
        assert len(payments) == len(decided) == 1


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("BK-1001", ["BK-1001"]),
        ("BK-1001-dp-2", ["BK-1001-dp-2", "BK-1001-dp", "BK-1001"]),
        ("INV/2026/07", ["INV/2026/07", "INV/2026", "INV"]),
        ("42", ["42"]),
    ],
)
def test_an_order_id_is_the_booking_id_or_begins_with_it(reference, found):
    assert candidates([reference]) == found


def test_of_many_references_only_a_few_are_looked_for():
    assert len(candidates(["-".join(["abc"] * 80)])) == 12


@pytest.mark.parametrize(
    ("minor", "currency", "major"),
    [
        (15_000_000, "IDR", "150000"),  # two decimals at Stripe, whatever ISO and shops say
        (1_250, "USD", "12.5"),
        (500, "JPY", "500"),
        (500, "KRW", "500"),
        (5_120, "KWD", "5.12"),
        (500, "ISK", "5"),
        (500, "UGX", "5"),
    ],
)
def test_stripes_amounts_by_stripes_own_exponents(minor, currency, major):
    assert text(stripe_amount(minor, currency)) == major


@pytest.mark.parametrize(
    "given", [None, True, "NaN", "Infinity", "-1", -1, 1e300, "1e400", "", "1_000", "1,000", "9" * 99, [], {}]
)
def test_what_is_no_amount_is_none(given):
    assert major_amount(given) is None


def test_amounts_are_exact():
    assert major_amount("0.10") + major_amount("0.20") == Decimal("0.30")
    assert number(Decimal("150000.00")) == 150000
    assert isinstance(number(Decimal("150000.00")), int)


def test_each_stage_has_a_word():
    assert WORDS == ("pending", "failed", "paid", "cancelled", "denied")
    assert booking().price == Decimal(150000)
