"""The outbox's pure parts: members, lanes, states, receipts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.errors import WrongState
from konversi.outbox.lanes import Lane
from konversi.outbox.members import pack, unpack
from konversi.outbox.port import event_of, receipt
from konversi.outbox.states import FINAL, NEEDS_ATTENTION, TRANSITIONS, State, Step, after, sources


@given(st.sets(st.integers(min_value=1, max_value=300)))
def test_members_are_unpacked_as_they_were_packed(ids):
    assert unpack(pack(ids)) == sorted(ids)


@pytest.mark.parametrize(
    ("ids", "text"),
    [([], ""), ([7], "7"), ([3, 1, 2], "1-3"), ([1, 3], "1,3"), ([17, 18, 19, 25, 30, 31], "17-19,25,30-31")],
)
def test_a_run_of_members_is_written_as_its_ends(ids, text):
    assert pack(ids) == text


@given(
    st.sampled_from(["chat", "website", "business_messaging"]),
    st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True),
)
def test_a_lane_is_read_as_it_was_written(source, code):
    lane = Lane("default", code, source)
    assert Lane.parse(str(lane)) == lane


def test_what_cannot_be_done_is_said_in_words():
    with pytest.raises(WrongState) as caught:
        after(State.DELIVERED, Step.REPLAY)
    assert caught.value.detail == "It is delivered, from which there is no replay."


@given(st.sampled_from(State), st.sampled_from(Step))
def test_a_step_leads_where_the_table_says_or_is_refused(state, step):
    if (state, step) in TRANSITIONS:
        assert after(state, step) is TRANSITIONS[state, step]
        assert state in sources(step)
    else:
        with pytest.raises(WrongState, match=state):
            after(state, step)
        assert state not in sources(step)


def test_every_state_can_be_reached_from_waiting():
    reached = {State.WAITING}
    while more := {to for (state, _), to in TRANSITIONS.items() if state in reached} - reached:
        reached |= more
    assert reached == set(State)


def test_a_delivered_event_is_never_sent_again():
    assert not [step for state, step in TRANSITIONS if state is State.DELIVERED]


def test_every_state_is_on_its_way_or_final():
    assert set(State) - FINAL == {State.WAITING, State.SENDING}
    assert NEEDS_ATTENTION <= FINAL


@given(st.integers(min_value=1, max_value=10**15))
def test_a_receipt_stands_for_its_event(event):
    assert event_of(receipt(event)) == event


@given(st.integers(min_value=1, max_value=10**11), st.integers(min_value=1, max_value=10**11))
def test_receipts_sort_as_their_events(one, other):
    assert (receipt(one) < receipt(other)) == (one < other)


@pytest.mark.parametrize("text", ["", "rc_", "rc_-5", "rc_1.0", "rc_²", "rc_٣", "RC_5", "x" * 30, "rc_" + "9" * 40])
def test_anything_else_is_no_receipt(text):
    assert event_of(text) is None
