"""Which events a page is about, as its address says it."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from konversi.insight.event_search import Wanted
from konversi.outbox.states import State
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.intake.gateway import Gateway

FIELDS = ("state", "dataset", "event", "channel", "reason", "q", "range", "since", "until", "doubt", "slower")
RANGES = {"1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "28d": 28 * 86_400}


class Filter(NamedTuple):
    """What was asked for, and what of it can't be."""

    wanted: Wanted
    misread: tuple[str, ...]  # names of parameters that mean nothing


def filter_of(given: Callable[[str], str | None], gateway: Gateway) -> Filter:
    """The events that these parameters mean."""
    misread = []
    state: State | None = None
    if (text := given("state")) is not None:
        state = State(text) if text in set(State) else None
        if state is None:
            misread.append("state")
    times: dict[str, float | None] = {}
    for name in ("since", "until"):
        times[name], read = seconds_of(given(name))
        if not read:
            misread.append(name)
    if (reach := given("range")) is not None:
        if reach in RANGES:
            times["since"] = gateway.clock.now() - RANGES[reach]
        else:
            misread.append("range")
    slower, read = _length(given("slower"))
    if not read:
        misread.append("slower")
    dataset = given("dataset")
    if dataset is not None and dataset == gateway.settings.pixel_id:
        dataset = DEFAULT_DATASET
    wanted = Wanted(
        state=state,
        dataset=dataset,
        event=given("event"),
        channel=given("channel"),
        reason=given("reason"),
        word=given("q"),
        in_doubt=given("doubt") is not None,
        slower=slower,
        **times,
    )
    return Filter(wanted, tuple(misread))


def _length(text: str | None) -> tuple[float | None, bool]:
    """So many seconds, and whether they are that."""
    try:
        seconds = None if text is None else float(text)
    except ValueError:
        return None, False
    return (None, False) if seconds is not None and not 0 <= seconds < inf else (seconds, True)


def seconds_of(text: str | None) -> tuple[float | None, bool]:
    """Unix seconds of an ISO 8601 moment, in UTC where it names no zone, and whether it is one."""
    if text is None:
        return None, True
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # a `+` that was not escaped
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), True
    except (ValueError, OverflowError):
        return None, False
