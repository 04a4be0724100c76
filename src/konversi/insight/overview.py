"""How conversions have been reaching Meta: sums of a period, beside the one before it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from konversi.insight.periods import Period, by_step, stretches
from konversi.insight.tables import DAY, hourly_totals, parts, waits
from konversi.insight.waits import percentile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection


class Sums(NamedTuple):
    """What the tables say of a period and the one before."""

    hours: Sequence[tuple[int, int, int]]  # hour, accepted, delivered
    parts: Sequence[tuple[tuple[str, str, str], int, int]]  # (dataset, event, channel), accepted, delivered
    waits: Mapping[int, int]  # events by bucket, of the period


def read(period: Period, connection: Connection) -> Sums:
    """Their cost depends on the length of the period, hardly on how many events there were."""
    totals = select(*hourly_totals.c).where(hourly_totals.c.start >= period.start - period.before)
    told: Counter[tuple[str, str, str]] = Counter()
    went: Counter[tuple[str, str, str]] = Counter()
    buckets: Counter[int] = Counter()
    for every, since, until in stretches(period):
        of = parts[every].c
        sums = select(of.dataset, of.event_name, of.channel, func.sum(of.accepted), func.sum(of.delivered))
        for *names, came, delivered in connection.execute(
            sums.where(*_between(of.start, since, until)).group_by(of.dataset, of.event_name, of.channel)
        ):
            told[names[0], names[1], names[2]] += int(came)
            went[names[0], names[1], names[2]] += int(delivered)
        of = waits[every].c
        taken = select(of.bucket, func.sum(of.events)).where(*_between(of.start, since, until)).group_by(of.bucket)
        for bucket, events in connection.execute(taken):
            buckets[bucket] += int(events)
    return Sums(
        [(start, accepted, delivered) for start, accepted, delivered in connection.execute(totals)],
        [(names, number, went[names]) for names, number in told.items()],
        buckets,
    )


def all_waits(connection: Connection) -> dict[int, int]:
    """How long events took to Meta since the first one, by bucket."""
    of = waits[DAY].c
    asked = select(of.bucket, func.sum(of.events)).group_by(of.bucket)
    return {bucket: int(number) for bucket, number in connection.execute(asked)}


def _between(start: ColumnElement[int], since: int, until: int | None) -> list[ColumnElement[bool]]:
    return [start >= since] if until is None else [start >= since, start < until]


def shape(sums: Sums, period: Period) -> dict[str, Any]:
    """The sums as people and programs read them. The period before ends as many seconds ago as this one is long."""
    hours = [row for row in sums.hours if row[0] >= period.start]
    before = [row for row in sums.hours if row[0] < period.end - period.before]
    return {
        "accepted": sum(row[1] for row in hours),
        "delivered": sum(row[2] for row in hours),
        "accepted_before": sum(row[1] for row in before),
        "delivered_before": sum(row[2] for row in before),
        "seconds_to_meta": {"p50": percentile(sums.waits, 0.5), "p95": percentile(sums.waits, 0.95)},
        "steps": [
            {"start": start, "accepted": accepted, "delivered": delivered, "delivered_before": earlier}
            for start, accepted, delivered, earlier in zip(
                period.steps,
                by_step(((hour, accepted) for hour, accepted, _ in hours), period.steps),
                by_step(((hour, delivered) for hour, _, delivered in hours), period.steps),
                by_step(((hour, delivered) for hour, _, delivered in before), period.steps, period.before),
                strict=True,
            )
        ],
        **{name: _by(sums, place) for place, name in ((1, "events"), (2, "channels"), (0, "datasets"))},
    }


def _by(sums: Sums, place: int) -> list[dict[str, Any]]:
    accepted: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    for names, came, went in sums.parts:
        accepted[names[place]] += came
        delivered[names[place]] += went
    return [{"name": name, "accepted": number, "delivered": delivered[name]} for name, number in accepted.most_common()]
