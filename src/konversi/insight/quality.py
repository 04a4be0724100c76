"""Which match keys events carry and how late they come, of a period: from the sums by the day."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from konversi.insight.tables import DAY, delays, keysets, waits
from konversi.insight.waits import percentile
from konversi.matching.strength import BY_CLICK, CLICK_IDS, Estimate, estimate, telling_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

SHOWN = ("em", "ph", "fn", "ln", "external_id", "db", "ct", "zp", "country", "fbc", "fbp", "ctwa_clid")
_REST = ("st", "ge", "lead_id", "madid", "client_ip_address", "client_user_agent", *CLICK_IDS[1:])
COVERED = (*SHOWN, *_REST)
_MOST = 20_000  # different sets of keys that a page reads: the most frequent ones
_MOST_GROUPS = 200


class Sums(NamedTuple):
    """What the tables say of a stretch of days."""

    sets: Mapping[tuple[str, str, str], Mapping[tuple[str, ...], int]]  # by dataset, event and channel: keys to events
    late: Mapping[tuple[str, str], Mapping[int, int]]  # by dataset and event: events by bucket
    to_meta: Mapping[int, int]  # events by bucket


def read(since: float, dataset: str | None, connection: Connection) -> Sums:
    """Since the beginning of that day (UTC). Its cost depends on the days and the different sets, not on the events."""
    start = int(since // DAY) * DAY
    of = keysets.c
    mine = [of.start >= start] if dataset is None else [of.start >= start, of.dataset == dataset]
    number = func.sum(of.events)
    asked = select(of.dataset, of.event_name, of.channel, of["keys"], number).where(*mine)
    asked = asked.group_by(of.dataset, of.event_name, of.channel, of["keys"]).order_by(number.desc()).limit(_MOST)
    sets: dict[tuple[str, str, str], dict[tuple[str, ...], int]] = defaultdict(dict)
    for *names, known, events in connection.execute(asked):
        sets[names[0], names[1], names[2]][tuple(known.split(",")) if known else ()] = int(events)
    came = delays.c
    ours = [came.start >= start] if dataset is None else [came.start >= start, came.dataset == dataset]
    waited = select(came.dataset, came.event_name, came.bucket, func.sum(came.events)).where(*ours)
    late: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for one, name, bucket, events in connection.execute(waited.group_by(came.dataset, came.event_name, came.bucket)):
        late[one, name][bucket] += int(events)
    went = waits[DAY].c
    took = select(went.bucket, func.sum(went.events)).where(went.start >= start).group_by(went.bucket)
    return Sums(sets, late, {bucket: int(events) for bucket, events in connection.execute(took)})


def shape(sums: Sums) -> dict[str, Any]:
    """As people and programs read it; the events that there are most of first."""
    groups = sorted(sums.sets.items(), key=lambda group: -sum(group[1].values()))
    arrivals: Counter[int] = Counter()
    for buckets in sums.late.values():
        arrivals.update(buckets)
    return {
        "events": [
            _described(dataset, name, channel, sets, sums.late.get((dataset, name), {}))
            for (dataset, name, channel), sets in groups[:_MOST_GROUPS]
        ],
        "freshness": {"to_konversi": _percentiles(arrivals), "to_meta": _percentiles(sums.to_meta)},
    }


def _described(
    dataset: str, name: str, channel: str, sets: Mapping[tuple[str, ...], int], late: Mapping[int, int]
) -> dict[str, Any]:
    events = sum(sets.values())
    return {
        "dataset": dataset,
        "event": name,
        "channel": channel,
        "events": events,
        "coverage": {key: _share(sets, key, events) for key in COVERED},
        "matched_by": _matched_by(channel),
        **estimated(estimate(sets, channel)),
        "by_click": sum(n for keys, n in sets.items() if not set(CLICK_IDS).isdisjoint(keys)) / events,
        "seconds_to_konversi": _percentiles(late),
    }


def strength_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The estimate of one event, as Meta gets it."""
    channel = event.get("action_source", "")
    return {"matched_by": _matched_by(channel), **estimated(estimate({telling_keys(event["user_data"]): 1}, channel))}


def _matched_by(channel: str) -> str:
    return "click" if channel == BY_CLICK else "identity"


def estimated(found: Estimate) -> dict[str, Any]:
    """An estimate as people and programs read it."""
    advice = found.advice
    return {
        "estimated_match_quality": found.score,
        "most_worth_adding": advice
        and {"what": advice.add.what, "field": advice.add.field, "keys": list(advice.add.keys), "gain": advice.gain},
    }


def _share(sets: Mapping[tuple[str, ...], int], key: str, events: int) -> float:
    return round(sum(number for keys, number in sets.items() if key in keys) / events, 4)


def _percentiles(buckets: Mapping[int, int]) -> dict[str, float | None]:
    return {"p50": percentile(buckets, 0.5), "p95": percentile(buckets, 0.95)}
