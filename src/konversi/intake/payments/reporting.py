"""Purchases go into the outbox in the transaction that keeps their payments. As `payments.reporting.Reporting`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.events.faults import Refused
from konversi.intake.payments.purchase import purchase
from konversi.intake.prompt import at_once
from konversi.intake.receive import Receiver, Refusal, conflict_of
from konversi.intake.within import ArrivalsWithin, ChatsWithin, ConsentsWithin, HistoryWithin
from konversi.payments.reporting import Reported

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from konversi.consent.store import Consents
    from konversi.errors import KonversiError
    from konversi.intake.prepare import Ready, Rules
    from konversi.intake.routes import Routes
    from konversi.journeys.store import Journeys
    from konversi.outbox.port import Appended
    from konversi.outbox.store import SqlOutbox
    from konversi.payments.deciding import Outcome
    from konversi.payments.store import Payments

_LONGEST_WHY = 1_000


class Reporter:
    """For whichever thread writes. All stores are over one database."""

    def __init__(
        self,
        outbox: SqlOutbox,
        journeys: Journeys,
        consents: Consents,
        payments: Payments,
        rules: Rules,
        *,
        routes: Callable[[], Routes],
        now: Callable[[], float],
        unique: Callable[[], str],
    ) -> None:
        self._outbox = outbox
        self._journeys = journeys
        self._consents = consents
        self._payments = payments
        self._rules = rules
        self._routes = routes
        self._now = now
        self._unique = unique

    @property
    def looks_back(self) -> bool:
        """Where rules of worth ask for what the customer paid before."""
        return self._rules.values.wants_history

    def report(self, connection: Connection, outcomes: Sequence[Outcome]) -> list[Reported]:
        """What became of each."""
        due = [purchase(one.payment, one.booking, one.own) for one in outcomes]
        receiver = self._receiver(connection)
        accepted = at_once(receiver.accept([one for one, _ in due], [hashed for _, hashed in due]))
        assert accepted is not None
        return [_refused(one) if isinstance(one, Refusal) else _reported(*one) for one in accepted]

    def _receiver(self, connection: Connection) -> Receiver:
        return Receiver(
            ArrivalsWithin(self._outbox, connection),
            self._rules,
            conversations=ChatsWithin(self._journeys, connection),
            consents=ConsentsWithin(self._consents, connection),
            routes=self._routes,
            now=self._now,
            unique=self._unique,
            wake=lambda _lane: None,  # once all is durable
            earlier=HistoryWithin(self._payments, connection),
        )


def _reported(ready: Ready, appended: Appended) -> Reported:
    new = ready.new
    if appended.conflict:
        return Reported(error=conflict_of(new))
    return Reported(
        appended.id, appended.repeat, new.journey, new.touch, "" if appended.repeat else new.lane, ready.notes
    )


def _refused(refusal: Refusal) -> Reported:
    return Reported(error=refusal.error, why=why_refused(refusal.error))


def why_refused(error: KonversiError) -> str:
    """For people; empty for a conflict, which is none: then the Purchase is there already."""
    if not isinstance(error, Refused):
        return ""
    reasons = [f"{fault.detail} {fault.remedy}" for fault in error.faults]
    return " ".join(["The Purchase could not be sent.", *reasons])[:_LONGEST_WHY]
