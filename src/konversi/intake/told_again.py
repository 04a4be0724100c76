"""Which calls of a turn were told in an earlier one: many bots send the whole chat with every turn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from konversi.detection.call_ids import digest, unique

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.detection.bookings import ToolCall

_LONGEST = 200


def names_of(calls: Sequence[ToolCall], *, conversation: str | None, turn: str | None) -> list[str | None]:
    """What each call is known by when it is told again; None where nothing tells it from another one.

    A short id says little: some bots count on through the chat, others begin again at `call_1` in every turn. So such a
    call is known by all that was said in it, within its conversation, and by how many such calls stand before it.
    Where its place in the turn is all there is, that is its name.
    """
    times: Counter[str] = Counter()
    names: list[str | None] = []
    for place, call in enumerate(calls):
        name = unique(call.call_id)
        if name is None and (said := said_in(call, conversation)) is not None:
            times[said] += 1
            name = said if times[said] == 1 else digest(said, times[said])
        if name is None and turn is not None:
            name = f"{turn}:{place}"[:_LONGEST]
        names.append(name)
    return names


def said_in(call: ToolCall, conversation: str | None) -> str | None:
    """What was asked and answered, as a digest; None for a tool of which only the name and the answer were told."""
    if conversation is None or (call.call_id is None and call.arguments is None):
        return None
    return digest(conversation, call.name, call.call_id, call.arguments, call.result)
