"""Busy callers, whose connections the preparer has: handing them over, letting their calls in, answering them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from konversi.errors import KonversiError, WebhookNotSetUp
from konversi.intake.answer import OK
from konversi.intake.hot_paths import EVENTS_PATH, WEBHOOK_PATHS, post_to
from konversi.intake.http.bodies import at_hand
from konversi.intake.http.problems import refusal, unforeseen
from konversi.intake.payments.doors import count, terms_of
from konversi.intake.preparer.calls import PROVIDERS_AT
from konversi.intake.preparer.line import GoneError
from konversi.intake.preparer.messages import Asking, Composing, Kept, Prepared, Replied, Trusted, raised
from konversi.intake.receipts import Receipt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.types import Scope

    from konversi.intake.http.hot import FrontDoor
    from konversi.intake.payments.doors import Terms
    from konversi.intake.preparer.beside import Beside
    from konversi.intake.preparer.handing import Handed
    from konversi.intake.preparer.line import Line
    from konversi.intake.preparer.messages import Arrived, Called, Notified, Who
    from konversi.intake.receipts import Tally
    from konversi.intake.receive import Receiver

_BUSY = 6  # calls of hot doors under way


class BesideDoors:
    """As `preparer.line.Doors`. `back` takes a connection with what was read of it."""

    def __init__(self, front: FrontDoor, receiver: Receiver, beside: Beside, back: Callable[[Handed], None]) -> None:
        self._front = front
        self._receiver = receiver
        self._beside = beside
        self.back = back

    def hand_over(self, descriptor: int, said: bytes) -> bool:
        """Hand over the connection of who calls while many do; false where it stays here."""
        busy = self._front.under_way >= _BUSY
        return busy and self._beside.give(descriptor, said, self._receiver.circumstances())

    @property
    def trusted(self) -> Trusted:
        """The payment providers that are set up."""
        settings = self._front.gateway().settings
        terms: dict[str, Terms] = {}
        for path, provider in PROVIDERS_AT.items():
            with suppress(WebhookNotSetUp):
                terms[path] = terms_of(settings, provider)
        return Trusted(terms)

    async def keep(self, arrived: Arrived, line: Line) -> Kept:
        """Accept events that came together. What can't be told of all is left to each by itself.

        Raises `GoneError` where they are the preparer's no more.
        """
        return await self._answered(arrived, EVENTS_PATH, arrived.events, lambda: self._kept(arrived, line))

    async def take(self, notified: Notified) -> Kept:
        """Take what payment providers told together, as `keep`."""
        return await self._answered(notified, notified.path, len(notified.notices), lambda: self._taken(notified))

    async def _answered(
        self,
        list_: Arrived | Notified,
        path: str,
        calls: int,
        work: Callable[[], Awaitable[Sequence[Receipt | Tally | None] | None]],
    ) -> Kept:
        """What became of a list's calls, by work that is done where all of them are let in."""
        self._front.under_way += calls
        try:
            each = await work() if self._lets_in(path, list_.callers) else None
        except GoneError:
            raise
        except KonversiError as error:
            answer = refusal(error)
            self._note(path, answer.status, calls)
            return Kept(list_.number, None, answer)
        except Exception as error:  # noqa: BLE001 - reported, and each caller gets an answer
            unforeseen(error)
            each = None
        finally:
            self._front.under_way -= calls
        if each is not None:
            self._note(path, OK, len(each) - each.count(None))
            self._beside.lists += 1
        return Kept(list_.number, each)

    def _lets_in(self, path: str, callers: Sequence[Who]) -> bool:
        try:
            for who in callers:
                self._front.admit(_asked(path, who), dict(who.headers))
        except KonversiError:
            return False  # for one of them
        return True

    def _note(self, path: str, status: int, times: int) -> None:
        self._front.gateway().answered.note(path, status, times)

    async def _taken(self, notified: Notified) -> list[Tally]:
        gateway, name = self._front.gateway(), notified.path.removeprefix(WEBHOOK_PATHS)
        try:
            tallies = await gateway.till.take_each(notified.notices)
        except KonversiError as error:
            gateway.refused_calls.note(name, error.code, len(notified.notices))
            raise
        count(gateway.told_payments, name, tallies)
        gateway.webhooks_heard[name] = gateway.clock.now()
        return tallies

    async def _kept(self, arrived: Arrived, line: Line) -> list[Receipt | None] | None:
        under = self._receiver.circumstances()
        if not line.tell_of(under) or line.told != arrived.circumstances:
            return None  # things have changed since it was read
        answer = arrived.first
        if isinstance(answer, Asking):
            answer = await line.answer_to(Composing(arrived.number, await self._receiver.past(answer.wanted)))
        assert isinstance(answer, Prepared)
        if answer.events is None:
            return None
        outcomes = await self._receiver.keep(list(map(raised, answer.events)), under)
        return None if outcomes is None else [one if isinstance(one, Receipt) else None for one in outcomes]

    async def reply(self, called: Called) -> Replied:
        """Answer a call."""
        headers = dict(called.who.headers)
        answer = await self._front.reply(_asked(called.path, called.who), headers, at_hand(called.body))
        return Replied(called.number, answer)


def _asked(path: str, who: Who) -> Scope:
    return post_to(path, (who.address, 0))
