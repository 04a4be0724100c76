"""What makes two reports the same conversion: a readable event_id, and a keyed digest of the contents."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from konversi.events.conversion import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX = 200
_to_json = Conversion.__pydantic_serializer__.to_json


def event_id(name: str, conversion: Conversion, unique: Callable[[], str]) -> str:
    """The caller's own id, else `Lead:BK-1001` (repeats of one booking collapse), else one that never comes twice."""
    if conversion.event_id:
        return conversion.event_id
    if conversion.booking_id:
        readable = f"{name}:{conversion.booking_id}"
        return readable if len(readable) <= _MAX else f"{name}:{hashlib.sha256(readable.encode()).hexdigest()}"
    return f"{name}:{unique()}"


def digest(conversion: Conversion, key: bytes) -> bytes:
    """16 bytes that tell whether two reports say the same, keyed so that they can't be searched for a phone number."""
    said = _to_json(conversion, exclude_none=True)
    return hashlib.blake2b(said, digest_size=16, key=key).digest()
