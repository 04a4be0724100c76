"""What a rule is told beside the event, and the shape all rules share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.sandbox.errors import INVALID, MISSING, Refusal

if TYPE_CHECKING:
    from konversi.sandbox.datasets import Dataset

Event = Mapping[str, Any]

_LONGEST_NUMBER = 20  # characters: what 64 bits can hold


class Scene(NamedTuple):
    """When and where the event arrives."""

    now: float  # Unix seconds
    dataset: Dataset


Rule = Callable[[Event, Scene], Refusal | None]
"""Judges one event. Rules run in the order of `RULES`: each may rely on what the ones before it let through."""


def missing(*path: str) -> Refusal:
    return Refusal(MISSING, path)


def invalid(*path: str) -> Refusal:
    return Refusal(INVALID, path)


def is_whole(value: Any) -> bool:
    """Whether Graph reads it as an integer: a number, or its digits in a string."""
    if isinstance(value, str):
        return value.isascii() and value.removeprefix("-").isdigit() and len(value) <= _LONGEST_NUMBER
    return isinstance(value, int) and not isinstance(value, bool)


def is_word(value: Any) -> bool:
    """Whether Graph reads it as a string: one that isn't blank, or a number."""
    if isinstance(value, str):
        return bool(value.strip())
    return isinstance(value, int | float) and not isinstance(value, bool)
