"""Which conversations a page is about, as its address says it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from konversi.insight.journey_search import Wanted
from konversi.insight.standing import Stage
from konversi.intake.event_filters import seconds_of

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked

FIELDS = ("channel", "ad", "day", "since", "until", "stage", "click", "case", "tool", "error", "q")
CHANNELS = ("whatsapp", "messenger", "instagram")
STAGES = {stage.name.lower(): stage for stage in Stage if stage is not Stage.CHAT}
CLICKS = ("matched", "over", "no_click_id", "no_click")
CASES = ("unfounded", "found_only")
_CHOICES = {"channel": CHANNELS, "stage": tuple(STAGES), "click": CLICKS, "case": CASES}


class Filter(NamedTuple):
    """What was asked for, and what of it can't be."""

    wanted: Wanted
    misread: tuple[str, ...]  # names of parameters that mean nothing


def filter_of(asked: Asked, counted_seconds: float) -> Filter:
    """The conversations that the address means; a click counts for so many seconds."""
    given = {name: asked.query(name) for name in FIELDS}
    misread = [name for name, choices in _CHOICES.items() if given[name] is not None and given[name] not in choices]
    told = {name: value for name, value in given.items() if name not in misread}
    times: dict[str, float | None] = {}
    for name in ("since", "until"):
        times[name], read = seconds_of(told[name])
        misread += [] if read else [name]
    if (day := told["day"]) is not None:
        try:
            begin = datetime.fromisoformat(day).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=asked.zone)
            times = {"since": begin.timestamp(), "until": (begin + timedelta(days=1)).timestamp()}
        except (ValueError, OverflowError):
            misread.append("day")
    wanted = Wanted(
        channel=told.get("channel"),
        ad=told["ad"],
        stage=STAGES.get(told.get("stage") or ""),
        click=told.get("click"),
        counts_after=asked.now - counted_seconds,
        unfounded=told.get("case") == "unfounded",
        found_only=told.get("case") == "found_only",
        tool=told["tool"],
        error=told["error"],
        word=told["q"],
        **times,
    )
    return Filter(wanted, tuple(misread))
