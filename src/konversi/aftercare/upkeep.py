"""What has to be done now and then, whether or not anything arrives."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING

from konversi.clock import monotonic
from konversi.errors import StorageUnavailable
from konversi.logs import logger
from konversi.outbox.lanes import Lane
from konversi.outbox.states import Step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from konversi.clock import Clock
    from konversi.delivery.decide import OnInDoubt
    from konversi.outbox.port import Outbox

_DAY = 86_400
_PRUNED_AT_ONCE = 2_000  # events: small enough not to stand in anyone's way
_RESCUE_EVERY, _EXPIRE_EVERY, _PRUNE_EVERY, _FORGET_EVERY = 10.0, 30.0, 300.0, 3_600.0
_FOLLOW_EVERY, _SETTLE_EVERY = 5.0, 5.0
_BREATH = 0.1  # seconds between two rounds of the same


class Upkeep:
    """Rescues abandoned attempts, expires what is too old, forgets what is long finished."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        clock: Clock,
        on_in_doubt: Callable[[str], OnInDoubt],
        retention_days: int,
        failed_days: int | None = None,
        wake: Callable[[], None],
        forget: Callable[[float], Awaitable[bool]] | None = None,
        follow: Callable[[], Awaitable[bool]] | None = None,
        settle: Callable[[float], Awaitable[int]] | None = None,
    ) -> None:
        """`forget` is told the time and forgets other things that are old; `follow` keeps the hourly sums.

        Both do a part, and say whether they should be called again. `settle` reports what payments left to be reported,
        begins nothing after the monotonic seconds given, and says how much it was.
        """
        self._outbox = outbox
        self._clock = clock
        self._on_in_doubt = on_in_doubt  # by the dataset's name
        self._kept = retention_days * _DAY
        self._failed_kept = (retention_days if failed_days is None else failed_days) * _DAY
        self._wake = wake
        self._forget = forget
        self._follow = follow
        self._settle = settle

    async def at_start(self, *, sole_owner: bool, production: bool) -> None:
        """Settle what the process before this one left behind. A sole owner needn't wait for leases to run out."""
        await self._rescue(all_leases=sole_owner)
        if production and (held := await self._outbox.hold_tests()):
            logger().warning("test_events_held", events=held, remedy="Replay or discard them: konversi events list")

    async def run(self) -> None:
        """Do what is due, for ever."""
        duties: list[tuple[float, Callable[[], Awaitable[object]]]] = [
            (_RESCUE_EVERY, self._rescue),
            (_EXPIRE_EVERY, self._expire),
            (_PRUNE_EVERY, self._prune),
            (_FORGET_EVERY, self._forget_the_rest),
            (_FOLLOW_EVERY, self._sum),
            (_SETTLE_EVERY, self._report),
        ]
        due = [monotonic() + every for every, _ in duties]
        while True:
            await asyncio.sleep(max(0.0, min(due) - monotonic()))
            for index, (every, duty) in enumerate(duties):
                if due[index] > monotonic():
                    continue
                try:
                    await duty()
                except StorageUnavailable as error:
                    logger().error("upkeep_waits_for_storage", duty=duty.__name__.strip("_"), cause=error.detail)
                except Exception as error:  # noqa: BLE001 - whatever is wrong with one duty, events are taken and sent
                    logger().error("upkeep_failed", duty=duty.__name__.strip("_"), fault=repr(error))
                due[index] = monotonic() + every

    async def once(self, until: float) -> dict[str, int]:
        """Do everything one time, and begin nothing after `until` (monotonic seconds); how many events it was for.

        Raises `StorageUnavailable`.
        """
        duties: dict[str, Callable[[], Awaitable[int]]] = {
            "rescued": self._rescue,
            "expired": self._expire,
            "forgotten": lambda: self._prune(until),
            "reported": lambda: self._report(until),
        }
        done = {name: await duty() if monotonic() < until else 0 for name, duty in duties.items()}
        await self._forget_the_rest(until)
        await self._sum(until)
        return done

    async def _rescue(self, *, all_leases: bool = False) -> int:
        rescued = await self._outbox.rescue(self._clock.now(), self._step_of, all_leases=all_leases)
        if rescued:
            logger().warning("rescued", events=len(rescued))
            self._wake()
        return len(rescued)

    def _step_of(self, lane: str) -> Step:
        return Step.HOLD if self._on_in_doubt(Lane.parse(lane).dataset) == "hold" else Step.RETRY

    async def _expire(self) -> int:
        if expired := await self._outbox.expire(self._clock.now()):
            logger().error("expired", events=expired)
        return expired

    async def _prune(self, until: float = inf) -> int:
        pruned = some = await self._pruned()
        while some == _PRUNED_AT_ONCE and monotonic() < until:
            await asyncio.sleep(_BREATH)
            some = await self._pruned()
            pruned += some
        return pruned

    async def _pruned(self) -> int:
        now = self._clock.now()
        return await self._outbox.prune(now - self._kept, _PRUNED_AT_ONCE, now - self._failed_kept)

    async def _forget_the_rest(self, until: float = inf) -> None:
        while self._forget is not None and monotonic() < until and await self._forget(self._clock.now()):
            await asyncio.sleep(_BREATH)

    async def _report(self, until: float = inf) -> int:
        reported = some = await self._settle(until) if self._settle is not None else 0
        while self._settle is not None and some and monotonic() < until:
            await asyncio.sleep(_BREATH)
            some = await self._settle(until)
            reported += some
        return reported

    async def _sum(self, until: float = inf) -> None:
        while self._follow is not None and monotonic() < until and await self._follow():
            await asyncio.sleep(_BREATH)
