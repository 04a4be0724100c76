"""The preparer's own process: what it is told comes over its standard input, which is a socket, and is answered there.

It keeps nothing, opens nothing, and ends with the process at the other end.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from konversi import collector
from konversi._version import __version__
from konversi.clock import unique
from konversi.events.faults import Refused
from konversi.intake.hot_paths import WEBHOOK_PATHS
from konversi.intake.payments import stripe
from konversi.intake.payments.doors import understood
from konversi.intake.prepare import Past, Read, Refusal
from konversi.intake.preparer.calls import PROVIDERS_AT
from konversi.intake.preparer.messages import (
    Asked,
    Asking,
    Circumstances,
    Composing,
    Finish,
    Forgotten,
    Kept,
    Prepared,
    Reading,
    Replied,
    Started,
    Trusted,
    flat,
)
from konversi.intake.preparer.side_door import SideDoor
from konversi.intake.preparer.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.intake import webhooks
    from konversi.intake.prepare import Preparation
    from konversi.payments.deciding import Told

_STRIPES = WEBHOOK_PATHS + stripe.NAME
_NOTHING_KNOWN = Past({}, {}, {}, {})

Step = TypeVar("Step", bound=Asking | Prepared)


class Preparer:
    """The lists under way, and what they are prepared under."""

    def __init__(self) -> None:
        self.circumstances = 0  # that it was told of
        self._preparation: Preparation | None = None
        self._named = False
        self._chats_decide = False  # about datasets: then it is asked where an event is already
        self._read: dict[int, Sequence[Read | Refusal]] = {}
        self._trusted = Trusted({})

    def answer(self, message: Any) -> Asking | Prepared | Started | None:
        """What there is to say to a message."""
        match message:
            case Circumstances():
                self.circumstances += 1
                self._preparation = message.preparation(unique)
                self._named = message.named
                self._chats_decide = message.routes.links_accounts
            case Trusted(terms):
                self._trusted = message
                if _STRIPES in terms:
                    stripe.installed()  # which loads it, for half a second: now, while no caller waits
                return Started(__version__)
            case Forgotten(number):
                self._read.pop(number, None)
            case Reading():
                return self.first_of(message)
            case Composing():
                return self.second_of(message)
        return None

    def first_of(self, list_: Reading) -> Asking | Prepared:
        """The first step of a list; the second one as well where it wants to know nothing."""
        return _or_nothing(list_.number, lambda: self._asked(list_))

    def second_of(self, list_: Composing) -> Prepared:
        """The second step."""
        return _or_nothing(list_.number, lambda: self._ready(*list_))

    def notices(self, asked: webhooks.Asked, now: float) -> Sequence[Told] | None:
        """What a payment provider's call tells; nothing where the gateway has words for it."""
        terms = self._trusted.terms.get(asked.path)
        if terms is None:
            return None
        with suppress(Exception):  # the gateway meets the same fault, and answers for it
            return understood(PROVIDERS_AT[asked.path], terms, asked, now)
        return None

    def _asked(self, list_: Reading) -> Asking | Prepared:
        assert self._preparation is not None
        conversions = list_.listing.conversions()
        if any(not isinstance(one, Refused) and one.payment_id is not None for one in conversions):
            return Prepared(list_.number, None)  # payments go a way of their own
        read = self._preparation.read
        found = [Refusal(one, None) if isinstance(one, Refused) else read(one, list_.now) for one in conversions]
        wanted = [
            Asked(one.name, one.event_id, one.dataset, one.keys, one.customer)
            for one in found
            if isinstance(one, Read) and (one.keys or one.customer or self._chats_decide)
        ]
        self._read[list_.number] = found
        return Asking(list_.number, wanted) if wanted else self._ready(list_.number, _NOTHING_KNOWN)

    def _ready(self, number: int, past: Past) -> Prepared:
        assert self._preparation is not None
        ready, read, named = self._preparation.ready, self._read.pop(number), self._named
        return Prepared(number, [flat(ready(one, past) if isinstance(one, Read) else one, named=named) for one in read])


def _or_nothing(number: int, work: Callable[[], Step]) -> Step | Prepared:
    """Nothing where it fails: the gateway does it once more, meets the same fault, and answers for it."""
    try:
        return work()
    except Exception:  # noqa: BLE001 - as said
        return Prepared(number, None)


class _Process:
    """Both ends that the process has, until the gateway's are gone."""

    def __init__(self) -> None:
        self._gone = asyncio.Event()
        self._preparer = Preparer()
        self._wire = Wire(self._heard, self._gone.set)

    async def run(self, wire: socket.socket, hands: socket.socket) -> None:
        """Answer until the other end is gone."""
        await asyncio.get_running_loop().connect_accepted_socket(lambda: self._wire, wire)
        self._door = SideDoor(self._preparer, self._wire, hands)
        await self._gone.wait()

    def _heard(self, message: Any) -> None:
        match message:
            case Kept():
                self._door.kept(message)
            case Replied():
                self._door.replied(message)
            case Finish():
                self._door.finish()
            case Composing(number) if number < 0:
                self._door.composed(message)
            case _:
                answer = self._preparer.answer(message)
                if answer is not None:
                    self._wire.tell(answer)


async def _run(hands: int) -> None:
    with socket.socket(fileno=0) as wire, socket.socket(fileno=hands) as end:
        await _Process().run(wire, end)


def main() -> None:
    """Serve the process that started this one, which says where it hands over connections."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.SIG_IGN)  # service managers tell everybody; this one ends after the gateway
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every system

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    collector.settle()
    asyncio.run(_run(int(sys.argv[1])))


if __name__ == "__main__":
    main()
