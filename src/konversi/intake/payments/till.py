"""The use case behind the payment doors: what was paid is kept, each payment once, and becomes a Purchase when due."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from konversi.clock import monotonic
from konversi.errors import IdempotencyConflict, KonversiError
from konversi.events.conversion import Customer
from konversi.events.faults import Refused
from konversi.intake.payments.purchase import purchase
from konversi.intake.receive import Refusal
from konversi.matching.match import match
from konversi.payments.deciding import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.intake.receive import Receiver
    from konversi.payments.deciding import Outcome
    from konversi.payments.notice import Contact, Notice
    from konversi.payments.store import Payments

_LONGEST_WHY = 1_000


class Tally(NamedTuple):
    """What one notification brought."""

    news: int = 0
    known: int = 0


class Till:
    """Takes what providers tell of payments. `country` is the one in which national phones are read."""

    def __init__(
        self, payments: Payments, receiver: Receiver, *, country: str | None, now: Callable[[], float]
    ) -> None:
        self.payments = payments
        self.now = now
        self._receiver = receiver
        self._country = country

    async def take(self, notices: Sequence[Notice]) -> Tally:
        """Keep what was told, and report the Purchases that are due; durable on return.

        Raises `StorageUnavailable`, `Overloaded` or `ShuttingDown`, and then the provider tells it again.
        """
        outcomes = await self.payments.take([self._told(one) for one in notices])
        await self._report([one for one in outcomes if one.to_report])
        news = sum(one.news for one in outcomes)
        return Tally(news, len(outcomes) - news)

    async def catch_up(self, until: float) -> int:
        """Do what was left: look for bookings that came late, make sure that each Purchase is in the outbox.

        Begins nothing after `until` (monotonic seconds). Returns how many Purchases it reported.
        """
        if monotonic() >= until:
            return 0
        left = await self.payments.left()
        await self._report(left)
        return len(left)

    def _told(self, notice: Notice) -> Told:
        return Told(notice, self._hashed(notice.contact))

    def _hashed(self, contact: Contact) -> dict[str, object]:
        """What of whoever paid a match could be made with."""
        given = {"email": contact.email, "phone": contact.phone, "name": contact.name}
        known = {name: value for name, value in given.items() if value}
        if not known:
            return {}
        customer = Customer.model_validate(known)
        return match(customer, country=self._country, seen_ms=int(self.now() * 1_000)).user_data

    async def _report(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        conversions = [purchase(one.payment, one.booking) for one in outcomes]
        answers = await self._receiver.receive_all(conversions)
        for one, answer in zip(outcomes, answers, strict=True):
            if isinstance(answer, Refusal) and not isinstance(answer.error, IdempotencyConflict):
                await self._refused(one, answer.error)

    async def _refused(self, outcome: Outcome, error: KonversiError) -> None:
        """Meta would not take it. A conflict is none: then the Purchase is there already."""
        reasons = [f"{fault.detail} {fault.remedy}" for fault in error.faults] if isinstance(error, Refused) else []
        why = " ".join(["The Purchase could not be sent.", *reasons])[:_LONGEST_WHY]
        await self.payments.refused(outcome.payment, why)
