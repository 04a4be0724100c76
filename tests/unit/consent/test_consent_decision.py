"""What a customer decided, and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.consent.decision import ABSENT, CODES, Decision, State, newest, objection
from konversi.consent.people import is_named, keys_of

SECRET = b"s" * 32
DECISIONS = st.lists(
    st.builds(Decision, st.sampled_from(State), st.integers(0, 5).map(float), st.sampled_from(["chat", "api"])),
    max_size=8,
)


def test_silence_is_a_no_only_where_consent_is_required():
    assert objection([], required=False) is None
    assert objection([], required=True) is ABSENT


@pytest.mark.parametrize("state", [State.DENIED, State.WITHDRAWN])
def test_a_no_is_an_objection_that_tells_when_and_where_it_was_said(state):
    found = objection([Decision(state, 1_800_000_000, "chat")], required=False)
    assert found.code == f"consent_{state.value}"
    assert "(chat, 2027-01-15 08:00 UTC)" in found.text
    assert str(found).startswith(f"{found.code}: ")


def test_a_yes_after_a_no_counts_and_an_older_yes_does_not():
    no = Decision(State.WITHDRAWN, 20.0, "chat")
    assert objection([no, Decision(State.GRANTED, 21.0, "form")], required=True) is None
    assert objection([no, Decision(State.GRANTED, 19.0, "form")], required=True).code == "consent_withdrawn"


def test_of_a_yes_and_a_no_at_the_same_moment_the_no_counts():
    both = [Decision(State.GRANTED, 20.0, "form"), Decision(State.DENIED, 20.0, "form")]
    assert newest(both).state is newest(reversed(both)).state is State.DENIED


@given(DECISIONS, st.randoms(), st.booleans())
def test_the_order_in_which_decisions_come_is_nothing_to_them(decisions, chance, required):
    mixed = list(decisions)
    chance.shuffle(mixed)
    one, other = objection(decisions, required=required), objection(mixed, required=required)
    assert (one and one.code) == (other and other.code)
    assert one is None or one.code in CODES


@given(DECISIONS, st.floats(6, 9), st.booleans())
def test_what_was_said_last_decides_alone(decisions, at, required):
    said_yes = [*decisions, Decision(State.GRANTED, at, "api")]
    said_no = [*said_yes, Decision(State.WITHDRAWN, at + 1, "api")]
    assert objection(said_yes, required=required) is None
    assert objection(said_no, required=required).code == "consent_withdrawn"


def test_a_person_is_found_by_any_identity_and_no_key_says_which():
    keys = keys_of({"ph": ["a" * 64], "em": ["b" * 64], "external_id": ["a" * 64, "c" * 64], "ig_sid": "17"}, SECRET, 9)
    assert len(keys) == len(set(keys)) == 5
    assert all(len(key) == 16 for key in keys)
    assert keys_of({"external_id": ["a" * 64]}, SECRET) == keys[:1]
    assert keys_of({"ph": ["a" * 64]}, b"another" * 5) != keys[:1]


def test_a_name_or_a_city_names_nobody():
    assert not is_named({"fn": ["a" * 64], "ct": ["b" * 64]})
    assert is_named({"em": ["a" * 64]})
