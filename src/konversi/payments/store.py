"""The payments: kept, each notification's news in one transaction with what it leads to, and shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select

from konversi.payments import rows
from konversi.payments.deciding import Known, looked_again, taken
from konversi.payments.history import earlier
from konversi.payments.references import candidates
from konversi.payments.tables import payments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Database, Driver
    from konversi.payments.deciding import Outcome, Told
    from konversi.payments.history import Earlier
    from konversi.payments.payment import Payment
    from konversi.payments.policy import PartPayments

_BRIEF = 100  # notifications that hold up nobody while they are kept
_MOST_QUEUED = 20_000
_LEFT_AT_ONCE = 200


class Payments:
    """All payments of an installation. Everything written is durable on return; `now` gives Unix seconds."""

    def __init__(self, database: Database, policy: PartPayments, now: Callable[[], float]) -> None:
        self._database = database
        self._policy = policy
        self._now = now
        self._calls = database.gathering(self._take, size=len, brief=_BRIEF, most=_MOST_QUEUED)

    async def take(self, told: Sequence[Told]) -> Sequence[Outcome]:
        """Keep what notifications told; a payment's Purchase is decided with it, once."""
        return await self._calls.bring(told) if told else ()

    def _take(self, connection: Connection, groups: Sequence[Sequence[Told]]) -> list[list[Outcome]]:
        driver, now = self._database.driver(connection), self._now()
        every = [one for group in groups for one in group]
        self._database.hold(connection, "payments", sorted({name.encode() for one in every for name in one.names}))
        ids = [one for told in every for one in (told.notice.payment_id, told.notice.other_id) if one is not None]
        references = [one for told in every for one in candidates(told.notice.references)]
        known = _known(driver, list(rows.called(driver, ids)), references)
        outcomes = [[taken(known, one, self._policy, now) for one in group] for group in groups]
        numbers = _write(self._database, driver, known)
        return [[_numbered(one, numbers) for one in group] for group in outcomes]

    async def left(self) -> list[Outcome]:
        """Take up the payments for which something is left to do: their bookings looked for, their Purchases decided.

        Those whose Purchase is in the outbox are marked so, and not returned.
        """
        due = await self._database.read(partial(_due, now=self._now()))
        if not due:
            return []
        found = await self._database.write(partial(self._look_again, numbers=due))
        return [one for one in found if one.to_report]

    def _look_again(self, connection: Connection, *, numbers: Sequence[int]) -> list[Outcome]:
        driver, now = self._database.driver(connection), self._now()
        asked = rows.numbered(driver, numbers)
        names = {name.encode() for one in asked for name in (one.payment_id, one.reference, one.booking_id) if name}
        self._database.hold(connection, "payments", sorted(names))
        asked = [one for one in rows.numbered(driver, numbers) if one.due_at is not None and one.due_at <= now]
        references = [name for one in asked for name in candidates([one.reference] if one.reference else [])]
        known = _known(driver, asked, references)
        accepted = rows.purchases(driver, [one.purchase for one in asked if one.purchase is not None])
        outcomes = []
        for one in asked:
            seen = accepted.get(one.purchase or "")
            if seen is not None:
                known.keep(one.seen_in_outbox(*seen))
            else:
                outcomes.append(looked_again(known, one, self._policy, now))
        _write(self._database, driver, known)
        return outcomes

    async def refused(self, payment: Payment, why: str) -> None:
        """Its Purchase could not be sent."""

        def job(connection: Connection) -> None:
            driver = self._database.driver(connection)
            for one in rows.numbered(driver, [payment.id or 0]):
                rows.update(driver, one.refused(why))

        await self._database.write(job)

    async def find(self, number: int) -> Payment | None:
        """One payment."""
        found = await self._database.read(lambda connection: rows.numbered(self._database.driver(connection), [number]))
        return found[0] if found else None

    async def search(self, wanted: rows.Search) -> list[Payment]:
        """Payments, newest first."""
        return await self._database.read(lambda connection: rows.search(self._database.driver(connection), wanted))

    async def of_journey(self, journey: int | None, purchases: Sequence[str]) -> list[Payment]:
        """The payments of a conversation, or that led to one of these Purchases; oldest first."""
        return await self._database.read(
            lambda connection: rows.of_journey(self._database.driver(connection), journey, purchases)
        )

    async def earlier(self, journeys: Sequence[int]) -> Mapping[int, Sequence[Earlier]]:
        """What was paid in these conversations so far."""
        return await self._database.look_up(
            lambda connection: earlier(connection, self._database.driver(connection), journeys)
        )

    async def flagged(self) -> dict[str, int]:
        """How many payments a person should look at, by why; a deposit alone is no reason."""
        found = await self._database.read(lambda connection: rows.flagged(self._database.driver(connection)))
        return {flag: number for flag, number in found.items() if flag != "less_than_booked"}

    async def forget(self, before: float, limit: int) -> int:
        """Forget up to so many payments that nothing was told of since then (Unix seconds)."""
        return await self._database.write(
            lambda connection: rows.forget(self._database.driver(connection), before, limit)
        )


def _known(driver: Driver, asked: Sequence[Payment], references: Sequence[str]) -> Known:
    """These payments, with the bookings that are meant and all that was paid for those."""
    ids = [*references, *(one.booking_id for one in asked if one.booking_id is not None)]
    bookings = rows.bookings(driver, ids)
    return Known([*rows.of_bookings(driver, list(bookings)), *asked], bookings)


def _write(database: Database, driver: Driver, known: Known) -> dict[tuple[str, str], int]:
    """Write down what changed; the numbers of what is new."""
    new = {key: payment for key, payment in known.changed.items() if payment.id is None}
    numbers = dict(zip(new, database.ids(driver, "payments", len(new)), strict=True))
    rows.insert(driver, [payment._replace(id=numbers[key]) for key, payment in new.items()])
    for payment in known.changed.values():
        if payment.id is not None:
            rows.update(driver, payment)
    return numbers


def _numbered(outcome: Outcome, numbers: dict[tuple[str, str], int]) -> Outcome:
    """With the number that a new payment has got."""
    one = outcome.payment
    if one.id is not None:
        return outcome
    return outcome._replace(payment=one._replace(id=numbers[one.provider, one.payment_id]))


def _due(connection: Connection, now: float) -> Sequence[int]:
    asked = select(payments.c.id).where(payments.c.due_at <= now).order_by(payments.c.due_at).limit(_LEFT_AT_ONCE)
    return connection.execute(asked).scalars().all()
