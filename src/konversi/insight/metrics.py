"""Prometheus metrics, read from what is there when they are asked for. `docs/reference/metrics.md` lists them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

from konversi._version import __version__
from konversi.outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from prometheus_client import Metric

    from konversi.outbox.port import Counts


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


def metrics(
    counts: Counts,
    lanes: Sequence[LaneReport],
    webhooks: WebhookReport,
    alerts: Sequence[Mapping[str, Any]],
    now: float,
) -> bytes:
    """The exposition text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot([*_outbox(counts, now), *_delivery(lanes), *_webhooks(webhooks), _alerts(alerts)]))
    return generate_latest(registry)


class _Snapshot:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _outbox(counts: Counts, now: float) -> Iterable[Metric]:
    build = InfoMetricFamily("konversi_build", "The version that runs.")
    build.add_metric([], {"version": __version__})
    yield build
    events = GaugeMetricFamily("konversi_events", "Events by the state they are in now.", labels=["state"])
    for state, number in counts.states.items():
        if state is not State.DELIVERED:
            events.add_metric([state.value], number)
    yield events
    steps = CounterMetricFamily(
        "konversi_steps", "Events that took a step, since the database was made.", labels=["step"]
    )
    for step, number in sorted(counts.totals.items()):
        steps.add_metric([step], number)
    yield steps
    oldest = 0.0 if counts.oldest_waiting is None else max(0.0, now - counts.oldest_waiting)
    yield GaugeMetricFamily(
        "konversi_oldest_waiting_seconds", "How long the oldest waiting event has been waiting.", value=oldest
    )


def _delivery(lanes: Sequence[LaneReport]) -> Iterable[Metric]:
    requests = CounterMetricFamily(
        "konversi_requests", "Requests to Meta since the start, by what their answer meant.", labels=["lane", "verdict"]
    )
    sent = CounterMetricFamily("konversi_sent_events", "Events in those requests.", labels=["lane", "verdict"])
    seconds = CounterMetricFamily(
        "konversi_request_seconds", "Seconds spent waiting for Meta's answers since the start.", labels=["lane"]
    )
    closed = GaugeMetricFamily(
        "konversi_breaker_closed", "1 where the lane sends, 0 where its breaker is open.", labels=["lane"]
    )
    paused = GaugeMetricFamily(
        "konversi_lane_paused", "1 where a person has to act before the lane can send.", labels=["lane"]
    )
    for report in lanes:
        for verdict, number in report.requests.items():
            requests.add_metric([report.lane, verdict], number)
        for verdict, number in report.events.items():
            sent.add_metric([report.lane, verdict], number)
        seconds.add_metric([report.lane], report.seconds)
        closed.add_metric([report.lane], float(report.breaker == "closed"))
        paused.add_metric([report.lane], float(report.paused))
    yield from (requests, sent, seconds, closed, paused)


def _webhooks(report: WebhookReport) -> Iterable[Metric]:
    refused = CounterMetricFamily(
        "konversi_webhooks_refused",
        "Webhook calls that were refused since the start, by the code of the error.",
        labels=["platform", "reason"],
    )
    for (platform, reason), number in report.refused.items():
        refused.add_metric([platform, reason], number)
    yield refused
    told = CounterMetricFamily(
        "konversi_payment_notifications",
        "Genuine payment notifications since the start: accepted (with news), repeated, or ignored (no payment).",
        labels=["provider", "outcome"],
    )
    for (provider, outcome), number in report.payments.items():
        told.add_metric([provider, outcome], number)
    yield told
    yield GaugeMetricFamily(
        "konversi_forwards_waiting", "Webhook calls that wait to be handed on to the bot.", value=report.waiting
    )
    yield CounterMetricFamily(
        "konversi_forwards_dropped",
        "Webhook calls that will not be handed on, because too many waited, since the start.",
        value=report.dropped,
    )


def _alerts(alerts: Sequence[Mapping[str, Any]]) -> Metric:
    family = GaugeMetricFamily(
        "konversi_alerts_open", "Causes that need a person, by rule and severity.", labels=["rule", "severity"]
    )
    for (rule, severity), number in sorted(Counter((one["rule"], one["severity"]) for one in alerts).items()):
        family.add_metric([rule, severity], number)
    return family
