"""Whatever a tool gave back, opened: JSON text, Python text, models, dataclasses, rows and plain objects have fields.

Opening is lazy and one level deep, so that a cycle or a large result costs nothing. Keys are folded: `bookingId`,
`booking_id` and `Booking-ID` are one field.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import inspect
import ipaddress
import json
import pathlib
import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

_LONGEST_TEXT = 1_000_000  # characters; a booking's answer is some hundred
_LONGEST_LITERAL = 50_000  # Python's own parser is slower, and its depth is not ours to limit
_ENCODED_AT_MOST = 3
_LEAVES = (
    str, bytes, bytearray, memoryview, int, float, complex, decimal.Decimal, fractions.Fraction, enum.Enum, uuid.UUID,
    dt.date, dt.time, dt.timedelta, dt.tzinfo, pathlib.PurePath, range, slice, type, type(None),
    ipaddress.IPv4Address, ipaddress.IPv6Address, BaseException,
)  # fmt: skip


@lru_cache(maxsize=4_096)
def fold(key: str) -> str:
    """The key without case, underscores, hyphens and spaces."""
    return "".join(character for character in key[:80].casefold() if character.isalnum())


def decoded(value: Any) -> Any:
    """The object or list that a text holds, also when it was encoded twice; anything else as it is."""
    inner = value
    for _ in range(_ENCODED_AT_MOST):
        if not isinstance(inner, str):
            break
        inner = _parsed(inner)
    return inner if isinstance(inner, Mapping | list | tuple) else value


def _parsed(text: str) -> Any:
    start = text[:100].lstrip()[:1]
    if not start or start not in '{["(' or len(text) > _LONGEST_TEXT:
        return None
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    return _python_literal(text) if start != '"' else None


def _python_literal(text: str) -> Any:
    """What `str()` made of a dict: the OpenAI Agents SDK, CrewAI and others put that into their message lists."""
    if len(text) > _LONGEST_LITERAL:
        return None
    with contextlib.suppress(ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ast.literal_eval(text.strip())
    return None


def fields(value: Any) -> dict[str, Any] | None:
    """The folded fields of anything that has some; None for text that is no JSON object, numbers, lists and code."""
    if type(value) is dict:  # as most are: to find out about the others costs as much as all the rest
        return _folded(list(value.items()))  # at once: it is the bot's, and another thread of it may write to it
    value = decoded(value)
    if isinstance(value, Mapping):
        return _folded(_mapping_items(value))
    if isinstance(value, (*_LEAVES, list, set, frozenset)) or inspect.isroutine(value) or inspect.ismodule(value):
        return None
    if inspect.isawaitable(value) or inspect.isgenerator(value) or inspect.isasyncgen(value):
        return None
    names = _field_names(value)
    if names is None:
        return None
    return _folded(_attributes(value, names))


def entries(value: Any) -> tuple[Any, ...] | None:
    """The entries of a list or tuple, or of a text that holds one; None for anything else."""
    if type(value) is dict:
        return None
    value = decoded(value)
    return tuple(value) if isinstance(value, list | tuple) and not hasattr(value, "_fields") else None


def _folded(items: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    folded: dict[str, Any] = {}
    for key, value in items:
        if isinstance(key, str):
            folded.setdefault(fold(key), value)
    return folded


def _mapping_items(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    with contextlib.suppress(Exception):  # a stranger's mapping may be a closed database row: then it has no fields
        return list(mapping.items())
    return []


def _field_names(value: Any) -> Iterable[str] | None:
    kind = type(value)
    declared = getattr(kind, "model_fields", None) or getattr(kind, "__struct_fields__", None)
    if declared is None and dataclasses.is_dataclass(kind):
        declared = [field.name for field in dataclasses.fields(kind)]
    if declared is None:
        declared = getattr(kind, "_fields", None) or [
            attribute.name for attribute in getattr(kind, "__attrs_attrs__", ()) if hasattr(attribute, "name")
        ]
    names = [name for name in declared if isinstance(name, str)] if isinstance(declared, Iterable) else []
    computed = getattr(kind, "model_computed_fields", None)
    names += computed if isinstance(computed, Mapping) else ()
    own = getattr(value, "__dict__", None)
    extra = getattr(value, "__pydantic_extra__", None)
    for more in (own, extra):
        names += [name for name in more if isinstance(name, str)] if isinstance(more, Mapping) else ()
    return dict.fromkeys(name for name in names if not name.startswith("_")) if names or own is not None else None


def _attributes(value: Any, names: Iterable[str]) -> list[tuple[str, Any]]:
    found = []
    for name in names:
        with contextlib.suppress(Exception):  # a property of a stranger's object may raise anything: then it is absent
            found.append((name, getattr(value, name)))
    return found
