"""Reading `booking_id`, `booking.id` or `items.0.price` out of a result, through what frameworks wrap around it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

from konversi.detection.plain import entries, fields, fold

Layers: TypeAlias = tuple[dict[str, Any], ...]
"""The folded fields of a result, outermost first, then those of what it wraps."""

RECORDS = frozenset(map(fold, ("booking", "reservation", "appointment", "order")))
WRAPPERS = RECORDS | frozenset(
    map(
        fold,
        (
            "data", "result", "output", "structuredContent", "content", "artifact", "response", "payload", "value",
            "root", "body", "text", "json",
        ),
    )
)  # fmt: skip
_DEEPEST = 6
_WIDEST = 20
_MOST_LAYERS = 60


def layers_of(value: Any) -> Layers:
    """The result's fields and those of what it wraps; empty where there are none."""
    found: list[dict[str, Any]] = []
    _collect(value, _DEEPEST, found)
    return tuple(found)


def _collect(value: Any, depth: int, found: list[dict[str, Any]]) -> None:
    if depth == 0 or len(found) >= _MOST_LAYERS:
        return
    several = entries(value)
    if several is not None:
        for entry in several[:_WIDEST]:
            _collect(entry, depth - 1, found)
        return
    own = fields(value)
    if own is None:
        return
    found.append(own)
    for key, inner in own.items():
        if key in WRAPPERS:
            _collect(inner, depth - 1, found)


def read(layers: Layers, path: str) -> Any | None:
    """What stands at the path in the outermost layer that has it; None where nothing does. Empty text is nothing."""
    first, rest = _steps(path)
    for layer in layers:
        value = layer.get(first)
        for step in rest:
            if value is None:
                break
            value = _step(value, step)
        if value is not None and value != "":
            return value
    return None


def first_step(path: str) -> str:
    """The folded field that a layer has to have, so that there can be something at the path."""
    return _steps(path)[0]


@lru_cache(maxsize=1_024)
def _steps(path: str) -> tuple[str, tuple[str, ...]]:
    first, *rest = path.split(".")
    return fold(first), tuple(rest)


def _step(value: Any, step: str) -> Any | None:
    several = entries(value)
    if several is not None:
        is_index = step.isascii() and step.isdigit() and len(step) < 6  # noqa: PLR2004 - no list is read that far
        return several[int(step)] if is_index and int(step) < len(several) else None
    own = fields(value)
    return own.get(fold(step)) if own is not None else None
