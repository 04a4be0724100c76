"""The use case behind the chat webhooks: what a call told is kept, each message once, and the call handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from konversi.consent.decision import CHAT, Decision
from konversi.intake.call import SEALED_AS
from konversi.journeys.identity import person_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.consent.decision import State
    from konversi.consent.store import Consents
    from konversi.database.sealed import Seal
    from konversi.intake.call import Call
    from konversi.intake.keywords import Keywords
    from konversi.journeys.arrival import Arrival, Heard
    from konversi.journeys.port import Taken
    from konversi.journeys.store import Journeys

_CLOCKS_APART = 300  # seconds by which a platform's clock may be ahead of ours


class Lines(Protocol):
    """Which account a phone number belongs to."""

    def account_of(self, line: str | None) -> str | None: ...


class Onward(Protocol):
    """Hands calls on."""

    def wake(self) -> None:
        """There is a call to hand on."""
        ...

    def no_room(self) -> None:
        """A call was not kept, because too many wait."""
        ...


class Told(NamedTuple):
    """What a webhook call brought."""

    new: int  # messages that were not known
    known: int
    others: int  # parts that are none of ours


class Listener:
    """Takes what the parsers heard."""

    def __init__(
        self,
        journeys: Journeys,
        lines: Callable[[], Lines],
        seal: Seal,
        *,
        now: Callable[[], float],
        onward: Onward | None,
        consents: Consents,
        keywords: Keywords,
    ) -> None:
        self._journeys = journeys
        self._lines = lines
        self._seal = seal
        self.now = now
        self._onward = onward
        self._consents = consents
        self._keywords = keywords

    async def listen(self, heard: Heard, *, forward: Call | None = None) -> Told:
        """Keep what was heard; durable on return. `forward` is the call itself, where it is to be handed on.

        Raises `StorageUnavailable` or `ShuttingDown`.
        """
        known = await self._but_the_forgotten(heard.arrivals)
        placed = heard._replace(arrivals=tuple(self._placed(arrival) for arrival in known))
        sealed = self._seal.close(forward.packed(), SEALED_AS) if forward is not None else None
        taken: Taken = await self._journeys.arrive(placed, sealed=sealed)
        for arrival in placed.arrivals:
            if (state := self._keywords.decision(arrival.word)) is not None:
                await self._decided(arrival, state)
        if self._onward is not None and taken.no_room:
            self._onward.no_room()
        elif self._onward is not None and sealed is not None:
            self._onward.wake()
        return Told(taken.new, taken.known, heard.others + len(heard.arrivals) - len(known))

    async def _but_the_forgotten(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """Nothing is kept of what somebody writes who asked to be forgotten; the bot gets it all the same."""
        if not arrivals or not self._consents.matters:
            return arrivals
        people = [self._consents.keys(person_of(one).known_by, None) for one in arrivals]
        gone = await self._consents.forgotten(people)
        return [one for one, is_gone in zip(arrivals, gone, strict=True) if not is_gone]

    async def _decided(self, arrival: Arrival, state: State) -> None:
        """Keep what a keyword says, as often as it is told: a call that failed half-way comes again.

        Some platforms tell no time, and a repeat must not look like a newer word: what counts is when it came first.
        """
        came = await self._journeys.came_at(arrival)
        at = came if came is not None and came < arrival.at + 1 else float(arrival.at)  # platforms tell whole seconds
        await self._consents.decide(person_of(arrival).known_by, Decision(state, at, CHAT))

    def _placed(self, arrival: Arrival) -> Arrival:
        """With the account its line belongs to, and not in the future."""
        at = arrival.at if arrival.at <= self.now() + _CLOCKS_APART else int(self.now())
        account = arrival.account or self._lines().account_of(arrival.line)
        return arrival if (at, account) == (arrival.at, arrival.account) else arrival._replace(at=at, account=account)
