from __future__ import annotations

import json
from collections import namedtuple
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.detection.amounts import Money, money
from konversi.detection.paths import layers_of, read
from konversi.detection.plain import fields, fold


def at(value, path):
    return read(layers_of(value), path)


@pytest.mark.parametrize("key", ["booking_id", "bookingId", "BookingID", "booking-id", "booking id"])
def test_spellings_of_one_name_are_one_field(key):
    assert at({key: "BK-1"}, "booking_id") == "BK-1"
    assert at({"booking_id": "BK-1"}, key) == "BK-1"


@pytest.mark.parametrize(
    "result",
    [
        {"booking": {"id": "BK-1"}},
        {"data": {"booking": {"id": "BK-1"}}},
        {"data": json.dumps({"booking": {"id": "BK-1"}})},
        {"structuredContent": {"booking": {"id": "BK-1"}}},
        {"content": [{"type": "text", "text": json.dumps({"booking": {"id": "BK-1"}})}]},
        [{"booking": json.dumps({"id": "BK-1"})}],
    ],
)
def test_a_path_is_found_through_what_frameworks_wrap_around_it(result):
    assert at(result, "booking.id") == "BK-1"


def test_the_outermost_field_goes_first():
    assert at({"data": {"price": 1}, "price": 2}, "price") == 2


def test_empty_text_is_nothing():
    assert at({"booking_id": "", "data": {"booking_id": "BK-1"}}, "booking_id") == "BK-1"
    assert at({"booking_id": ""}, "booking_id") is None


def test_a_step_may_be_a_place_in_a_list():
    assert at({"items": [{"price": 5}]}, "items.0.price") == 5
    assert at({"items": []}, "items.0.price") is None
    assert at({"items": [1]}, "items.-1") is None


def test_a_named_tuple_has_fields():
    assert at(namedtuple("Row", "booking_id price")("BK-1", 2), "booking_id") == "BK-1"  # noqa: PYI024


@given(st.text(min_size=1, max_size=20))
def test_folding_twice_is_folding_once(key):
    assert fold(fold(key)) == fold(key)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (150000, Money(150000)),
        (149999.5, Money(149999.5)),
        ("150000", Money(150000)),
        (" 150000 ", Money(150000)),
        (Decimal(150000), Money(150000)),
        (0, Money(0)),
        ("Rp150.000", Money(150000, "IDR")),
        ("Rp 1.500.000", Money(1500000, "IDR")),
        ("rp. 150.000", Money(150000, "IDR")),
        ("Rp150000", Money(150000, "IDR")),
    ],
)
def test_an_amount_that_can_be_read_with_certainty_is_read(written, meant):
    assert money(written) == meant


@pytest.mark.parametrize(
    "written",
    ["150.000", "150,000", "Rp 150,000", "Rp 15.00", "$150", "free", "", "-1", "\u0661\u0665\u0660", "1e5", "9" * 16, -1, True, None,
     float("nan"), float("inf"), 10**400, Decimal("NaN"), Decimal("1E+99999"), {}, []],
)  # fmt: skip
def test_an_amount_that_could_mean_two_things_is_left_out(written):
    assert money(written) is None


@given(st.integers(0, 10**12))
def test_rupiah_read_back_as_they_were_written(amount):
    assert money("Rp " + f"{amount:,}".replace(",", ".")) == Money(amount, "IDR")


def test_a_result_that_another_thread_writes_to_meanwhile_is_read_as_it_was(monkeypatch):
    result = {"booking_id": "BK-1", "status": "ok"}

    def folding(key):
        result[f"{key} again"] = "written meanwhile"
        return fold(key)

    monkeypatch.setattr("konversi.detection.plain.fold", folding)
    assert fields(result) == {"bookingid": "BK-1", "status": "ok"}
