"""What the pages are drawn from: charts, periods, percentiles and cells of a file."""

import math
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.dashboard.addresses import own
from konversi.dashboard.chart import HEIGHT, bars, ceiling
from konversi.dashboard.decisions import _with
from konversi.imports.safe_cells import cell
from konversi.insight.overview import Sums, shape
from konversi.insight.periods import by_step, period
from konversi.insight.waits import bucket_of, percentile

NOON = 1_795_521_600.0  # 24 November 2026, 12:00 UTC
UTC = ZoneInfo("UTC")
JAKARTA = ZoneInfo("Asia/Jakarta")


@given(st.integers(0, 10**12))
def test_the_ceiling_of_a_chart_is_close_above_its_values(most):
    assert max(1, most) <= ceiling(most) <= max(5, most * 2.5)


def test_the_largest_value_reaches_the_ceiling():
    assert [bar.height for bar in bars([0, 5, 10], 10)] == [0, HEIGHT / 2, HEIGHT]


def test_a_week_is_seven_days_of_the_visitors_time_zone():
    week = period("7d", NOON, JAKARTA)
    assert len(week.steps) == 7
    assert (week.start + 7 * 3_600) % 86_400 == 0
    assert week.steps[-1] <= NOON


def test_the_last_24_hours_end_with_this_hour():
    assert period("24h", NOON + 5, UTC).steps[-1] == NOON


def test_hours_are_summed_by_the_step_they_lie_in():
    assert by_step([(0, 1), (3_600, 2), (90_000, 4)], (0, 86_400)) == [3, 4]
    assert by_step([(-86_400, 7)], (0, 86_400), shift=86_400) == [7, 0]


def test_the_period_before_is_compared_up_to_the_same_moment():
    day = period("24h", NOON, UTC)
    before, after = int(NOON) - 30 * 3_600, int(NOON) - 3_600
    too_late = int(NOON) - 24 * 3_600  # in the hour that lies as far back as the present one, which has only begun
    sums = Sums([(before, 5, 4), (too_late, 9, 9), (after, 3, 2)], [(("default", "Lead", "chat"), 3, 2)], {})
    shaped = shape(sums, day)
    assert (shaped["accepted"], shaped["delivered"]) == (3, 2)
    assert (shaped["accepted_before"], shaped["delivered_before"]) == (5, 4)
    assert sum(step["delivered_before"] for step in shaped["steps"]) == 4


@given(st.lists(st.floats(0.002, 1e6), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_percentile_is_at_most_an_eighth_above_the_true_one(times, share):
    buckets = {}
    for one in times:
        buckets[bucket_of(one)] = buckets.get(bucket_of(one), 0) + 1
    true = sorted(times)[math.ceil(len(times) * share) - 1]
    assert true * 0.999 <= percentile(buckets, share) <= true * 1.126


def test_without_events_there_is_no_percentile():
    assert percentile({}, 0.5) is None


@pytest.mark.parametrize("text", ["=1+1", "+62812", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_run_is_led_by_an_apostrophe(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["BK-1", "", "150000"])
def test_other_cells_stay_as_they_are(text):
    assert cell(text) == text


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:x",
        "",
        None,
        "/\t/evil.example",
        "/\n//evil.example",
        "/a\\b",
        "/" + "a" * 3_000,
    ],
)
def test_after_a_form_nobody_is_sent_elsewhere(address):
    assert own(address, "/events") == "/events"


def test_after_a_form_one_is_where_one_was():
    assert own("/events?state=dead&q=%2Fa#top", "/") == "/events?state=dead&q=%2Fa#top"


def test_what_was_done_is_added_to_the_address_once():
    assert _with("/events?state=dead&done=1", done=2, left=0) == "/events?state=dead&done=2&left=0"
