"""Data to standard output, words to standard error."""

from __future__ import annotations

import sys
from typing import Any

import orjson


def words(text: str) -> None:
    """Say something to the person."""
    print(text, file=sys.stderr)


def as_json(value: Any) -> None:
    """Print data for programs."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")


def fields(values: dict[str, Any], indent: str = "") -> None:
    """Print data for people: a name and a value a line, empty ones left out."""
    shown = {name: value for name, value in values.items() if value not in (None, "", [], {})}
    width = max((len(name) for name in shown), default=0)
    for name, value in shown.items():
        print(f"{indent}{name:<{width}}  {value}")


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Print rows for people."""
    cells = [[str(row.get(column) if row.get(column) is not None else "") for column in columns] for row in rows]
    lines = [list(columns), *cells]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
