"""From what a provider calls an order to the booking's id: it is that, or begins with it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CUT = re.compile(r"[-_:/.#|~ ]+")
_SHORTEST = 3  # characters: a shorter beginning says too little
_MOST = 12  # candidates of one notification


def candidates(references: Iterable[str]) -> list[str]:
    """The booking ids that may be meant, the likeliest first: `BK-1001-dp-2` is `BK-1001-dp`'s or `BK-1001`'s."""
    return list(_candidates(tuple(references)))


@lru_cache(maxsize=1_000)  # each is asked for several times while its notification is kept
def _candidates(references: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for reference in references:
        found.setdefault(reference)
        for cut in reversed(list(_CUT.finditer(reference))):
            beginning = reference[: cut.start()]
            if len(beginning) >= _SHORTEST:
                found.setdefault(beginning)
    return tuple(found)[:_MOST]
