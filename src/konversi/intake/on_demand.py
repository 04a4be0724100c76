"""Accepting on demand: durable first, then delivered within the same call, as far as its time goes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from konversi.errors import ShuttingDown, StorageUnavailable
from konversi.intake.receipts import Receipt
from konversi.intake.receive import Receiver, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import TypeAlias

    from konversi.events.conversion import Conversion
    from konversi.intake.receive import Rules
    from konversi.outbox.port import Outbox
    from konversi.outbox.states import State
    from konversi.payments.reporting import Reported

    Deliver: TypeAlias = Callable[[Sequence[int]], Awaitable[dict[int, State]]]

_LOOKED_UP = 10  # events whose state is asked for one by one


class OnDemandReceiver(Receiver):
    """Says with each receipt how far its event came."""

    def __init__(self, outbox: Outbox, rules: Rules, *, deliver: Deliver, **more: Any) -> None:
        """`deliver` tries so for as long as it may, and gives the states of those that it tried."""
        super().__init__(outbox, rules, **more)
        self._store = outbox
        self._deliver = deliver

    async def receive(self, conversion: Conversion, *, waited: float = 0.0) -> Receipt:
        (outcome,) = await self.receive_all([conversion], waited=waited)
        if isinstance(outcome, Refusal):
            raise outcome.error
        return outcome

    async def receive_all(
        self, conversions: Sequence[Conversion], *, waited: float = 0.0, conversation: str | None = None
    ) -> list[Receipt | Refusal]:
        outcomes = await super().receive_all(conversions, waited=waited, conversation=conversation)
        states = await self._states([one.event for one in outcomes if isinstance(one, Receipt)])
        return [one._replace(state=states.get(one.event)) if isinstance(one, Receipt) else one for one in outcomes]

    async def follow_up(self, reported: Sequence[Reported]) -> Mapping[int, State]:
        await super().follow_up(reported)
        return await self._states([one.event for one in reported if one.event is not None])

    async def _states(self, events: Sequence[int]) -> dict[int, State]:
        """How far these came within the call."""
        states = await self._deliver(events) if events else {}
        left = [event for event in events if event not in states]
        with suppress(StorageUnavailable, ShuttingDown):  # they are accepted, whether or not this can be said
            for event in left if len(left) <= _LOOKED_UP else ():
                stored = await self._store.find(event)
                if stored is not None:
                    states[event] = stored.state
        return states
