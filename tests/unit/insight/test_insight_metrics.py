"""What a scraper reads."""

from prometheus_client.parser import text_string_to_metric_families

from konversi.insight.metrics import SharedReport, metrics
from konversi.insight.process_metrics import LaneReport, PreparerReport, ProcessReport, WebhookReport
from konversi.insight.waits import bucket_of
from konversi.outbox.port import Commits, Counts
from konversi.outbox.states import State

COUNTS = Counts(dict.fromkeys(State, 0), {"accept": 3}, None)
NO_PREPARER = PreparerReport(runs=False, lists=0)
LANE = LaneReport("default|live|chat", {"delivered": 2}, {"delivered": 3}, 1.0, "closed", paused=False, cause="")


def read(*, waits=(), place=0, preparer=NO_PREPARER):
    shared = SharedReport(COUNTS, dict(waits), [], 1.0)
    webhooks = WebhookReport({("whatsapp", "webhook_unsigned"): 1}, 0, 0, {})
    process = ProcessReport(place, "intake", {("events", "2xx"): 5}, Commits(2, 9), [LANE], webhooks, preparer)
    text = metrics(shared, process).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_histogram_of_times_to_meta_is_cumulative_and_never_flatters():
    waits = {bucket_of(0.08): 10, bucket_of(0.24): 4, bucket_of(20.0): 1, bucket_of(40 * 86_400.0): 1}
    found = read(waits=waits.items())
    within = lambda edge: found["konversi_time_to_meta_seconds_bucket", ("le", edge)]
    assert within("0.1") == 10
    assert within("0.25") == 10, "0.24 s may be up to an eighth more"
    assert within("0.5") == 14
    assert within("60.0") == within("604800.0") == 15
    assert within("+Inf") == found["konversi_time_to_meta_seconds_count",] == 16
    assert 40 * 86_400 < found["konversi_time_to_meta_seconds_sum",] < 46 * 86_400


def test_what_one_process_did_is_told_apart_from_what_its_neighbour_did():
    first, second = read(place=0), read(place=3)
    shared = first.keys() & second.keys()
    assert {name for name, *_ in shared} >= {
        "konversi_steps_total",
        "konversi_events",
        "konversi_oldest_waiting_seconds",
    }
    assert {name for name, *_ in first.keys() - shared} == {name for name, *_ in second.keys() - shared}
    for name, *labels in second.keys() - shared:
        assert ("process", "3") in labels, name


def test_it_says_whether_the_preparer_runs_and_what_it_has_done():
    place = ("process", "0")
    for runs in (True, False):
        found = read(preparer=PreparerReport(runs=runs, lists=7))
        assert (found["konversi_preparer_running", place], found["konversi_prepared_lists_total", place]) == (runs, 7)


def test_it_says_how_well_callers_share_commits_and_what_the_process_does():
    found = read()
    place = ("process", "0")
    assert (found["konversi_commits_total", place], found["konversi_commit_events_total", place]) == (2, 9)
    assert found["konversi_http_requests_total", ("door", "events"), place, ("status", "2xx")] == 5
    assert [dict(labels)["does"] for name, *labels in found if name == "konversi_build_info"] == ["intake"]
