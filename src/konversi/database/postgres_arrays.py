"""Columns of values for PostgreSQL in its own binary form: psycopg takes a list apart ten times as slowly.

As the server's `array_recv` reads them (PostgreSQL, src/backend/utils/adt/arrayfuncs.c): dimensions, whether there are
nulls, the elements' type, their number, the first index; then of each element its length and its bytes.
"""

from __future__ import annotations

from itertools import chain
from struct import Struct, pack
from typing import TYPE_CHECKING, ClassVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BYTEA, _INT8, _TEXT = 17, 20, 25  # as pg_type has them
_NULL = pack("!i", -1)
_length = Struct("!i").pack
_long = Struct("!iq").pack
_LONG_BYTES = 8


class Blobs(bytes):
    """A `bytea[]`."""

    array: ClassVar[int] = 1001


class Longs(bytes):
    """A `bigint[]`."""

    array: ClassVar[int] = 1016


class Texts(bytes):
    """A `text[]`."""

    array: ClassVar[int] = 1009


def blobs(values: Sequence[bytes]) -> Blobs:
    """Byte strings."""
    return Blobs(_array(_BYTEA, len(values), chain.from_iterable((_length(len(one)), one) for one in values)))


def longs(values: Sequence[int | None]) -> Longs:
    """Integers of 64 bits."""
    return Longs(_array(_INT8, len(values), (_NULL if one is None else _long(_LONG_BYTES, one) for one in values)))


def texts(values: Iterable[str | None]) -> Texts:
    """Texts."""
    return encoded([None if one is None else one.encode() for one in values])


def encoded(values: Sequence[bytes | None]) -> Texts:
    """Texts that are UTF-8 already."""
    parts = ((_NULL,) if one is None else (_length(len(one)), one) for one in values)
    return Texts(_array(_TEXT, len(values), chain.from_iterable(parts)))


def _array(element: int, number: int, parts: Iterable[bytes]) -> bytes:
    return b"".join((pack("!iiIii", 1, 1, element, number, 1), *parts))  # it may have nulls


class _AsItIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


for _kind in (Blobs, Longs, Texts):
    psycopg.adapters.register_dumper(_kind, type(f"_{_kind.__name__}Dumper", (_AsItIs,), {"oid": _kind.array}))
