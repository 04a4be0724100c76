"""What tells in a text that it is about one person."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.aftercare.needles import Needles, Work
from konversi.intake.persons import Named

HASH = hashlib.sha256(b"6281234567890").hexdigest()
NEEDLES = Needles.of(
    {"ph": [HASH]}, Named(phone="0812-3456-7890", email="Budi@Example.test").in_the_clear("ID"), b"k" * 32
)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"ph":["{HASH}"]}}',
        "by 6281234567890",
        "+6281234567890",
        "081234567890.",
        "0812-3456-7890",
        "to:budi@example.test",
    ],
)
def test_a_hash_and_each_spelling_is_found(text):
    assert NEEDLES.mentions(text)


@pytest.mark.parametrize(
    "text", ["62812345678901", "16281234567890", "xbudi@example.test", "budi@example.tests", "Lead:BK-1001", ""]
)
def test_what_is_part_of_a_longer_number_or_address_is_somebody_elses(text):
    assert not NEEDLES.mentions(text)


def test_a_short_customer_number_is_not_looked_for_in_the_clear():
    assert Needles.of({}, Named(external_id="42").in_the_clear("ID"), b"k" * 32).clear == ()


def test_a_hash_that_was_given_is_not_taken_for_itself():
    assert Named(phone=HASH).in_the_clear("ID") == []


@given(st.lists(st.tuples(st.integers(1, 10**12), st.text(), st.none() | st.text())), st.lists(st.integers(1, 99)))
def test_work_is_the_same_after_it_was_kept(gone, busy):
    work = Work(NEEDLES, 7, 3, busy, gone)
    assert Work.unpacked(work.packed()) == work
