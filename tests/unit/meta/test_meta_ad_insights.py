"""What Meta says of ads: text becomes exact numbers, and overlapping action types are never added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.events.money import SCALE
from konversi.meta.ad_insights import Unreadable, amount, read_rows, scaled

ROW = {
    "account_currency": "IDR",
    "ad_id": "1",
    "adset_id": "2",
    "campaign_id": "3",
    "date_start": "2026-11-01",
    "spend": "150000.25",
}


def actions(**numbers):
    return {"actions": [{"action_type": name, "value": value} for name, value in numbers.items()]}


def test_a_row_is_read_exactly():
    (read,) = read_rows([{**ROW, "impressions": "1200", "clicks": "31", "ad_name": "Video"}])
    assert (read.spend, read.impressions, read.clicks, read.ad_name) == (1_500_002_500, 1200, 31, "Video")
    assert amount(read.spend) == 150000.25


def test_of_overlapping_types_only_the_widest_is_taken():
    (read,) = read_rows([{**ROW, **actions(purchase="3", omni_purchase="4")}])
    assert read.meta_payments == 4


def test_one_type_is_taken_for_the_whole_account():
    first, second = read_rows([{**ROW, **actions(omni_purchase="4")}, {**ROW, **actions(purchase="3")}])
    assert (first.meta_payments, second.meta_payments) == (4, 0)


def test_the_values_are_of_the_same_type_as_the_number():
    values = [{"action_type": "omni_purchase", "value": "9"}, {"action_type": "purchase", "value": "500"}]
    (read,) = read_rows([{**ROW, **actions(purchase="3"), "action_values": values}])
    assert (read.meta_payments, read.meta_payment_value) == (3, 500 * SCALE)


def test_the_order_can_be_chosen():
    (read,) = read_rows([{**ROW, **actions(lead="3", omni_lead="4")}], {"bookings": ["lead"]})
    assert (read.meta_bookings, read.meta_payments) == (3, 0)


@pytest.mark.parametrize(
    "wrong", [{"spend": "NaN"}, {"spend": "-1"}, {"spend": "Rp 5"}, {"ad_id": None}, {"account_currency": ""}]
)
def test_what_cannot_be_read_refuses_the_whole_answer(wrong):
    with pytest.raises(Unreadable):
        read_rows([ROW, {**ROW, **wrong}])


@given(st.decimals(min_value=0, max_value=10**10, places=4, allow_nan=False))
def test_an_amount_survives_its_way(number):
    assert scaled(str(number), "spend") == number * SCALE
