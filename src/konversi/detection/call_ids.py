"""By what a tool call is known again: its own id, or else what was said in it."""

from __future__ import annotations

import hashlib
from typing import Any

_SHORTEST = 16  # `call_1` comes again in every chat; the long ids of the model providers never do
_LONGEST = 140  # with an event's name before it, an id has 200 at most


def unique(call_id: str | None) -> str | None:
    """The call's id where no other call can have it, as one printable word; None for one of a chat's own counting."""
    if call_id is None or len(call_id) < _SHORTEST:
        return None
    is_printable = call_id.isascii() and call_id.isprintable() and " " not in call_id
    return call_id if len(call_id) <= _LONGEST and is_printable else digest(call_id)


def digest(*said: Any) -> str:
    """32 hexadecimal digits that stand for all of it: what a bot calls a chat is often the customer's phone number."""
    told = repr(said)
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
