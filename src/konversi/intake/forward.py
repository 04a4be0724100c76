"""Handing webhook calls on to the user's own bot, as they came: durable, repeated until the bot has them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import httpx2

from konversi.errors import SealBroken, StorageUnavailable
from konversi.intake.call import SEALED_AS, Call
from konversi.intake.outage import Outage
from konversi.logs import logger
from konversi.settings import on_this_machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from konversi.clock import Clock
    from konversi.database.sealed import Seal
    from konversi.journeys.forwards import Forwards
    from konversi.journeys.port import Forward

T = TypeVar("T")

_PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0)  # seconds before each further try
_LONGEST = 7 * 86_400  # seconds after which a call is given up: Meta itself would have
_AT_ONCE = 16
_ABOUT_THE_CALL = frozenset({SealBroken.code, "HTTP 400", "HTTP 413", "HTTP 415", "HTTP 422"})
_COMPLAINT_SECONDS = 3_600.0
_SECONDS = 10.0
_TIMEOUT = httpx2.Timeout(_SECONDS, connect=3.0)
_TOO_LATE = "WHATSAPP_FORWARD_URL did not take it for 7 days."
_FULL = "Too many wait for WHATSAPP_FORWARD_URL: until it takes some, it gets none of the new ones."
_LOOK_AGAIN_SECONDS = (0.5, 60.0)  # at least, at most


def _client(url: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=not on_this_machine(url))


class Forwarder:
    """Hands calls on to one address, some at a time, the oldest first; one that hangs holds up no other.

    `dropped` counts those that were not kept, since the start.
    """

    def __init__(
        self,
        forwards: Forwards,
        seal: Seal,
        url: str,
        *,
        clock: Clock,
        elsewhere: Callable[[], None] | None = None,
    ) -> None:
        """`elsewhere` wakes the processes that hand on, where this one doesn't."""
        self._forwards = forwards
        self._seal = seal
        self._url = url
        self._clock = clock
        self._elsewhere = elsewhere
        self._something = asyncio.Event()
        self._under_way: set[int] = set()
        self._outage = Outage()
        self._next_complaint = 0.0
        self.dropped = 0

    def wake(self) -> None:
        """There is a call to hand on."""
        if self._elsewhere is not None:
            self._elsewhere()
        self._something.set()

    def no_room(self) -> None:
        """A call was not kept, because too many wait."""
        self.dropped += 1
        now = self._clock.now()
        if now >= self._next_complaint:
            self._next_complaint = now + _COMPLAINT_SECONDS
            logger().error("webhooks_not_kept", remedy=_FULL)

    async def waiting(self) -> int:
        """How many calls there are to hand on."""
        return await self._forwards.waiting()

    async def run(self) -> None:
        """Hand on what is due, until cancelled."""
        async with _client(self._url) as http, asyncio.TaskGroup() as group:
            await self._patiently(self._forwards.revive)  # nobody knows how the bot did meanwhile
            while True:
                self._something.clear()
                await self._patiently(lambda: self._begin(http, group))
                await self._rest(await self._patiently(self._forwards.next_due))

    @property
    def wanted(self) -> bool:
        """Whether something was to be handed on since the last time that somebody did it."""
        return self._something.is_set()

    async def once(self, seconds: float) -> None:
        """Hand on what is due, so many seconds at most: for a process that may be frozen at any other time.

        A call that is cut off is tried again, so the bot may get it twice.
        """
        self._something.clear()
        try:
            async with asyncio.timeout(seconds), _client(self._url) as http:
                while due := await self._chosen():
                    self._under_way |= {one.id for one in due}
                    try:
                        await asyncio.gather(*(self._hand_on(http, one) for one in due))
                    finally:
                        self._under_way -= {one.id for one in due}
        except TimeoutError:
            self._something.set()

    async def _begin(self, http: httpx2.AsyncClient, group: asyncio.TaskGroup) -> None:
        for forward in await self._chosen():
            self._under_way.add(forward.id)
            group.create_task(self._carry(http, forward))

    async def _chosen(self) -> list[Forward]:
        under_way = frozenset(self._under_way)  # one that ends during the look-up may still be found by it
        if self._outage.down:
            return [] if under_way else await self._probe()
        room = _AT_ONCE - len(under_way)
        return await self._forwards.due(room, under_way) if room else []

    async def _probe(self) -> list[Forward]:
        """The one call, if it is time for it, that finds out whether the bot is up again."""
        now = self._clock.now()
        if now < self._outage.next_probe:
            return []
        given_up = await self._forwards.give_up(now - _LONGEST)
        if given_up:
            logger().error("webhook_given_up", calls=given_up, remedy=_TOO_LATE)
        soonest = await self._forwards.soonest()
        return [soonest] if soonest else []

    async def _rest(self, following: float | None) -> None:
        """Until something happens, or the next call is due."""
        least, most = _LOOK_AGAIN_SECONDS
        if following is not None and self._outage.down:
            following = self._outage.next_probe
        pause = most if following is None else min(most, max(least, following - self._clock.now()))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._something.wait()

    async def _carry(self, http: httpx2.AsyncClient, forward: Forward) -> None:
        await self._hand_on(http, forward)
        self._under_way.discard(forward.id)
        self.wake()

    async def _hand_on(self, http: httpx2.AsyncClient, forward: Forward) -> None:
        fault = await self._fault(http, forward)
        await self._patiently(lambda: self._settle(forward, fault))
        if fault is None:
            if self._outage.taken(self._clock.now()):
                logger().info("webhooks_forwarded_again")
                await self._patiently(self._forwards.revive)
        elif self._outage.failed(forward.id, self._clock.now(), its_own_fault=fault in _ABOUT_THE_CALL):
            logger().warning("webhook_not_forwarded", reason=fault, remedy="It is kept, and tried again.")

    async def _settle(self, forward: Forward, fault: str | None) -> None:
        now = self._clock.now()
        if fault is None:
            await self._forwards.done(forward.id)
        elif now - forward.received_at >= _LONGEST:
            logger().error("webhook_given_up", reason=fault, remedy=_TOO_LATE)
            await self._forwards.done(forward.id)
        else:
            pause = _PAUSES[min(forward.tries, len(_PAUSES) - 1)]
            await self._forwards.put_off(forward.id, now + pause * (1 + self._clock.jitter()) / 2, fault)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What the storage says, asked until it answers: the bot must not get a call twice because of it."""
        while True:
            try:
                return await ask()
            except StorageUnavailable as error:
                logger().error("forwarding_waits_for_storage", cause=error.detail)
                await asyncio.sleep(_PAUSES[1])

    async def _fault(self, http: httpx2.AsyncClient, forward: Forward) -> str | None:
        """Why the call could not be handed on; never a word of the call."""
        try:
            call = Call.unpacked(self._seal.open(forward.sealed, SEALED_AS))
            headers = {name.encode(): value.encode("latin-1") for name, value in call.headers.items()}
            async with asyncio.timeout(_SECONDS):
                answer = await http.post(self._url, content=call.body, headers=headers)
        except SealBroken as error:
            return error.code
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one call, the others go on
            return type(error).__name__
        return None if answer.is_success else f"HTTP {answer.status_code}"
