"""What follows from each kind of answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.delivery.breaker import CLOSED, Breaker, Position
from konversi.delivery.decide import decide
from konversi.delivery.pace import Pace
from konversi.meta.answers import Kind, Verdict
from konversi.meta.usage import Usage
from konversi.outbox.states import State, Step, after

NOW = 1_000.0


def outlook(kind, *, events=1, tries=1, usage=None, breaker=CLOSED, pace=None, jitter=0.5, on_in_doubt="resend"):
    return decide(
        Verdict(kind, "Why.", 400, 1, 2, "trace", 3, "answer"), usage or Usage(), events=events, tries=tries, breaker=breaker,
        pace=pace or Pace(), now=NOW, jitter=jitter, on_in_doubt=on_in_doubt,
    )  # fmt: skip


RETRY_LATER = (Step.RETRY, True, True)
RETRY_WHEN_OPEN = (Step.RETRY, False, False)


@pytest.mark.parametrize(
    ("kind", "events", "tries", "step", "later", "counts"),
    [
        (Kind.DELIVERED, 5, 1, Step.DELIVER, False, True),
        (Kind.REFUSED, 1, 1, Step.REFUSE, False, True),
        (Kind.REFUSED, 2, 1, Step.SPLIT, False, False),
        (Kind.UNLINKED, 1, 99, *RETRY_LATER),
        (Kind.UNLINKED, 9, 1, Step.SPLIT, False, False),
        (Kind.PAUSED, 1, 99, *RETRY_WHEN_OPEN),
        (Kind.PAUSED, 1_000, 1, *RETRY_WHEN_OPEN),
        (Kind.THROTTLED, 1, 99, *RETRY_WHEN_OPEN),
        (Kind.THROTTLED, 1_000, 1, *RETRY_WHEN_OPEN),
        (Kind.FAILED, 1, 99, *RETRY_LATER),
        (Kind.FAILED, 9, 99, *RETRY_LATER),
        (Kind.NOT_SENT, 9, 99, *RETRY_LATER),
        (Kind.IN_DOUBT, 9, 99, *RETRY_LATER),
        (Kind.UNCLEAR, 9, 2, *RETRY_LATER),
        (Kind.UNCLEAR, 9, 3, Step.SPLIT, True, True),
        (Kind.UNCLEAR, 1, 11, *RETRY_LATER),
        (Kind.UNCLEAR, 1, 12, Step.REFUSE, False, True),
    ],
)
def test_the_events_take_the_step_of_the_table(kind, events, tries, step, later, counts):
    settlement = outlook(kind, events=events, tries=tries).settlement
    assert (settlement.step, settlement.counts_as_try) == (step, counts)
    assert (settlement.due_at > NOW) == later
    assert settlement.verdict == kind.value


def test_a_split_batch_is_halved():
    assert outlook(Kind.REFUSED, events=7).settlement.batch_limit == 4


@pytest.mark.parametrize(("policy", "step"), [("resend", Step.RETRY), ("hold", Step.HOLD)])
def test_after_a_send_in_doubt_the_setting_decides(policy, step):
    settlement = outlook(Kind.IN_DOUBT, on_in_doubt=policy).settlement
    assert (settlement.step, settlement.in_doubt) == (step, True)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.IN_DOUBT])
def test_the_setting_for_doubt_decides_nothing_else(kind):
    assert outlook(kind, on_in_doubt="hold") == outlook(kind, on_in_doubt="resend")
    assert not outlook(kind).settlement.in_doubt


@pytest.mark.parametrize("kind", [Kind.DELIVERED, Kind.REFUSED, Kind.UNLINKED])
def test_an_answer_that_shows_meta_at_work_closes_the_breaker(kind):
    assert outlook(kind, breaker=Breaker(9, 3, NOW - 1, "why", paused=True)).breaker == CLOSED


@pytest.mark.parametrize("kind", [Kind.FAILED, Kind.NOT_SENT, Kind.IN_DOUBT, Kind.UNCLEAR])
def test_the_fifth_failure_opens_the_breaker(kind):
    assert outlook(kind, breaker=Breaker(failures=3)).breaker.position(NOW) is Position.CLOSED
    assert outlook(kind, breaker=Breaker(failures=4)).breaker.position(NOW) is Position.OPEN


def test_a_fault_that_a_person_has_to_mend_opens_the_breaker_at_once_and_says_why():
    breaker = outlook(Kind.PAUSED).breaker
    assert (breaker.position(NOW), breaker.paused, breaker.cause) == (Position.OPEN, True, "Why.")


def test_a_throttled_lane_rests_as_long_as_meta_asked():
    breaker = outlook(Kind.THROTTLED, usage=Usage(100.0, 600.0)).breaker
    assert NOW + 600 <= breaker.open_until <= NOW + 750


@pytest.mark.parametrize(
    ("kind", "percent", "events", "at_once"),
    [
        (Kind.DELIVERED, 0, 1_000, 5),
        (Kind.DELIVERED, 0, 10, 4),
        (Kind.DELIVERED, 75, 1_000, 2),
        (Kind.THROTTLED, 0, 10, 2),
        (Kind.FAILED, 0, 1_000, 4),
    ],
)
def test_the_pace_follows_what_meta_says(kind, percent, events, at_once):
    assert outlook(kind, events=events, usage=Usage(percent)).pace.at_once == at_once


KINDS = st.sampled_from(Kind)


@given(
    KINDS,
    st.integers(1, 1_000),
    st.integers(1, 500),
    st.builds(Usage, st.floats(0, 200), st.floats(0, 3_600)),
    st.builds(Breaker, st.integers(0, 10**4), st.integers(0, 10**4), st.floats(0, 2 * NOW)),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(["resend", "hold"]),
)
def test_every_answer_has_consequences_that_can_be_written_down(kind, events, tries, usage, breaker, jitter, policy):
    settlement, after_breaker, pace = outlook(
        kind, events=events, tries=tries, usage=usage, breaker=breaker, jitter=jitter, on_in_doubt=policy
    )
    after(State.SENDING, settlement.step)
    assert (settlement.batch_limit > 0) == (settlement.step is Step.SPLIT)
    assert settlement.step is not Step.REFUSE or events == 1
    assert (settlement.step is Step.DELIVER) == (kind is Kind.DELIVERED)
    assert after_breaker.open_until <= max(NOW + 3_600 * 1.25, breaker.open_until)
    assert pace.at_once >= 1
    if settlement.step in (Step.RETRY, Step.SPLIT):
        assert NOW <= settlement.due_at <= NOW + 7_200
    record = (settlement.http_status, settlement.code, settlement.subcode, settlement.fbtrace_id, settlement.answer)
    assert record == (400, 1, 2, "trace", "answer")
