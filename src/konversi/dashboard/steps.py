"""The hours or days of a chart, with where each begins and ends, so that its numbers can be links. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.insight.describe import moment

if TYPE_CHECKING:
    from collections.abc import Sequence


def with_ends(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each with `since` and `until` in ISO 8601; the last one has no end yet."""
    ends = [*(moment(step["start"]) for step in steps[1:]), None]
    return [{**step, "since": moment(step["start"]), "until": end} for step, end in zip(steps, ends, strict=True)]
