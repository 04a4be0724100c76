"""The use case behind the chat webhooks: what a call told is kept, each message once, and the call handed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from konversi.intake.call import SEALED_AS

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.database.sealed import Seal
    from konversi.intake.call import Call
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
    ) -> None:
        self._journeys = journeys
        self._lines = lines
        self._seal = seal
        self.now = now
        self._onward = onward

    async def listen(self, heard: Heard, *, forward: Call | None = None) -> Told:
        """Keep what was heard; durable on return. `forward` is the call itself, where it is to be handed on.

        Raises `StorageUnavailable` or `ShuttingDown`.
        """
        placed = heard._replace(arrivals=tuple(self._placed(arrival) for arrival in heard.arrivals))
        sealed = self._seal.close(forward.packed(), SEALED_AS) if forward is not None else None
        taken: Taken = await self._journeys.arrive(placed, sealed=sealed)
        if self._onward is not None and taken.no_room:
            self._onward.no_room()
        elif self._onward is not None and sealed is not None:
            self._onward.wake()
        return Told(taken.new, taken.known, heard.others)

    def _placed(self, arrival: Arrival) -> Arrival:
        """With the account its line belongs to, and not in the future."""
        at = arrival.at if arrival.at <= self.now() + _CLOCKS_APART else int(self.now())
        account = arrival.account or self._lines().account_of(arrival.line)
        return arrival if (at, account) == (arrival.at, arrival.account) else arrival._replace(at=at, account=account)
