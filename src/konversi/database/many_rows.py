"""Statements that take many rows: few large ones instead of many small ones, in a few sizes.

A step of SQLite runs without the interpreter's lock, and getting that back costs more than a row; on PostgreSQL each
statement is a way to the server and back. A driver keeps few prepared statements, so the sizes are few.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from konversi.database.port import Driver

Value = TypeVar("Value")

_SIZES = (1_000, 256, 32, 4, 1)  # rows of a statement
_PLACES = (1, 4, 16, 64, 256, 1_000)  # values of a list


def run(driver: Driver, head: str, row: str, tail: str, values: Sequence[Any]) -> int:
    """Run `head`, rows of `?` and `tail` for the values, row after row. Returns how many rows were changed.

    SQLite's driver does not tell that of statements that begin with WITH.
    """
    width = row.count("?")
    changed = start = 0
    for size in _SIZES:
        while len(values) - start >= size * width:
            end = start + size * width
            changed += driver.execute(_statement(head, row, tail, size), values[start:end]).rowcount
            start = end
    return changed


@lru_cache(maxsize=128)
def _statement(head: str, row: str, tail: str, rows: int) -> str:
    return head + ",".join([row] * rows) + tail


def filled(values: Sequence[Value]) -> Sequence[Value]:
    """The values of a list in which repeats mean nothing, with the last one repeated up to one of few lengths."""
    for places in _PLACES:
        if len(values) <= places:
            return [*values, *[values[-1]] * (places - len(values))] if values else values
    return values


def lists(values: Sequence[Value], at_once: int = _PLACES[-1]) -> Iterator[tuple[str, Sequence[Value]]]:
    """All values for `IN ({})`, so many in each list at most: the `?` and the values of each, `filled`."""
    for start in range(0, len(values), at_once):
        some = filled(values[start : start + at_once])
        yield ",".join("?" * len(some)), some
