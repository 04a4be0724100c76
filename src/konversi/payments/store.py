"""The payments: kept, each notification's news in one transaction with what it leads to, and shown."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace
from sqlalchemy import select

from konversi.errors import KonversiError
from konversi.logs import logger
from konversi.payments import rows
from konversi.payments.deciding import Known, looked_again, noted, taken
from konversi.payments.history import earlier
from konversi.payments.references import candidates
from konversi.payments.reporting import independent
from konversi.payments.tables import payments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from konversi.database.port import Database, Driver
    from konversi.events.conversion import Conversion
    from konversi.payments.deciding import Outcome, Told
    from konversi.payments.history import Earlier
    from konversi.payments.payment import Payment
    from konversi.payments.policy import PartPayments
    from konversi.payments.reporting import Reporting

T = TypeVar("T")

_BRIEF = 100  # notifications that hold up nobody while they are kept
_MOST_QUEUED = 20_000
_LEFT_AT_ONCE = 200


class Payments:
    """All payments of an installation. Everything written is durable on return; `now` gives Unix seconds."""

    def __init__(self, database: Database, policy: PartPayments, now: Callable[[], float]) -> None:
        self._database = database
        self._policy = policy
        self._now = now
        self._calls = database.gathering(self._take, size=len, brief=_BRIEF, most=_MOST_QUEUED, in_turn=True)
        self.reporting: Reporting | None = None  # with it, Purchases go into the outbox with their payments

    async def take(self, told: Sequence[Told]) -> Sequence[Outcome]:
        """Keep what notifications told; a payment's Purchase is decided with it, once."""
        return await self._calls.bring(told) if told else ()

    def _take(self, connection: Connection, groups: Sequence[Sequence[Told]]) -> list[list[Outcome]]:
        every = [one for group in groups for one in group]
        if self._database.shared:
            self._database.hold(connection, "payments", sorted({name.encode() for one in every for name in one.names}))
        outcomes = iter([outcome for batch in self._batches(every) for outcome in self._taken(connection, batch)])
        return [list(islice(outcomes, len(group))) for group in groups]

    def _batches(self, every: Sequence[T]) -> Sequence[Sequence[T]]:
        """What is thought about before any of it is written: one by one where each depends on what was paid before."""
        one_by_one = self.reporting is not None and self.reporting.looks_back
        return [[one] for one in every] if one_by_one else [every]

    def _taken(self, connection: Connection, told: Sequence[Told]) -> list[Outcome]:
        """What these are about read once, thought about in their order, and written once."""
        driver, now = self._database.driver(connection), self._now()
        ids = [name for one in told for name in (one.notice.payment_id, one.notice.other_id) if name is not None]
        references = [name for one in told for name in candidates(one.notice.references)]
        known = self._known(driver, list(rows.called(driver, ids)), references)
        outcomes: list[Outcome] = []
        for run in independent(known, told):
            outcomes += self._reported(connection, known, [taken(known, one, self._policy, now) for one in run])
        numbers = _write(self._database, driver, known)
        return [_numbered(one, numbers) for one in outcomes]

    def _reported(self, connection: Connection, known: Known, outcomes: list[Outcome]) -> list[Outcome]:
        """With what became of the Purchases that are due; the payments know it from then on."""
        due = [place for place, one in enumerate(outcomes) if one.is_due]
        if self.reporting is None or not due:
            return outcomes
        answers = self.reporting.report(connection, [outcomes[place] for place in due])
        for place, answer in zip(due, answers, strict=True):
            outcomes[place] = noted(known, outcomes[place], answer)
        self._learn(self._database.driver(connection), known, [one.own for one in outcomes if one.own is not None])
        return outcomes

    def _learn(self, driver: Driver, known: Known, reported: Sequence[Conversion]) -> None:
        """A Purchase for a booking of which nothing is known is what is known of it from then on."""
        named = {one.booking_id for one in reported if one.booking_id is not None}
        if not named.issubset(known.bookings):
            bookings = rows.bookings(driver, sorted(named.difference(known.bookings)), self._database.as_one)
            known.learn(rows.of_bookings(driver, list(bookings)), bookings)

    def _known(self, driver: Driver, asked: Sequence[Payment], references: Sequence[str]) -> Known:
        """These payments, with the bookings that are meant and all that was paid for those."""
        ids = [*references, *(one.booking_id for one in asked if one.booking_id is not None)]
        bookings = rows.bookings(driver, ids, self._database.as_one)
        return Known([*rows.of_bookings(driver, list(bookings), asked), *asked], bookings)

    async def left(self) -> list[Outcome]:
        """Take up the payments for which something is left to do: their bookings looked for, their Purchases decided.

        Those whose Purchase is in the outbox are marked so, and not returned.
        """
        due = await self._database.read(partial(_due, now=self._now()))
        if not due:
            return []
        found = await self._taken_up(due)
        return [one for one in found if one.to_report or one.reported is not None]

    async def _taken_up(self, numbers: Sequence[int]) -> list[Outcome]:
        """All at once; in halves where that fails for one of them, which then keeps up nobody else."""
        try:
            return await self._database.write(partial(self._look_again, numbers=numbers))
        except KonversiError:
            raise
        except Exception as error:  # noqa: BLE001 - as said
            if len(numbers) == 1:
                logger().error("payment_not_taken_up", payment=numbers[0], fault=type(error).__name__)
                return []
        half = len(numbers) // 2
        return [*await self._taken_up(numbers[:half]), *await self._taken_up(numbers[half:])]

    def _look_again(self, connection: Connection, *, numbers: Sequence[int]) -> list[Outcome]:
        driver, now = self._database.driver(connection), self._now()
        asked = rows.numbered(driver, numbers)
        names = {name.encode() for one in asked for name in (one.payment_id, one.reference, one.booking_id) if name}
        self._database.hold(connection, "payments", sorted(names))
        asked = [one for one in rows.numbered(driver, numbers) if one.due_at is not None and one.due_at <= now]
        return [outcome for batch in self._batches(asked) for outcome in self._looked_at(connection, batch)]

    def _looked_at(self, connection: Connection, asked: Sequence[Payment]) -> list[Outcome]:
        driver, now = self._database.driver(connection), self._now()
        references = [name for one in asked for name in candidates([one.reference] if one.reference else [])]
        known = self._known(driver, asked, references)
        accepted = rows.purchases(driver, [one.purchase for one in asked if one.purchase is not None])
        outcomes = []
        for one in asked:
            seen = accepted.get(one.purchase or "")
            if seen is not None:
                known.keep(one.seen_in_outbox(*seen))
            else:
                outcomes.append(looked_again(known, one, self._policy, now))
        outcomes = self._reported(connection, known, outcomes)
        _write(self._database, driver, known)
        return outcomes

    async def refused(self, payment: Payment, why: str) -> None:
        """Its Purchase could not be sent."""

        def job(connection: Connection) -> None:
            driver = self._database.driver(connection)
            for one in rows.numbered(driver, [payment.id or 0]):
                _update(self._database, driver, [one.refused(why)])

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
            lambda connection: self.earlier_within(connection, journeys), finds_all=True
        )

    def earlier_within(self, connection: Connection, journeys: Sequence[int]) -> Mapping[int, Sequence[Earlier]]:
        """As `earlier`, for whoever has a connection."""
        return earlier(connection, self._database.driver(connection), journeys)

    async def flagged(self) -> dict[str, int]:
        """How many payments a person should look at, by why; a deposit alone is no reason."""
        found = await self._database.read(lambda connection: rows.flagged(self._database.driver(connection)))
        return {flag: number for flag, number in found.items() if flag != "less_than_booked"}

    async def forget(self, before: float, limit: int) -> int:
        """Forget up to so many payments that nothing was told of since then (Unix seconds)."""
        return await self._database.write(
            lambda connection: rows.forget(self._database.driver(connection), before, limit)
        )


def _write(database: Database, driver: Driver, known: Known) -> dict[tuple[str, str], int]:
    """Write down what changed; the numbers of what is new."""
    new = {key: payment for key, payment in known.changed.items() if payment.id is None}
    numbers = dict(zip(new, database.ids(driver, "payments", len(new)), strict=True))
    rows.insert(driver, [replace(payment, id=numbers[key]) for key, payment in new.items()])
    _update(database, driver, [payment for payment in known.changed.values() if payment.id is not None])
    return numbers


def _update(database: Database, driver: Driver, payments: Sequence[Payment]) -> None:
    """Write down how payments stand now, but for those that another process has forgotten since they were read."""
    if database.shared and payments:
        there = rows.kept(driver, [one.id for one in payments])
        payments = [one for one in payments if one.id in there]
    rows.update(driver, payments)


def _numbered(outcome: Outcome, numbers: dict[tuple[str, str], int]) -> Outcome:
    """With the number that a new payment has got."""
    one = outcome.payment
    if one.id is not None:
        return outcome
    return replace(outcome, payment=replace(one, id=numbers[one.provider, one.payment_id]))


def _due(connection: Connection, now: float) -> Sequence[int]:
    asked = select(payments.c.id).where(payments.c.due_at <= now).order_by(payments.c.due_at).limit(_LEFT_AT_ONCE)
    return connection.execute(asked).scalars().all()
