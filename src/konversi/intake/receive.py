"""The one use case behind every door; it reads like the way of an event."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Protocol, TypeAlias

from konversi.errors import IdempotencyConflict
from konversi.events.faults import Refused
from konversi.intake.chats import NO_CHATS
from konversi.intake.heeding_consent import heeded
from konversi.intake.prepare import Past, Preparation, Read, Ready, Refusal, Rules
from konversi.intake.preparer.messages import Circumstances
from konversi.intake.receipts import Receipt
from konversi.outbox.port import receipt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from konversi.events.conversion import Conversion
    from konversi.intake.chats import Conversations
    from konversi.intake.heeding_consent import Consenting
    from konversi.intake.preparer.beside import Beside
    from konversi.intake.preparer.messages import Asked, Listing
    from konversi.intake.routes import Routes
    from konversi.journeys.attribution import Known
    from konversi.journeys.customers import First
    from konversi.matching.match import Hashed
    from konversi.outbox.port import Appended, NewEvent
    from konversi.outbox.states import State
    from konversi.payments.history import Earlier
    from konversi.payments.reporting import Reported

__all__ = ["Receiver", "Refusal", "Rules"]

_BREATH = 100  # conversions prepared in one go: about 2 ms


History: TypeAlias = "Callable[[Sequence[int]], Awaitable[Mapping[int, Sequence[Earlier]]]]"


class Arrivals(Protocol):
    """The side of the outbox that takes events; as `outbox.port.Outbox` says."""

    async def append(self, events: Sequence[NewEvent]) -> Sequence[Appended]: ...
    async def homes(self, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]: ...


class Receiver:
    """Accepts conversions."""

    def __init__(
        self,
        outbox: Arrivals,
        rules: Rules,
        *,
        conversations: Conversations,
        consents: Consenting,
        routes: Callable[[], Routes],
        now: Callable[[], float],
        unique: Callable[[], str],
        wake: Callable[[str], None],
        earlier: History | None = None,
        beside: Beside | None = None,
    ) -> None:
        """`earlier` tells what was paid in conversations so far; `beside` prepares lists in a process of its own."""
        self._outbox = outbox
        self._rules = rules
        self._prepare = Preparation(rules, lambda: conversations.keyring, routes, unique)
        self._conversations = conversations
        self._consents = consents
        self._routes = routes
        self._now = now
        self._unique = unique
        self._wake = wake
        self._earlier = earlier
        self.beside = beside
        self.paid: Callable[[Conversion, float], Awaitable[Receipt | Refusal]] | None = None  # takes payments

    async def receive(self, conversion: Conversion, *, waited: float = 0.0) -> Receipt:
        """Accept one conversion, as if it had come `waited` seconds ago; durable on return.

        Raises `Refused` (with each fault), `IdempotencyConflict`, `StorageUnavailable` or `Overloaded`.
        """
        if self.paid is not None and conversion.payment_id is not None:
            outcome = await self.paid(conversion, waited)
            if isinstance(outcome, Refusal):
                raise outcome.error
            return outcome
        # As `receive_all` with one: without its lists, which cost as much as all the hashing.
        read = self._prepare.read(conversion, self._now() - waited)
        if isinstance(read, Refusal):
            raise read.error
        ready = self._prepare.ready(read, await self.past((read,)))
        if self._consents.matters:
            (ready,) = await heeded([ready], self._consents)
        if isinstance(ready, Refusal):
            raise ready.error
        (appended,) = await self._outbox.append((ready.new,))
        self._wake(ready.new.lane)
        outcome = _outcome(ready, appended)
        if isinstance(outcome, Refusal):
            raise outcome.error
        return outcome

    async def receive_all(
        self, conversions: Sequence[Conversion], *, waited: float = 0.0, conversation: str | None = None
    ) -> list[Receipt | Refusal]:
        """Accept several, one outcome each in their order; a bad one doesn't refuse the rest.

        `conversation` is the bot's name for the chat that all of them are from: it stands for a customer who is named
        in one turn and not in the next.
        """
        if self.paid is not None and any(one.payment_id is not None for one in conversions):
            return await self._with_payments(conversions, waited, conversation)
        now = self._now() - waited
        prepared: list[Ready | Refusal] = []
        for start in range(0, len(conversions), _BREATH):
            if start:
                await asyncio.sleep(0)  # a long list must not hold up the other callers, nor delivery
            prepared += await self._prepared(conversions[start : start + _BREATH], now, conversation)
        return await self._kept(prepared)

    async def receive_list(self, listing: Listing, *, waited: float = 0.0) -> list[Receipt | Refusal]:
        """As `receive_all`, for conversions that are still as they came. Raises as `listing.conversions`."""
        accepted = await self._from_beside(listing, waited)
        if accepted is not None:
            return accepted
        events = listing.conversions()
        readable = [one for one in events if not isinstance(one, Refused)]
        outcomes = iter(await self.receive_all(readable, waited=waited))
        return [Refusal(one, None) if isinstance(one, Refused) else next(outcomes) for one in events]

    async def _from_beside(self, listing: Listing, waited: float = 0.0) -> list[Receipt | Refusal] | None:
        """What becomes of a list that another process prepares; `None` where it has to be done here."""
        if self.beside is None:
            return None
        now, circumstances = self._now() - waited, self.circumstances()
        prepared = await self.beside.prepared(listing, now, circumstances, self.past)
        return None if prepared is None else await self.keep(prepared, circumstances)

    def circumstances(self) -> Circumstances:
        """What another process has to know now, to prepare as this one would."""
        keyring, matters = self._conversations.keyring, self._consents.matters
        return Circumstances.now(self._rules, self._routes(), keyring, named=matters)

    async def keep(self, prepared: Sequence[Ready | Refusal], under: Circumstances) -> list[Receipt | Refusal] | None:
        """Accept what another process prepared under these circumstances; `None` where it has to be done here."""
        if self._consents.matters and not under.named:
            return None  # somebody objected meanwhile, for the first time: nobody's match keys came back
        return await self._kept(await heeded(prepared, self._consents) if under.named else prepared)

    async def _kept(self, prepared: Sequence[Ready | Refusal]) -> list[Receipt | Refusal]:
        kept = await self._appended(prepared)
        for lane in {one.new.lane for one in prepared if isinstance(one, Ready)}:
            self._wake(lane)
        return [one if isinstance(one, Refusal) else _outcome(*one) for one in kept]

    async def accept(
        self, conversions: Sequence[Conversion], hashed: Sequence[Hashed]
    ) -> list[tuple[Ready, Appended] | Refusal]:
        """As `receive_all`, in one go, for whoever has to know the events: wakes nobody, and knows no payments.

        `hashed` are the match keys of each customer who is said by nothing else.
        """
        return await self._appended(await self._prepared(conversions, self._now(), None, hashed))

    async def follow_up(self, reported: Sequence[Reported]) -> Mapping[int, State]:
        """Have delivered what was written elsewhere; how far those events came whose delivery was waited for."""
        for lane in {one.lane for one in reported if one.lane}:
            self._wake(lane)
        return {}

    async def _appended(self, prepared: Sequence[Ready | Refusal]) -> list[tuple[Ready, Appended] | Refusal]:
        new = [one.new for one in prepared if isinstance(one, Ready)]
        appended = iter(await self._outbox.append(new) if new else ())
        return [(one, next(appended)) if isinstance(one, Ready) else one for one in prepared]

    async def preview(self, conversions: Sequence[Conversion]) -> list[NewEvent | Refusal]:
        """What would be accepted of these, and what not; nothing is kept."""
        foreseen: list[NewEvent | Refusal] = []
        for start in range(0, len(conversions), _BREATH):
            prepared = await self._prepared(conversions[start : start + _BREATH], self._now(), None)
            foreseen += [one.new if isinstance(one, Ready) else one for one in prepared]
            await asyncio.sleep(0)
        return foreseen

    def testing(self, test_code: str) -> Receiver:
        """One whose events are test events. They belong to no chat: a test is no booking of the customer's."""
        return Receiver(
            self._outbox,
            replace(self._rules, test_code=test_code),
            conversations=NO_CHATS,
            consents=self._consents,
            routes=self._routes,
            now=self._now,
            unique=self._unique,
            wake=self._wake,
        )

    async def _with_payments(
        self, conversions: Sequence[Conversion], waited: float, conversation: str | None
    ) -> list[Receipt | Refusal]:
        """Payments go the way of payments, one by one; the rest as always."""
        assert self.paid is not None
        paid = {place: one for place, one in enumerate(conversions) if one.payment_id is not None}
        rest = [one for place, one in enumerate(conversions) if place not in paid]
        outcomes = iter(await self.receive_all(rest, waited=waited, conversation=conversation) if rest else ())
        return [
            await self.paid(paid[place], waited) if place in paid else next(outcomes)
            for place in range(len(conversions))
        ]

    async def _prepared(
        self, conversions: Sequence[Conversion], now: float, conversation: str | None, hashed: Iterable[Hashed] = ()
    ) -> list[Ready | Refusal]:
        first, second = self._prepare.read, self._prepare.ready
        read = [first(one, now, conversation, known) for one, known in zip_longest(conversions, hashed)]
        readable = [one for one in read if isinstance(one, Read)]
        past = await self.past(readable)
        prepared = [second(one, past) if isinstance(one, Read) else one for one in read]
        return await heeded(prepared, self._consents) if self._consents.matters else prepared

    async def past(self, read: Sequence[Read | Asked]) -> Past:
        """What is known of these from before."""
        known = await self._known(read)
        return Past(known, await self._homes(read), await self._before(read), await self._paid(known))

    async def _known(self, read: Sequence[Read | Asked]) -> Mapping[bytes, list[Known]]:
        """The conversations with these customers."""
        keys = [key for one in read for key in one.keys]
        return await self._conversations.known(keys) if keys else {}

    async def _before(self, read: Sequence[Read | Asked]) -> Mapping[str, First]:
        """When these customers first booked or bought."""
        keys = [key for one in read for key in one.customer]
        return await self._conversations.remembered(keys) if keys else {}

    async def _paid(self, known: Mapping[bytes, list[Known]]) -> Mapping[int, Sequence[Earlier]]:
        """What was paid in these conversations, where the value rules ask for it."""
        if not self._rules.values.wants_history:
            return {}
        journeys = sorted({one.journey for several in known.values() for one in several})
        return await self._earlier(journeys) if journeys and self._earlier is not None else {}

    async def _homes(self, read: Sequence[Read | Asked]) -> Mapping[tuple[str, str], str]:
        """In which dataset an event is already that comes again: what is known of its chat may have changed since."""
        if not self._routes().links_accounts:
            return {}
        return await self._outbox.homes([(one.name, one.event_id) for one in read if one.dataset is None])


def _outcome(ready: Ready, appended: Appended) -> Receipt | Refusal:
    new = ready.new
    if appended.conflict:
        return Refusal(conflict_of(new), new.event_id)
    return Receipt(receipt(appended.id), new.event_id, appended.repeat, ready.notes, appended.id)


def conflict_of(new: NewEvent) -> IdempotencyConflict:
    """What its caller is told where its id belongs to other contents."""
    return IdempotencyConflict(f"event_id {new.event_id!r}.")
