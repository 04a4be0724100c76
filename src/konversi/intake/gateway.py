"""What the doors see of the running gateway."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from konversi.clock import monotonic, unique
from konversi.delivery.breaker import Position
from konversi.errors import NotFound, StorageUnavailable
from konversi.insight.process_metrics import LaneReport, PreparerReport, ProcessReport, WebhookReport
from konversi.intake.answered import Answered
from konversi.intake.refused_calls import RefusedCalls
from konversi.intake.room import Room
from konversi.outbox.lanes import Lane
from konversi.outbox.states import FINAL, State, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from konversi.access.entrance import Entrance
    from konversi.clock import Clock
    from konversi.consent.store import Consents, Nameable
    from konversi.delivery.destination import Destinations
    from konversi.delivery.dispatcher import Dispatcher
    from konversi.delivery.watch import Watch
    from konversi.insight.meta_scores import MetaScores
    from konversi.insight.processes import Processes
    from konversi.insight.reading import Insight
    from konversi.insight.spending import Spending
    from konversi.insight.tail import Tail
    from konversi.insight.valuing import Valuing
    from konversi.intake.catalogue import Catalogue
    from konversi.intake.custom_conversions import CustomConversions
    from konversi.intake.forward import Forwarder
    from konversi.intake.importing import Importer
    from konversi.intake.listen import Listener
    from konversi.intake.payments.till import Till
    from konversi.intake.receive import Receiver
    from konversi.intake.turns import Turns
    from konversi.journeys.store import Journeys
    from konversi.outbox.port import Outbox, Stored
    from konversi.settings import Settings


_LOOK_SECONDS = 0.02
_OTHERS_SECONDS = 0.1  # between looks at what another process may have done
_PATIENCE_SECONDS = 2.0
_ROOM_FOR_STRANGERS = 32 * 1_048_576  # bytes


class Decisions(Protocol):
    """What a person can decide about an event."""

    async def replay(self, event: int) -> State:
        """Send it again."""
        ...

    async def discard(self, event: int, reason: str) -> State:
        """Don't send it."""
        ...


class Alerts(Protocol):
    """Who looks whether anything needs a person, and tells it."""

    async def open(self) -> list[dict[str, Any]]:
        """The alerts that are open, the oldest first."""
        ...

    async def run(self) -> None:
        """Look and tell, until cancelled."""
        ...


class Erasures(Protocol):
    """Who forgets people."""

    async def begin(self, named: Nameable) -> int:
        """Refuse everything about a person from now on, and forget what there is. The erasure's number."""
        ...

    async def lift(self, named: Nameable) -> int:
        """Let a person be known again."""
        ...

    async def shown(self, number: int, seconds: float = 0.0) -> dict[str, Any]:
        """An erasure once what was found is gone, or after so many seconds. Raises `ErasureUnknown`."""
        ...

    async def listed(self) -> list[dict[str, Any]]:
        """The newest first."""
        ...

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        ...


class Exports(Protocol):
    """Who finds all that is kept about a person."""

    async def of(self, named: Nameable) -> dict[str, Any]:
        """Everything, in plain words. Raises `Refused`."""
        ...


class OnDemand(Protocol):
    """What a process does that may be frozen whenever nobody calls."""

    async def begin(self) -> None:
        """Before a call."""
        ...

    async def deliver(self, events: Sequence[int]) -> dict[int, State]:
        """Try to deliver these within KONVERSI_DELIVER_SECONDS; the states of those of which an attempt ended."""
        ...

    async def finish(self) -> None:
        """Before a call is answered: deliver what it left to be delivered, as `deliver`."""
        ...

    async def catch_up(self) -> dict[str, int]:
        """Do all that is due, within KONVERSI_CRON_SECONDS; how many events it was for. Raises `StorageUnavailable`."""
        ...


@dataclass(slots=True)
class Gateway:
    """Everything that runs, for the doors to reach."""

    settings: Settings
    clock: Clock
    outbox: Outbox
    receiver: Receiver
    prompt: Receiver | None  # the same for any thread and `prompt.at_once`, where the outbox can do that
    journeys: Journeys
    consents: Consents
    listener: Listener
    turns: Turns
    till: Till
    forwarder: Forwarder | None
    decisions: Decisions
    dispatcher: Dispatcher
    destinations: Destinations
    catalogue: Catalogue
    watch: Watch
    insight: Insight
    importer: Importer
    entrance: Entrance
    processes: Processes
    tail: Tail
    meta_scores: MetaScores
    spending: Spending
    custom_conversions: CustomConversions
    alerts: Alerts
    erasures: Erasures
    exports: Exports
    valuing: Valuing
    process: str = field(default_factory=unique)  # tells this one from others over the same database
    place: int = 0  # which of the processes that share a port
    on_demand: OnDemand | None = None
    delivering: bool = False  # false while delivery is being restarted after a fault, and while stopping
    webhooks_heard: dict[str, float] = field(default_factory=dict)  # by platform: Unix seconds of the last good call
    refused_calls: RefusedCalls = field(default_factory=RefusedCalls)
    answered: Answered = field(default_factory=Answered)
    told_payments: Counter[tuple[str, str]] = field(default_factory=Counter)  # by provider and what became of it
    room_for_strangers: Room = field(default_factory=lambda: Room(_ROOM_FOR_STRANGERS))

    def heard(self) -> dict[str, dict[str, Any]]:
        """What this process has heard of webhooks since its start, by platform."""
        refused: dict[str, dict[str, int]] = {}
        for (platform, code), number in self.refused_calls.totals.items():
            refused.setdefault(platform, {})[code] = number
        return {
            one: {"heard_at": self.webhooks_heard.get(one), "refused": refused.get(one, {})}
            for one in {*refused, *self.webhooks_heard}
        }

    @property
    def delivers(self) -> bool:
        """Whether this process has to do with delivery at all."""
        return self.settings.delivers

    @property
    def ready(self) -> bool:
        """Whether this process does its part: accepting and delivering, or one of them."""
        return (self.delivering or not self.delivers) and self.outbox.broken is None

    async def reachable(self) -> bool:
        """Whether the storage answers."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.outbox.lanes()
        except (StorageUnavailable, TimeoutError):
            return False
        return True

    @property
    def configured(self) -> bool:
        """Whether events can be sent at all."""
        return self.destinations.any()

    def obstacle(self, lane: str) -> str | None:
        """Why nothing of this lane is being sent at the moment, in plain words; `None` where it is."""
        dataset = Lane.parse(lane).dataset
        if self.destinations.of(dataset) is None:
            return self.destinations.lack(dataset)
        courier = self.dispatcher.couriers.get(lane)
        if courier is not None and courier.breaker.position(self.clock.now()) is Position.OPEN:
            return courier.breaker.cause
        return None

    def lanes(self) -> list[LaneReport]:
        """What each lane's delivery has been doing."""
        now = self.clock.now()
        return [
            LaneReport(
                lane,
                courier.tally.requests,
                courier.tally.events,
                courier.tally.seconds,
                courier.breaker.position(now).value,
                courier.breaker.paused,
                courier.breaker.cause,
            )
            for lane, courier in self.dispatcher.couriers.items()
        ]

    async def doings(self) -> ProcessReport:
        """What this process has done since its start, for the metrics."""
        onward = self.forwarder
        webhooks = WebhookReport(
            self.refused_calls.totals,
            await onward.waiting() if onward else 0,
            onward.dropped if onward else 0,
            self.told_payments,
        )
        beside = self.receiver.beside
        return ProcessReport(
            self.place,
            self.settings.only or "everything",
            self.answered.totals,
            self.outbox.commits,
            self.lanes(),
            webhooks,
            PreparerReport(runs=beside is not None and beside.process is not None, lists=beside.lists if beside else 0),
        )

    def paused(self, lane: str) -> bool:
        """Whether the lane waits for a person to act."""
        courier = self.dispatcher.couriers.get(lane)
        return courier is not None and courier.breaker.paused

    async def drain(self, seconds: float) -> None:
        """Wait until all that is due and can be sent has been, so many seconds at most: for short-lived processes."""
        until = monotonic() + seconds
        while monotonic() < until and await self._busy():
            await asyncio.sleep(_LOOK_SECONDS)

    async def _busy(self) -> bool:
        lanes, sending = await self.outbox.unfinished()
        now = self.clock.now()
        return sending > 0 or any(at <= now and not self.obstacle(lane) for lane, at in lanes)

    async def outcome(self, event: int, seconds: float) -> Stored:
        """The event as it stands after its next attempt, or after so many seconds, or at once where none is to come.

        On demand it was tried when it was accepted.
        """
        until = monotonic() + (seconds if self.on_demand is None else 0.0)
        while True:
            with self.watch.of(event) as attempt_end:
                stored = await self.outbox.find(event)
                if stored is None:
                    raise NotFound
                left = until - monotonic()
                if stored.state in FINAL or left <= 0 or self.obstacle(stored.lane):
                    return stored
                await asyncio.wait([attempt_end], timeout=min(left, _OTHERS_SECONDS) if self.settings.shared else left)
                if not attempt_end.done():
                    continue  # perhaps another process has it
                if attempt_end.result().step is Step.SPLIT:
                    continue  # the batch was refused, which says nothing about this event yet
            break
        return await self.outbox.find(event) or stored
