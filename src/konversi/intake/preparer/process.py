"""The preparer's own process: reads messages from its standard input, which is a socket, and answers there.

It keeps nothing, opens nothing, and ends with the process at the other end.
"""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from konversi import collector
from konversi._version import __version__
from konversi.clock import unique
from konversi.events.faults import Refused
from konversi.intake.prepare import Past, Read, Refusal
from konversi.intake.preparer.messages import (
    LENGTH,
    Answer,
    Asked,
    Asking,
    Circumstances,
    Composing,
    Forgotten,
    Reading,
    Started,
    flat,
    packed,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from io import BufferedRWPair

    from konversi.intake.prepare import Preparation

_NOTHING_KNOWN = Past({}, {}, {}, {})


class _Read(NamedTuple):
    """A list between its two steps."""

    conversions: Sequence[Read | Refusal]
    named: bool


class Preparer:
    """The lists under way, and what they are prepared under."""

    def __init__(self) -> None:
        self._preparation: Preparation | None = None
        self._chats_decide = False  # about datasets: then it is asked where an event is already
        self._read: dict[int, _Read] = {}

    def answer(self, message: Any) -> Asking | Answer | None:
        """What there is to say to a message."""
        match message:
            case Circumstances():
                self._preparation = message.preparation(unique)
                self._chats_decide = message.routes.links_accounts
            case Forgotten(number):
                self._read.pop(number, None)
            case Reading(number):
                return _or_nothing(number, lambda: self._asked(message))
            case Composing(number, past):
                return _or_nothing(number, lambda: self._ready(number, past))
        return None

    def _asked(self, list_: Reading) -> Asking | Answer:
        assert self._preparation is not None
        conversions = list_.listing.conversions()
        if any(not isinstance(one, Refused) and one.payment_id is not None for one in conversions):
            return Answer(list_.number, None)  # payments go a way of their own
        read = self._preparation.read
        found = [Refusal(one, None) if isinstance(one, Refused) else read(one, list_.now) for one in conversions]
        wanted = [
            Asked(one.name, one.event_id, one.dataset, one.keys, one.customer)
            for one in found
            if isinstance(one, Read) and (one.keys or one.customer or self._chats_decide)
        ]
        self._read[list_.number] = _Read(found, list_.named)
        return Asking(list_.number, wanted) if wanted else self._ready(list_.number, _NOTHING_KNOWN)

    def _ready(self, number: int, past: Past) -> Answer:
        assert self._preparation is not None
        ready, list_ = self._preparation.ready, self._read.pop(number)
        return Answer(
            number,
            [flat(ready(one, past) if isinstance(one, Read) else one, named=list_.named) for one in list_.conversions],
        )


def _or_nothing(number: int, work: Callable[[], Asking | Answer]) -> Asking | Answer:
    """Nothing where it fails: the gateway does it once more, meets the same fault, and answers for it."""
    try:
        return work()
    except Exception:  # noqa: BLE001 - as said
        return Answer(number, None)


def run(wire: BufferedRWPair) -> None:
    """Answer until the other end is gone."""
    preparer = Preparer()
    while len(head := wire.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        body = wire.read(length)
        if len(body) < length:
            return  # the other end died in the middle of a word
        answer = preparer.answer(unpacked(body))
        if answer is not None:
            wire.write(packed(answer))
            wire.flush()


def main() -> None:
    """Serve the process that started this one."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.SIG_IGN)  # service managers tell everybody; this one ends after the gateway
    collector.settle()
    with socket.socket(fileno=0) as end, end.makefile("rwb") as wire:
        wire.write(packed(Started(__version__)))
        wire.flush()
        try:
            run(wire)
        except (BrokenPipeError, ConnectionResetError):
            return


if __name__ == "__main__":
    main()
