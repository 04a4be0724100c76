"""Prometheus metrics, read from what is there when they are asked for. `docs/reference/metrics.md` lists them.

Here are those of the database, which are the same whichever process is asked; `process_metrics.py` has the others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from konversi.insight.process_metrics import process_metrics
from konversi.insight.waits import longest
from konversi.outbox.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from prometheus_client import Metric

    from konversi.insight.process_metrics import ProcessReport
    from konversi.outbox.port import Counts

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_EDGES = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, _MINUTE, 5 * _MINUTE, _HOUR, 6 * _HOUR, _DAY, 7 * _DAY)  # seconds


class SharedReport(NamedTuple):
    """What the database says at a moment, to whichever process asks."""

    counts: Counts
    waits: Mapping[int, int]  # delivered events, by the bucket of their time to Meta
    alerts: Sequence[Mapping[str, Any]]
    now: float


def metrics(shared: SharedReport, process: ProcessReport) -> bytes:
    """The exposition text."""
    registry = CollectorRegistry(auto_describe=False)
    families = [*_outbox(shared.counts, shared.now), _time_to_meta(shared.waits), _alerts(shared.alerts)]
    registry.register(_Snapshot([*families, *process_metrics(process)]))
    return generate_latest(registry)


class _Snapshot:
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _outbox(counts: Counts, now: float) -> Iterable[Metric]:
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


def _time_to_meta(waits: Mapping[int, int]) -> Metric:
    within = [0] * (len(_EDGES) + 1)
    seconds = 0.0
    for bucket, events in waits.items():
        most = longest(bucket)
        within[bisect_left(_EDGES, most)] += events
        seconds += most * events
    so_far, buckets = 0, []
    for edge, events in zip([*map(str, _EDGES), "+Inf"], within, strict=True):
        so_far += events
        buckets.append((edge, float(so_far)))
    return HistogramMetricFamily(
        "konversi_time_to_meta_seconds",
        "From acceptance to Meta's answer, of delivered events since the database was made.",
        buckets=buckets,
        sum_value=seconds,
    )


def _alerts(alerts: Sequence[Mapping[str, Any]]) -> Metric:
    family = GaugeMetricFamily(
        "konversi_alerts_open", "Causes that need a person, by rule and severity.", labels=["rule", "severity"]
    )
    for (rule, severity), number in sorted(Counter((one["rule"], one["severity"]) for one in alerts).items()):
        family.add_metric([rule, severity], number)
    return family
