"""The estimate of match quality: an order and bounds that hold for any set of keys, and what is worth adding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.matching.strength import ADDITIONS, WEIGHTS, estimate, score, telling_keys

KEYS = st.frozensets(st.sampled_from(sorted(WEIGHTS)))


@given(KEYS, st.sampled_from(sorted(WEIGHTS)))
def test_a_key_more_never_makes_it_worse_and_ten_is_never_reached(keys, more):
    assert 0 <= score(keys) <= score({*keys, more}) < 10


@given(KEYS, KEYS, st.sampled_from(sorted(WEIGHTS)))
def test_a_key_adds_less_the_more_there_are(some, others, more):
    more_of_few = score({*some, more}) - score(some)
    more_of_many = score({*some, *others, more}) - score({*some, *others})
    assert more_of_many <= more_of_few + 1e-9


def test_the_addition_that_helps_most_is_named_with_its_points():
    found = estimate({("fn", "ph"): 1}, "chat")
    assert found.advice.add.field == "customer.email"
    assert found.advice.gain == pytest.approx(score(("em", "fn", "ph")) - score(("fn", "ph")), abs=0.05)


def test_what_half_of_the_events_lack_is_worth_half():
    whole, half = (estimate(sets, "chat").advice for sets in ({("ph",): 2}, {("ph",): 1, ("em", "ph"): 1}))
    assert whole.add == half.add
    assert half.gain == pytest.approx(whole.gain / 2, abs=0.06)


def test_cookies_are_advised_only_where_there_is_a_browser():
    everything_else = tuple(key for one in ADDITIONS if not one.only_in_browsers for key in one.keys)
    assert estimate({everything_else: 1}, "chat").advice is None
    assert estimate({everything_else: 1}, "website").advice.add.only_in_browsers


def test_events_that_are_matched_by_the_click_have_no_estimate():
    assert estimate({("ctwa_clid", "ph"): 5}, "business_messaging") == (None, None)


def test_a_phone_that_stands_in_for_the_customer_number_counts_once():
    assert telling_keys({"ph": ["a"], "external_id": ["a"]}) == ("ph",)
    assert telling_keys({"ph": ["a"], "external_id": ["b"], "ctwa_clid": "x"}) == ("ctwa_clid", "external_id", "ph")
