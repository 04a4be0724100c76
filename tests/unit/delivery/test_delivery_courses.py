"""What processes that deliver the same lane tell each other of it. Pure."""

from konversi.delivery import breaker as breakers
from konversi.delivery.breaker import CLOSED, Breaker, Position
from konversi.delivery.courses import adopted, at_start, course, is_news
from konversi.delivery.pace import Pace, quicker, slower, started

OPEN = breakers.paused(CLOSED, 1_000.0, "The token has expired.")


def told(breaker=CLOSED, pace=None):
    return course("lane", breaker, pace or Pace(), 1_000.0)


def test_it_is_news_that_a_lane_stops_or_bears_more_or_less_and_nothing_else():
    pace = Pace()
    assert is_news((CLOSED, pace), (OPEN, pace))
    assert is_news((OPEN, pace), (CLOSED, pace))
    assert is_news((CLOSED, pace), (CLOSED, slower(pace)))
    assert is_news((CLOSED, pace), (CLOSED, quicker(pace)))
    assert not is_news((CLOSED, pace), (CLOSED, started(pace, 5.0, 1_000, full=True)))
    assert not is_news((CLOSED, pace), (CLOSED, pace))


def test_who_is_told_has_the_same_breaker():
    for breaker in (CLOSED, OPEN, breakers.failed(CLOSED, 1_000.0, "x", 0.5), breakers.resting(CLOSED, 1.0, 60.0, "y")):
        assert adopted(told(breaker), Pace())[0] == breaker


def test_who_is_told_has_as_many_requests_at_once():
    assert adopted(told(pace=Pace(at_once=2)), Pace(at_once=8))[1].at_once == 2
    assert adopted(told(pace=Pace(at_once=8)), Pace(at_once=2))[1].at_once == 8


def test_who_is_told_keeps_the_rest_of_its_pace():
    own = Pace(at_once=8, last_start=5.0, last_full=True, last_events=1_000)
    assert adopted(told(pace=Pace(at_once=2)), own)[1] == Pace(2, 5.0, last_full=True, last_events=1_000)


def test_a_process_that_starts_tries_a_paused_lane_at_once():
    at_once = at_start(told(OPEN), 1_010.0)
    breaker, _ = adopted(at_once, Pace())
    assert (breaker.position(1_010.0), breaker.paused) == (Position.HALF_OPEN, False)
    assert breaker.failures == OPEN.failures


def test_a_process_that_starts_leaves_a_lane_that_rests_alone():
    resting = told(Breaker(5, 1, 1_060.0, "It is away."))
    assert at_start(resting, 1_010.0) == resting
