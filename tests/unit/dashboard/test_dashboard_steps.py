"""Where each step of a chart and its counterpart of the period before begin and end."""

from itertools import pairwise
from zoneinfo import ZoneInfo

from konversi.dashboard.steps import with_befores
from konversi.insight.periods import by_step, last_days

NOW = 1_764_414_000.0 + 1_234.5


def test_each_hour_of_the_period_before_lies_in_the_stretch_that_its_step_names():
    for days, zone in ((1, "UTC"), (7, "Asia/Jakarta"), (28, "Asia/Kathmandu")):
        of = last_days(days, NOW, ZoneInfo(zone))
        steps = with_befores([{"start": start} for start in of.steps], of.before, of.end)
        hours = range(of.start - of.before, int(of.end - of.before) + 1, 3_600)
        counted = by_step(((hour, 1) for hour in hours), of.steps, of.before)
        assert steps[0]["before_since"] < steps[0]["before_until"]
        assert all(one["before_until"] == after["before_since"] for one, after in pairwise(steps))
        assert sum(counted) == len(hours)
