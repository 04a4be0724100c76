"""How long events took to Meta, in buckets that can be summed: each an eighth wider than the one before. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHORTEST = 0.001  # seconds
_WIDER = math.log(1.125)
_LAST = 200  # 0.001 s * 1.125 ** 200 are 197 days


def bucket_of(seconds: float) -> int:
    """The bucket of a time to Meta."""
    if seconds <= _SHORTEST:
        return 0
    return min(_LAST, int(math.log(seconds / _SHORTEST) / _WIDER) + 1)


def longest(bucket: int) -> float:
    """The seconds that a time in this bucket takes at most."""
    return _SHORTEST * math.exp(_WIDER * bucket)


def percentile(buckets: Mapping[int, int], share: float) -> float | None:
    """Seconds within which this share of the events reached Meta, an eighth too long at most; `None` without events."""
    events = sum(buckets.values())
    if events == 0:
        return None
    wanted = math.ceil(events * share)
    for bucket in sorted(buckets):
        wanted -= buckets[bucket]
        if wanted <= 0:
            return longest(bucket)
    return None
