"""Busy callers, whose connections the preparer has: handing them over, letting their calls in, answering them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.errors import KonversiError
from konversi.intake.answer import ACCEPTED
from konversi.intake.hot_paths import EVENTS_PATH, post_to
from konversi.intake.http.bodies import at_hand
from konversi.intake.http.problems import refusal, unforeseen
from konversi.intake.preparer.line import GoneError
from konversi.intake.preparer.messages import Asking, Composing, Kept, Prepared, Replied, raised
from konversi.intake.receive import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from konversi.intake.http.hot import FrontDoor
    from konversi.intake.preparer.beside import Beside
    from konversi.intake.preparer.handing import Handed
    from konversi.intake.preparer.line import Line
    from konversi.intake.preparer.messages import Arrived, Called, Who
    from konversi.intake.receive import Receiver, Refusal

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

    async def keep(self, arrived: Arrived, line: Line) -> Kept:
        """Accept events that came together. What can't be told of all is left to each by itself.

        Raises `GoneError` where they are the preparer's no more.
        """
        self._front.under_way += arrived.events
        try:
            outcomes = await self._kept(arrived, line) if self._lets_in(arrived) else None
        except GoneError:
            raise
        except KonversiError as error:
            answer = refusal(error)
            self._note(answer.status, arrived.events)
            return Kept(arrived.number, None, answer)
        except Exception as error:  # noqa: BLE001 - reported, and each caller gets an answer
            unforeseen(error)
            outcomes = None
        finally:
            self._front.under_way -= arrived.events
        if outcomes is None:
            return Kept(arrived.number, None)
        receipts = [one if isinstance(one, Receipt) else None for one in outcomes]
        self._note(ACCEPTED, len(receipts) - receipts.count(None))
        self._beside.lists += 1
        return Kept(arrived.number, receipts)

    def _lets_in(self, arrived: Arrived) -> bool:
        try:
            for who in arrived.callers:
                self._front.admit(_asked(who), dict(who.headers))
        except KonversiError:
            return False  # for one of them
        return True

    def _note(self, status: int, times: int) -> None:
        self._front.gateway().answered.note(EVENTS_PATH, status, times)

    async def _kept(self, arrived: Arrived, line: Line) -> list[Receipt | Refusal] | None:
        under = self._receiver.circumstances()
        if not line.tell_of(under) or line.told != arrived.circumstances:
            return None  # things have changed since it was read
        answer = arrived.first
        if isinstance(answer, Asking):
            answer = await line.answer_to(Composing(arrived.number, await self._receiver.past(answer.wanted)))
        assert isinstance(answer, Prepared)
        return None if answer.events is None else await self._receiver.keep(list(map(raised, answer.events)), under)

    async def reply(self, called: Called) -> Replied:
        """Answer a call."""
        headers = dict(called.who.headers)
        answer = await self._front.reply(_asked(called.who), headers, at_hand(called.body))
        return Replied(called.number, answer)


def _asked(who: Who) -> Scope:
    return post_to(EVENTS_PATH, (who.address, 0))
