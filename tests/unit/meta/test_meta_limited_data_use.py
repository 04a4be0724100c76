"""Limited Data Use: for whom, and in which words of Meta's."""

import pytest

from konversi.events.conversion import Client, Conversion, Customer
from konversi.events.faults import Fault
from konversi.meta.limited_data_use import STATES, limited
from konversi.sandbox.rules import special


def conversion(own=None, *, ip=None, **customer):
    return Conversion(
        event="Lead", limited_data_use=own, customer=Customer(**customer), client=Client(ip=ip) if ip else None
    )


def place(found):
    options, _ = found
    if not options:
        return None
    assert options["data_processing_options"] == ["LDU"]
    assert special.limited_data_use(options, None) is None
    return options["data_processing_options_country"], options["data_processing_options_state"]


@pytest.mark.parametrize(
    ("wish", "own", "customer", "expected"),
    [
        ("off", None, {"country": "US", "region": "California"}, None),
        ("usa", None, {"country": "US", "region": "California"}, (1, 1000)),
        ("usa", None, {"country": "United States", "region": "tx"}, (1, 1005)),
        ("usa", None, {"country": "US"}, (0, 0)),
        ("usa", None, {"country": "ID", "region": "Jakarta"}, None),
        ("usa", None, {}, None),
        ("usa", None, {"country": "US", "region": "New York"}, None),
        ("all", None, {}, (0, 0)),
        ("all", None, {"country": "ID", "region": "CA"}, (0, 0)),
        ("off", True, {}, (0, 0)),
        ("off", True, {"country": "US", "region": "Oregon"}, (1, 1004)),
        ("off", "CA", {}, (1, 1000)),
        ("off", "rhode island", {}, (1, 1013)),
        ("all", False, {"country": "US", "region": "California"}, None),
        ("off", "NY", {}, None),
    ],
)
def test_who_is_limited_and_where(wish, own, customer, expected):
    assert place(limited(conversion(own, **customer), wish)) == expected


def test_a_place_that_is_no_state_is_refused():
    found = limited(conversion("Jakarta"), "off")
    assert isinstance(found, Fault)
    assert (found.field, found.code) == ("limited_data_use", "unknown_state")


def test_where_meta_can_find_nothing_out_a_note_says_so():
    assert [note.code for note in limited(conversion(True), "off")[1]] == ["place_unknown"]
    assert limited(conversion(True, ip="8.8.8.8"), "off")[1] == ()
    assert [note.code for note in limited(conversion("NY"), "off")[1]] == ["no_such_law"]


@pytest.mark.parametrize("state", STATES)
def test_meta_takes_every_state(state):
    assert place(limited(conversion(state.upper()), "off")) == (1, STATES[state])
