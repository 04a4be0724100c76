"""Whether two tables hold the same rows: counts and digests, the same in Python over SQLite and on a PostgreSQL server.

A row is written as bytes: for each column a zero byte where it is NULL, else a one, the length (4 bytes) and the value.
Whole numbers and booleans are 8 bytes, floats IEEE 754, all big-endian; text is UTF-8. The digest of a table is the sum
of its rows' SHA-256, taken as two numbers of 64 bits, so that the order of the rows doesn't matter.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Boolean, Float, Integer, LargeBinary, String

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Column, Table

_SPACE = 1 << 64
_HALVES = struct.Struct(">QQ")
_WHOLE = struct.Struct(">BIq")
_REAL = struct.Struct(">BId")
_LENGTH = struct.Struct(">BI")
_EIGHT = "'\\x0100000008'::bytea"


class Digest(NamedTuple):
    """What a table holds."""

    rows: int
    high: int
    low: int


def digest_of(rows: Iterable[Sequence[Any]], table: Table) -> Digest:
    """Of rows as SQLite's driver gives them, with all columns in the table's order."""
    writers = [_writer(column) for column in table.columns]
    number = high = low = 0
    for row in rows:
        written = b"".join([writer(value) for writer, value in zip(writers, row, strict=True)])
        first, second = _HALVES.unpack_from(sha256(written).digest())
        number, high, low = number + 1, high + first, low + second
    return Digest(number, high % _SPACE, low % _SPACE)


def digest_query(table: Table, condition: str = "true") -> str:
    """SQL for PostgreSQL, with the count and the two halves as its only row."""
    row = " || ".join(_written(column) for column in table.columns)
    return (
        f"SELECT count(*), {_half(1)}, {_half(9)} "  # noqa: S608 - our own tables
        f'FROM (SELECT sha256({row}) AS digest FROM "{table.name}" WHERE {condition}) AS one'
    )


def _half(first: int) -> str:
    """The sum of 8 bytes of each digest, as a number without a sign."""
    signed = f"('x' || encode(substr(digest, {first}, 8), 'hex'))::bit(64)::bigint"
    return f"mod(mod(coalesce(sum({signed}), 0), {_SPACE}) + {_SPACE}, {_SPACE})"


def _writer(column: Column[Any]) -> Callable[[Any], bytes]:
    kind = column.type
    if isinstance(kind, LargeBinary):
        return lambda value: b"\0" if value is None else _LENGTH.pack(1, len(value)) + value
    if isinstance(kind, String):
        return _text
    if isinstance(kind, Float):
        return lambda value: b"\0" if value is None else _REAL.pack(1, 8, value)
    if isinstance(kind, Integer | Boolean):
        return lambda value: b"\0" if value is None else _WHOLE.pack(1, 8, value)
    raise TypeError(f"{column}: nobody has said how {kind} is written.")


def _text(value: str | None) -> bytes:
    if value is None:
        return b"\0"
    written = value.encode()
    return _LENGTH.pack(1, len(written)) + written


def _written(column: Column[Any]) -> str:
    name, kind = f'"{column.name}"', column.type
    if isinstance(kind, LargeBinary):
        value = f"'\\x01'::bytea || int4send(octet_length({name})) || {name}"
    elif isinstance(kind, String):
        value = f"'\\x01'::bytea || int4send(octet_length({name})) || convert_to({name}, 'UTF8')"
    elif isinstance(kind, Float):
        value = f"{_EIGHT} || float8send({name})"
    elif isinstance(kind, Boolean):
        value = f"{_EIGHT} || int8send({name}::int::bigint)"
    elif isinstance(kind, Integer):
        value = f"{_EIGHT} || int8send({name}::bigint)"
    else:
        raise TypeError(f"{column}: nobody has said how {kind} is written.")
    return f"coalesce({value}, '\\x00'::bytea)"
