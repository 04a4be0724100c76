"""The use case behind the payment doors: what was paid is kept, each payment once, and becomes a Purchase when due."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from konversi.clock import monotonic
from konversi.errors import IdempotencyConflict
from konversi.events.faults import Fault, Note, Refused
from konversi.events.money import currency_code
from konversi.events.names import PURCHASE, event_name
from konversi.events.times import event_time
from konversi.intake.payments.purchase import purchase
from konversi.intake.payments.reporting import why_refused
from konversi.intake.receipts import Receipt, Tally
from konversi.intake.receive import Refusal
from konversi.matching.match import match
from konversi.matching.minimum import too_little
from konversi.outbox.port import receipt
from konversi.payments.deciding import Told
from konversi.payments.notice import Notice
from konversi.payments.payment import payment_id
from konversi.payments.stages import Stage
from konversi.payments.units import major_amount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from konversi.consent.store import Consents
    from konversi.events.conversion import Conversion
    from konversi.intake.receive import Receiver
    from konversi.outbox.states import State
    from konversi.payments.deciding import Outcome
    from konversi.payments.reporting import Reported
    from konversi.payments.store import Payments

OTHER = "other"  # the provider of what callers report themselves


class Till:
    """Takes what providers tell of payments. `country` is the one in which national phones are read."""

    def __init__(
        self,
        payments: Payments,
        receiver: Receiver,
        consents: Consents,
        *,
        country: str | None,
        currency: str,
        now: Callable[[], float],
    ) -> None:
        self.payments = payments
        self.now = now
        self._receiver = receiver
        self._consents = consents
        self._country = country
        self._currency = currency

    async def take_each(self, notifications: Sequence[Sequence[Told]]) -> list[Tally]:
        """Keep what notifications told, and report the Purchases that are due; durable on return.

        Raises `StorageUnavailable`, `Overloaded` or `ShuttingDown`, and then the providers tell it again.
        """
        told = [one for notices in notifications for one in notices]
        outcomes = await self.payments.take(await self._but_the_forgotten(told))
        await self._follow_up(outcomes)
        news = iter([one.news for one in outcomes])
        return [_tally(list(islice(news, len(notices)))) for notices in notifications]

    async def pay(self, conversion: Conversion, waited: float = 0.0) -> Receipt | Refusal:
        """Take a payment that a caller reports, with its own id: once, joined to its booking, by the policy.

        Raises `StorageUnavailable`, `Overloaded` or `ShuttingDown`.
        """
        read = self._read(conversion, self.now() - waited)
        if isinstance(read, Refusal):
            return read
        outcomes = await self.payments.take(await self._but_the_forgotten([read]))
        payment = outcomes[0].payment
        if payment.purchase is None:
            note = Note("payment", "payment_recorded", payment.why)
            return Receipt(payment_id(payment.id or 0), conversion.event_id or "", not outcomes[0].news, (note,), 0)
        (answer,) = await self._follow_up(outcomes)
        if isinstance(answer, Refusal):
            return answer
        return answer._replace(notes=(*answer.notes, Note("payment", "payment_joined", payment.why)))

    def _read(self, conversion: Conversion, now: float) -> Told | Refusal:
        at = event_time(conversion.occurred_at, now, in_store=conversion.channel == "store")
        currency = currency_code(conversion.currency or self._currency)
        amount = major_amount(conversion.value)
        name = event_name(conversion.event)
        faults = [one for one in (at, currency, name) if isinstance(one, Fault)]
        if amount is None:
            faults.append(Fault("value", "value_required", "is required for a Purchase.", "Send the amount paid."))
        if name != PURCHASE and not isinstance(name, Fault):
            faults.append(Fault("payment_id", "not_a_payment", "belongs to a Purchase only.", "Leave it out."))
        if faults or amount is None or isinstance(at, Fault) or isinstance(currency, Fault):
            return Refusal(Refused(faults), conversion.event_id)
        matched = match(
            conversion.customer,
            click=conversion.click,
            client=conversion.client,
            country=self._country,
            seen_ms=at * 1_000,
        ).user_data
        notice = Notice(
            provider=OTHER,
            payment_id=conversion.payment_id or "",
            stage=Stage.SETTLED,
            amount=amount,
            currency=currency,
            at=at,
            references=[conversion.booking_id] if conversion.booking_id else (),
        )
        return Told(notice, matched, identified=too_little(matched) is None, own=conversion)

    async def catch_up(self, until: float) -> int:
        """Do what was left: look for bookings that came late, make sure that each Purchase is in the outbox.

        Begins nothing after `until` (monotonic seconds). Returns how many Purchases it reported.
        """
        if monotonic() >= until:
            return 0
        left = await self.payments.left()
        await self._follow_up(left)
        return len(left)

    async def _but_the_forgotten(self, told: Sequence[Told]) -> list[Told]:
        """A payment is kept without its payer, where that is somebody who asked to be forgotten."""
        if not self._consents.matters:
            return list(told)
        gone = await self._consents.forgotten([self._consents.keys(one.user_data, None) for one in told])
        return [one._replace(user_data={}) if is_gone else one for one, is_gone in zip(told, gone, strict=True)]

    async def _follow_up(self, outcomes: Sequence[Outcome]) -> list[Receipt | Refusal]:
        """What callers are told of their Purchases; those that did not go to the outbox with their payments do now."""
        reported = [one.reported for one in outcomes if one.reported is not None]
        states = await self._receiver.follow_up(reported) if reported else {}
        answers = [_answer(one, one.reported, states) for one in outcomes if one.own and one.reported]
        left = [one for one in outcomes if one.to_report]
        return [*answers, *(await self._report(left))] if left else answers

    async def _report(self, outcomes: Sequence[Outcome]) -> list[Receipt | Refusal]:
        conversions = [purchase(one.payment, one.booking, one.own).conversion for one in outcomes]
        answers = await self._receiver.receive_all(conversions)
        for one, answer in zip(outcomes, answers, strict=True):
            why = why_refused(answer.error) if isinstance(answer, Refusal) else ""
            if why:
                await self.payments.refused(one.payment, why)
        return answers


def _tally(news: Sequence[bool]) -> Tally:
    accepted = sum(news)
    return Tally(accepted, len(news) - accepted, int(not news))


def _answer(outcome: Outcome, reported: Reported, states: Mapping[int, State]) -> Receipt | Refusal:
    name, event = outcome.payment.purchase or "", reported.event
    if event is None:
        return Refusal(reported.error or IdempotencyConflict(), name)
    return Receipt(receipt(event), name, reported.repeat, reported.notes, event, states.get(event))
