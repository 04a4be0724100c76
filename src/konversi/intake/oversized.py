"""Numbers that neither a clock nor JSON's other readers can hold. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from konversi.events.faults import Fault
from konversi.matching.keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from konversi.events.conversion import Conversion

_MOST = 2**63
_SENT_AS_NUMBERS = frozenset(key.about for key in KEYS if key.whole)


def oversized(conversion: Conversion) -> list[Fault]:
    """A fault for each number beyond 64 bits."""
    return [
        Fault(field, "too_large", "is a number beyond 64 bits.", "Send a smaller number, or text.")
        for field, value in _leaves("", json.loads(conversion.said()))
        if _number(field, value) >= _MOST
    ]


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _leaves(f"{path}.{index}", inner)
    else:
        yield path, value


def _number(field: str, value: Any) -> int:
    if isinstance(value, int):
        return abs(value)
    is_one = isinstance(value, str) and field in _SENT_AS_NUMBERS and value.strip().isdigit()
    return int(value) if is_one else 0
