"""How conversions have been reaching Meta: sums of a period, beside the one before it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from konversi.insight.periods import Period, by_step
from konversi.insight.tables import hourly, hourly_waits
from konversi.insight.waits import percentile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection


class Sums(NamedTuple):
    """What the tables say of a period and the one before."""

    hours: Sequence[tuple[int, int, int]]  # hour, accepted, delivered
    parts: Sequence[tuple[tuple[str, str, str], int, int]]  # (dataset, event, channel), accepted, delivered
    waits: Mapping[int, int]  # events by bucket, of the period


def read(period: Period, connection: Connection) -> Sums:
    """Three sums over hours: their cost depends on the length of the period, not on how many events there were."""
    within = hourly.c.hour >= period.start
    totals = (func.sum(hourly.c.accepted), func.sum(hourly.c.delivered))
    hours = connection.execute(
        select(hourly.c.hour, *totals).where(hourly.c.hour >= period.start - period.before).group_by(hourly.c.hour)
    )
    of = (hourly.c.dataset, hourly.c.event_name, hourly.c.channel)
    parts = connection.execute(select(*of, *totals).where(within).group_by(*of))
    waits = connection.execute(
        select(hourly_waits.c.bucket, func.sum(hourly_waits.c.events))
        .where(hourly_waits.c.hour >= period.start)
        .group_by(hourly_waits.c.bucket)
    )
    return Sums(
        [(hour, int(accepted), int(delivered)) for hour, accepted, delivered in hours],
        [((row[0], row[1], row[2]), int(row[3]), int(row[4])) for row in parts],
        {bucket: int(events) for bucket, events in waits},
    )


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
