"""Sets of match keys that Meta refuses as too broad."""

from itertools import combinations

import pytest

from konversi.matching.minimum import TOO_BROAD, too_little


@pytest.mark.parametrize("broad", TOO_BROAD, ids=sorted)
def test_each_broad_set_and_every_part_of_it_is_too_little(broad):
    for size in range(len(broad) + 1):
        for part in combinations(sorted(broad), size):
            fault = too_little(dict.fromkeys(part))
            assert fault is not None
            assert (fault.field, fault.code) == ("customer", "customer_insufficient")


@pytest.mark.parametrize("key", ["em", "ph", "external_id", "fbc", "fbp", "lead_id", "ctwa_clid", "client_ip_address"])
def test_one_key_that_finds_somebody_is_enough(key):
    assert too_little({key: ["x"]}) is None
    assert too_little({key: ["x"], "fn": ["y"], "ge": ["z"]}) is None


@pytest.mark.parametrize("keys", [("fn", "ln"), ("db", "fn"), ("ct", "fn"), ("db", "ge")])
def test_keys_of_different_broad_sets_together_are_enough(keys):
    assert too_little(dict.fromkeys(keys)) is None


def test_the_fault_says_what_to_add():
    fault = too_little({})
    assert fault is not None
    assert "phone" in fault.remedy
