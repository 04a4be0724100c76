"""What one process has done since its start, as metrics. Each carries the process's place among those sharing a port.

A scraper meets another of them each time: without the label their counters would seem to jump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from konversi._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from prometheus_client import Metric

    from konversi.outbox.port import Commits

PLACE = "process"


class LaneReport(NamedTuple):
    """What one lane's delivery has been doing since the start, and whether it sends."""

    lane: str
    requests: Mapping[str, int]  # by verdict
    events: Mapping[str, int]  # by verdict
    seconds: float  # spent waiting for answers
    breaker: str  # closed, open or half_open
    paused: bool  # a person has to act
    cause: str  # why it doesn't send, in plain words


class WebhookReport(NamedTuple):
    """What became of webhook calls."""

    refused: Mapping[tuple[str, str], int]  # by platform and the error's code, since the start
    waiting: int  # to be handed on
    dropped: int  # not kept to be handed on, since the start
    payments: Mapping[tuple[str, str], int]  # notifications by provider and what became of them, since the start


class PreparerReport(NamedTuple):
    """How the process does that prepares lists beside this one."""

    runs: bool
    lists: int  # that it has prepared since the start


class ProcessReport(NamedTuple):
    """What one process has done since its start."""

    place: int  # among the processes that share its port
    does: str  # everything, or a part
    answered: Mapping[tuple[str, str], int]  # calls, by door and class of status
    commits: Commits
    lanes: Sequence[LaneReport]
    webhooks: WebhookReport
    preparer: PreparerReport


def process_metrics(report: ProcessReport) -> Iterable[Metric]:
    """The families."""
    place = str(report.place)
    build = InfoMetricFamily("konversi_build", "The version that runs, and what this process does.", labels=[PLACE])
    build.add_metric([place], {"version": __version__, "does": report.does})
    yield build
    yield from _doors(report, place)
    yield from _delivery(report.lanes, place)
    yield from _webhooks(report.webhooks, place)
    yield from _preparer(report.preparer, place)


def _doors(report: ProcessReport, place: str) -> Iterable[Metric]:
    calls = CounterMetricFamily(
        "konversi_http_requests",
        "Calls that were answered since the start, by door and class of status.",
        labels=["door", "status", PLACE],
    )
    for (door, status), number in sorted(report.answered.items()):
        calls.add_metric([door, status, place], number)
    commits = CounterMetricFamily("konversi_commits", "Commits of accepted events since the start.", labels=[PLACE])
    commits.add_metric([place], report.commits.number)
    events = CounterMetricFamily(
        "konversi_commit_events", "Events in those commits: how well callers share them.", labels=[PLACE]
    )
    events.add_metric([place], report.commits.events)
    yield from (calls, commits, events)


def _preparer(report: PreparerReport, place: str) -> Iterable[Metric]:
    runs = GaugeMetricFamily(
        "konversi_preparer_running",
        "1 where a process runs that prepares lists, and answers busy callers, beside the gateway.",
        labels=[PLACE],
    )
    runs.add_metric([place], float(report.runs))
    lists = CounterMetricFamily(
        "konversi_prepared_lists", "Lists of events or payments that it has prepared since the start.", labels=[PLACE]
    )
    lists.add_metric([place], report.lists)
    yield from (runs, lists)


def _delivery(lanes: Sequence[LaneReport], place: str) -> Iterable[Metric]:
    by_verdict = ["lane", "verdict", PLACE]
    requests = CounterMetricFamily(
        "konversi_requests", "Requests to Meta since the start, by what their answer meant.", labels=by_verdict
    )
    sent = CounterMetricFamily("konversi_sent_events", "Events in those requests.", labels=by_verdict)
    by_lane = ["lane", PLACE]
    seconds = CounterMetricFamily(
        "konversi_request_seconds", "Seconds spent waiting for Meta's answers since the start.", labels=by_lane
    )
    closed = GaugeMetricFamily(
        "konversi_breaker_closed", "1 where the lane sends, 0 where its breaker is open.", labels=by_lane
    )
    paused = GaugeMetricFamily(
        "konversi_lane_paused", "1 where a person has to act before the lane can send.", labels=by_lane
    )
    for report in lanes:
        for verdict, number in report.requests.items():
            requests.add_metric([report.lane, verdict, place], number)
        for verdict, number in report.events.items():
            sent.add_metric([report.lane, verdict, place], number)
        seconds.add_metric([report.lane, place], report.seconds)
        closed.add_metric([report.lane, place], float(report.breaker == "closed"))
        paused.add_metric([report.lane, place], float(report.paused))
    yield from (requests, sent, seconds, closed, paused)


def _webhooks(report: WebhookReport, place: str) -> Iterable[Metric]:
    refused = CounterMetricFamily(
        "konversi_webhooks_refused",
        "Webhook calls that were refused since the start, by the code of the error.",
        labels=["platform", "reason", PLACE],
    )
    for (platform, reason), number in report.refused.items():
        refused.add_metric([platform, reason, place], number)
    yield refused
    told = CounterMetricFamily(
        "konversi_payment_notifications",
        "Genuine payment notifications since the start: accepted (with news), repeated, or ignored (no payment).",
        labels=["provider", "outcome", PLACE],
    )
    for (provider, outcome), number in report.payments.items():
        told.add_metric([provider, outcome, place], number)
    yield told
    yield GaugeMetricFamily(
        "konversi_forwards_waiting", "Webhook calls that wait to be handed on to the bot.", value=report.waiting
    )
    dropped = CounterMetricFamily(
        "konversi_forwards_dropped",
        "Webhook calls that will not be handed on, because too many waited, since the start.",
        labels=[PLACE],
    )
    dropped.add_metric([place], report.dropped)
    yield dropped
