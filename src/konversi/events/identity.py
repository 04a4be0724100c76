"""What makes two reports the same conversion: a readable event_id, and a keyed digest of the contents."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.events.conversion import Conversion

_MAX = 200


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
    return hashlib.blake2b(conversion.said(), digest_size=16, key=key).digest()
