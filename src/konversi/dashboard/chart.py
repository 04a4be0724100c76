"""Charts as SVG, drawn here: no script, no style of their own, and a table beside each says the same. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 720, 180
_GAP = 0.3  # of a bar's place
_NICE = (1, 2, 2.5, 5, 10)


class Bar(NamedTuple):
    """A rectangle in the chart's own units."""

    x: float
    y: float
    width: float
    height: float


def ceiling(most: float) -> int:
    """A round number that is not below the largest value."""
    if most <= 5:  # noqa: PLR2004 - few things are counted one by one
        return max(1, int(most))
    size = 10 ** (len(str(int(most))) - 1)
    return int(next(nice * size for nice in _NICE if nice * size >= most))


def bars(values: Sequence[int], top: int) -> list[Bar]:
    """One bar for each value."""
    place = WIDTH / max(1, len(values))
    return [
        Bar(
            round(index * place + place * _GAP / 2, 2),
            round(HEIGHT - HEIGHT * value / top, 2),
            round(place * (1 - _GAP), 2),
            round(HEIGHT * value / top, 2),
        )
        for index, value in enumerate(values)
    ]


def line(values: Sequence[int], top: int) -> str:
    """The points of a line through the middle of each bar."""
    place = WIDTH / max(1, len(values))
    return " ".join(
        f"{index * place + place / 2:.1f},{HEIGHT - HEIGHT * value / top:.1f}" for index, value in enumerate(values)
    )
