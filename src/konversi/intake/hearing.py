"""From what a parser tells, part by part, to all that a webhook call told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.journeys.arrival import Arrival, Automatic, Heard

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST = 2_000  # of each in one call: Meta puts at most 1,000 updates into one


def heard(told: Iterable[Arrival | Automatic | int]) -> Heard:
    """Everything told, in its order; a number stands for so many parts that are none of ours.

    What comes past `MOST` is counted among those as well, since no platform sends that much.
    """
    arrivals: list[Arrival] = []
    automatic: list[Automatic] = []
    others = 0
    for part in told:
        if isinstance(part, int):
            others += part
        elif isinstance(part, Arrival) and len(arrivals) < MOST:
            arrivals.append(part)
        elif isinstance(part, Automatic) and len(automatic) < MOST:
            automatic.append(part)
        else:
            others += 1
    return Heard(tuple(arrivals), tuple(automatic), others)
