"""`konversi hash`: what becomes of one value."""

from __future__ import annotations

import sys
from typing import Any

import orjson

from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import fields, words
from konversi.matching.explain import explain


def one(field: str, value: str, country: str, *, as_json: bool) -> int:
    """Explain one value; exit status 1 where nothing of it is sent."""
    explained = explain(field, value, country)
    found = {"field": field, "normalized": explained.normalized, "sha256": explained.sha256, "note": explained.note}
    if as_json:
        print_json({**found, "steps": list(explained.steps)})
    else:
        for number, step in enumerate(explained.steps, 1):
            words(f"{number}. {step}")
        fields(found)
    return 0 if explained.normalized is not None else 1


def lines(country: str) -> int:
    """JSON lines in, JSON lines out: one answer for each line, whatever it holds."""
    for line in sys.stdin.buffer:
        if line.strip():
            sys.stdout.buffer.write(orjson.dumps(_answer(line, country)) + b"\n")
            sys.stdout.buffer.flush()
    return 0


def _answer(line: bytes, country: str) -> dict[str, Any]:
    try:
        asked = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _nothing('The line is not JSON: send {"field": "phone", "input": "0812...", "country": "ID"}.')
    if not isinstance(asked, dict) or not isinstance(asked.get("field"), str):
        return _nothing('`field` is missing: send {"field": "phone", "input": "0812...", "country": "ID"}.')
    value = asked.get("input")
    if not isinstance(value, str | int) or isinstance(value, bool):
        return _nothing("`input` must be text.")
    where = asked.get("country", country)
    explained = explain(asked["field"], str(value), where if isinstance(where, str) else None)
    return {"normalized": explained.normalized, "sha256": explained.sha256, "note": explained.note}


def _nothing(note: str) -> dict[str, Any]:
    return {"normalized": None, "sha256": None, "note": note}
