"""The hours or days of a chart, with where each begins and ends, so that its numbers can be links. Pure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from konversi.insight.describe import moment
from konversi.insight.tables import HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence


def with_ends(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with `since` and `until` in ISO 8601; the last one has no end yet."""
    ends = [*(moment(step["start"]) for step in steps[1:]), None]
    return [{**step, "since": moment(step["start"]), "until": end} for step, end in zip(steps, ends, strict=True)]


def with_befores(steps: Sequence[dict[str, Any]], before: int, end: float) -> list[dict[str, Any]]:
    """Each also with where its counterpart lies, so many seconds before; the last one's goes up to a full hour."""
    starts = [step["start"] - before for step in steps]
    ends = [*starts[1:], ceil((end - before) / HOUR) * HOUR]
    return [
        {**step, "before_since": moment(start), "before_until": moment(until)}
        for step, start, until in zip(with_ends(steps), starts, ends, strict=True)
    ]
