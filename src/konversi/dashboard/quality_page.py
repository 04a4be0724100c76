"""Which match keys events carry, how good they probably are, what Meta says of it, and how fresh events are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.dashboard.events_page import known_datasets
from konversi.dashboard.page import Page
from konversi.insight.describe import moment, summary
from konversi.insight.periods import PERIODS
from konversi.insight.quality import SHOWN

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.insight.meta_scores import Known

_USUAL = "7d"
_DAY = 86_400


async def show(asked: Asked) -> Page:
    """The events of a period, by name and channel."""
    gateway = asked.gateway
    named = asked.query("period")
    period = named if named in PERIODS else _USUAL
    dataset = asked.query("dataset")
    since = asked.now - (PERIODS[period] - 1) * _DAY  # whole days of UTC, of which today is one
    found = await gateway.insight.quality(since, dataset)
    counts = await gateway.outbox.counts()
    known = await known_datasets(asked)
    wanted = [one for one in known if dataset in (None, one["name"])]
    return Page(
        "quality.html",
        "Quality",
        {
            "period": period,
            "dataset": dataset,
            "datasets": [one["name"] for one in known],
            **found,
            "keys": list(SHOWN),
            "meta": [_told(one, gateway.meta_scores.of(one["name"])) for one in wanted],
            "now": summary(counts, asked.now),
        },
    )


def _told(dataset: dict[str, str], known: Known | None) -> dict[str, Any]:
    """What Meta says of a dataset, or why it says nothing."""
    if known is None:
        return {"dataset": dataset["name"], "title": dataset["title"], "state": "not_asked_yet", "asked_at": None}
    answered = known.answered
    state = "granted" if answered.events is not None else "away" if answered.granted else "not_granted"
    return {
        "dataset": dataset["name"],
        "title": dataset["title"],
        "state": state,
        "asked_at": moment(known.asked_at),
        "reason": answered.verdict.reason or None,
        "events": [one._asdict() for one in answered.events or ()],
    }
