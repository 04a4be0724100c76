"""Delivery's pure parts: the planner of batches, the schedule, the breaker, the pace."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.delivery import breaker as breakers
from konversi.delivery import pace as paces
from konversi.delivery.breaker import CLOSED, Breaker, Position
from konversi.delivery.pace import Pace
from konversi.delivery.plan import MOST_BYTES, MOST_EVENTS, halved, next_batch
from konversi.delivery.schedule import DELAYS, THEN_EVERY, delay, throttled
from konversi.outbox.port import Candidate

JITTER = st.floats(0, 1, exclude_max=True)
NOW = 1_000.0


@st.composite
def candidates(draw, most=60):
    sizes = st.integers(1, 2_000) | st.sampled_from([MOST_BYTES // 3, MOST_BYTES - 1, MOST_BYTES * 2])
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from([1, 2, 7, 1_000]), sizes, st.sampled_from([999, 1_000, 1_001, 10**9])),
            max_size=most,
        )
    )
    return [Candidate(id_, limit, size, 0, deadline) for id_, (limit, size, deadline) in enumerate(rows, 1)]


@given(candidates(), st.integers(1, 1_000))
def test_every_candidate_comes_to_a_batch_or_expires_exactly_once(some, most):
    left = list(some)
    seen = []
    while left:
        choice = next_batch(left, NOW, most=most)
        taken = [*choice.batch, *choice.expired]
        assert taken
        seen += taken
        left = [one for one in left if one.id not in taken]
    assert sorted(seen) == [one.id for one in some]


@given(candidates(), st.integers(1, 1_000))
def test_a_batch_keeps_every_limit(some, most):
    choice = next_batch(some, NOW, most=most)
    by_id = {one.id: one for one in some}
    batch = [by_id[id_] for id_ in choice.batch]
    assert len(batch) <= min([most, MOST_EVENTS, *(one.batch_limit for one in batch)])
    assert len({one.batch_limit for one in batch}) <= 1
    assert len(batch) <= 1 or sum(one.size for one in batch) + len(batch) <= MOST_BYTES


@given(candidates())
def test_nothing_stale_is_sent_and_nothing_fresh_expires(some):
    choice = next_batch(some, NOW)
    deadlines = {one.id: one.deadline for one in some}
    assert all(deadlines[id_] > NOW for id_ in choice.batch)
    assert set(choice.expired) == {id_ for id_, deadline in deadlines.items() if deadline <= NOW}


@given(candidates())
def test_order_is_kept_and_the_first_fresh_one_always_goes(some):
    choice = next_batch(some, NOW)
    fresh = [one.id for one in some if one.deadline > NOW]
    assert list(choice.batch) == sorted(choice.batch)
    assert list(choice.batch[:1]) == fresh[:1]


def test_an_event_larger_than_a_request_travels_alone():
    some = [Candidate(1, 1_000, MOST_BYTES * 2, 0, 10**9), Candidate(2, 1_000, 10, 0, 10**9)]
    assert list(next_batch(some, NOW).batch) == [1]


def test_nothing_due_makes_no_batch():
    assert next_batch([], NOW) == ((), [])


def _requests(count, guilty):
    """Bisection as the courier does it: the requests made, and who was refused alone."""
    waiting = [Candidate(id_, MOST_EVENTS, 100, 0, 10**9) for id_ in range(count)]
    refused, delivered, requests = set(), set(), 0
    while waiting:
        batch = list(next_batch(waiting, NOW).batch)
        requests += 1
        bad = guilty & set(batch)
        tried = [one for one in waiting if one.id in batch]
        waiting = [one for one in waiting if one.id not in batch]
        if not bad:
            delivered |= set(batch)
        elif len(batch) == 1:
            refused |= bad
        else:
            waiting += [replace_limit(one, halved(len(batch))) for one in tried]
    return requests, refused, delivered


def replace_limit(candidate, limit):
    return candidate._replace(batch_limit=limit)


@given(st.data(), st.integers(1, 1_000))
def test_bisection_finds_the_guilty_in_few_requests(data, count):
    guilty = data.draw(st.sets(st.integers(0, count - 1), max_size=min(count, 12)))
    requests, refused, delivered = _requests(count, guilty)
    assert refused == guilty
    assert delivered == set(range(count)) - guilty
    assert requests <= 2 * len(guilty) * math.ceil(math.log2(count) if count > 1 else 0) + 1


@pytest.mark.parametrize("guilty", [1, 2, 50, 1_000])
def test_bisection_of_a_thousand(guilty):
    step = 1_000 // guilty
    bad = set(range(0, step * guilty, step))
    requests, refused, _ = _requests(1_000, bad)
    assert refused == bad
    assert requests <= 2 * guilty * 10 + 1
    assert requests <= 2_100  # about every node of the tree, and no more


@given(st.integers(1, 10_000))
def test_half_a_batch_is_smaller_until_it_is_one(events):
    assert 1 <= halved(events) < max(events, 2)


@given(st.integers(1, 10_000), JITTER)
def test_a_delay_is_spread_over_its_whole_length(tries, jitter):
    ceiling = DELAYS[tries - 1] if tries <= len(DELAYS) else THEN_EVERY
    assert 1.0 <= delay(tries, jitter) <= ceiling
    assert delay(tries, 0.999999) == pytest.approx(ceiling, rel=1e-5)


@given(JITTER)
def test_delays_never_get_shorter(jitter):
    delays = [delay(tries, jitter) for tries in range(1, 50)]
    assert delays == sorted(delays)


@given(st.floats(0, 3_600), JITTER)
def test_a_throttled_lane_rests_at_least_as_long_as_asked(asked, jitter):
    assert max(asked, 60) <= throttled(asked, jitter) <= max(asked, 60) * 1.25


EVENTS = st.lists(
    st.tuples(st.sampled_from(["ok", "failed", "paused", "resting"]), st.floats(0, 10_000), JITTER), max_size=80
)


@given(EVENTS)
def test_a_breaker_always_has_a_position_and_never_rests_for_long(history):
    breaker, now = CLOSED, 1e9
    for what, seconds, jitter in history:
        now += seconds
        if what == "ok":
            breaker = breakers.succeeded(breaker)
            assert breaker.position(now) is Position.CLOSED
        elif what == "failed":
            breaker = breakers.failed(breaker, now, "why", jitter)
        elif what == "paused":
            breaker = breakers.paused(breaker, now, "why")
            assert breaker.paused
        else:
            breaker = breakers.resting(breaker, now, 60, "why")
        assert breaker.open_until <= now + 300
        assert breaker.position(now + 301) is not Position.OPEN


def test_a_breaker_opens_after_five_failures_in_a_row():
    breaker = CLOSED
    for _ in range(4):
        breaker = breakers.failed(breaker, NOW, "why", 0.5)
        assert breaker.position(NOW) is Position.CLOSED
    breaker = breakers.failed(breaker, NOW, "why", 0.5)
    assert breaker.position(NOW) is Position.OPEN
    assert breaker.cause == "why"


def test_a_success_in_between_starts_the_count_again():
    breaker = CLOSED
    for _ in range(20):
        for _ in range(4):
            breaker = breakers.failed(breaker, NOW, "why", 0.5)
        assert breaker.position(NOW) is Position.CLOSED
        breaker = breakers.succeeded(breaker)


def test_a_half_open_breaker_opens_again_for_longer():
    breaker = Breaker(failures=4)
    rests = []
    now = NOW
    for _ in range(8):
        breaker = breakers.failed(breaker, now, "why", 1.0)
        rests.append(breaker.open_until - now)
        now = breaker.open_until
        assert breaker.position(now) is Position.HALF_OPEN
    assert rests == [15, 30, 60, 120, 240, 300, 300, 300]


def test_an_outage_of_weeks_is_borne():
    breaker = CLOSED
    for _ in range(5_000):
        breaker = breakers.failed(breaker, NOW, "why", 0.5)
    assert breaker.open_until <= NOW + 300


def test_an_idle_lane_sends_at_once():
    assert Pace().wait(0, NOW) == 0
    assert paces.started(Pace(), NOW, 1, full=False).wait(0, NOW) == 0


def test_a_busy_lane_gathers_for_a_moment():
    pace = paces.started(Pace(), NOW, 30, full=False)
    assert 0 < pace.wait(0, NOW) <= 0.1
    assert 0 < pace.wait(1, NOW) <= 0.25
    assert pace.wait(1, NOW + 1) == 0


def test_a_backlog_fills_every_place_and_then_waits():
    pace = paces.started(Pace(), NOW, 1_000, full=True)
    assert [pace.wait(under_way, NOW) for under_way in range(5)] == [0, 0, 0, 0, math.inf]


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 40), st.floats(0, 1e6))
def test_a_pace_always_lets_at_least_one_through_and_never_more_than_sixteen(changes, under_way, now):
    pace = Pace()
    for up in changes:
        pace = paces.quicker(pace) if up else paces.slower(pace)
        assert 1 <= pace.at_once <= 16
    assert replace(pace, last_full=True).wait(0, now) == 0
    assert pace.wait(pace.at_once, now) == math.inf
    assert pace.wait(under_way, now) >= 0


def test_slowing_down_halves_and_speeding_up_adds_one():
    assert paces.slower(Pace(at_once=9)).at_once == 4
    assert paces.quicker(Pace(at_once=9)).at_once == 10
