"""A loop of one's own: `Bookings("Lead").read(messages, customer=phone, reply=text)` after each turn.

`messages` is the list that goes to the model, OpenAI-style or Anthropic-style.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from konversi.agents.conversation import Conversation, current
from konversi.agents.observer import Finished, Observer
from konversi.agents.tracker import harmless
from konversi.detection.transcript import Call, calls_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Unpack

    from konversi.agents.options import Options
    from konversi.agents.tracker import Tracker

_MOST_REMEMBERED = 20_000  # calls; an older one that is read again still has the event id that it had


class Bookings:
    """Reports the succeeded bookings that are new in a list of messages, and records all its tool calls.

    Keep one for all chats: it remembers which calls it has told, and reads a growing list as often as you like.
    """

    def __init__(self, event: str = "Lead", **options: Unpack[Options]) -> None:
        self._observer = Observer(event, **options)
        self._via = options.get("via")
        self._told: dict[bytes, None] = {}

    def read(
        self, messages: Any, *, customer: Any = None, conversation: str | None = None, reply: str | None = None
    ) -> None:
        """Tell what is new. `customer`, `conversation` and `reply` are those of `konversi.conversation`."""
        with harmless("transcript_not_read", None):
            chat = _chat(customer, conversation, self._via)
            with _entered(chat):
                for call in self._new(messages, chat):
                    self._observer.saw(call)
                self._answered(messages, chat, reply)

    async def read_async(
        self, messages: Any, *, customer: Any = None, conversation: str | None = None, reply: str | None = None
    ) -> None:
        """`read` without holding up the event loop."""
        with harmless("transcript_not_read", None):
            chat = _chat(customer, conversation, self._via)
            async with _entered(chat):
                for call in self._new(messages, chat):
                    await self._observer.saw_async(call)
                self._answered(messages, chat, reply)

    def _new(self, messages: Any, chat: Conversation) -> Iterator[Finished]:
        times: Counter[bytes] = Counter()
        for call in filter(lambda call: call.answered, calls_in(messages)):
            same = _digest(chat, call.name, call.call_id, call.arguments, call.result)
            times[same] += 1  # a model may well ask the same question twice
            if self._is_new(_digest(same, times[same])):
                yield _finished(call)

    def _answered(self, messages: Any, chat: Conversation, reply: str | None) -> None:
        length = len(messages) if hasattr(messages, "__len__") else 0
        if reply and self._is_new(_digest(chat, "reply", length, reply)):
            chat.reply = reply

    def _is_new(self, digest: bytes) -> bool:
        known = digest in self._told
        self._told.pop(digest, None)
        self._told[digest] = None  # the last one read is the last one forgotten
        while len(self._told) > _MOST_REMEMBERED:
            self._told.pop(next(iter(self._told)), None)
        return not known


def _finished(call: Call) -> Finished:
    return Finished(
        tool=call.name, arguments=call.arguments, result=call.result, call_id=call.call_id,
        error="error" if call.is_error else None,
    )  # fmt: skip


def _chat(customer: Any, conversation: str | None, via: Tracker | None) -> Conversation:
    """The conversation that the caller is in, unless another is named."""
    around = current()
    if around is not None and customer is None and conversation is None:
        return around
    return Conversation(customer, conversation, via)


def _entered(chat: Conversation) -> Conversation | nullcontext[None]:
    return nullcontext() if current() is chat else chat


def _digest(*parts: Any) -> bytes:
    told = repr([part.key if isinstance(part, Conversation) else part for part in parts])
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()
