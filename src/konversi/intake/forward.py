"""Handing webhook calls on to the user's own bot, as they came: durable, repeated until the bot has them."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import httpx2
import orjson

from konversi.errors import SealBroken, StorageUnavailable
from konversi.logs import logger
from konversi.settings import on_this_machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from konversi.clock import Clock
    from konversi.database.sealed import Seal
    from konversi.journeys.port import Forward
    from konversi.journeys.store import Journeys

T = TypeVar("T")

SEALED_AS = "forwarded webhook"
_HANDED_ON = ("content-type", "user-agent", "x-hub-signature", "x-hub-signature-256")
_PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0)  # seconds before each further try
_LONGEST = 7 * 86_400  # seconds after which a call is given up: Meta itself would have
_AT_ONCE = 16
_SECONDS = 10.0
_TIMEOUT = httpx2.Timeout(_SECONDS, connect=3.0)
_LOOK_AGAIN_SECONDS = (0.5, 60.0)  # at least, at most


class Call(NamedTuple):
    """A webhook call as it came."""

    headers: Mapping[str, str]  # values as Latin-1, which has a letter for every byte
    body: bytes

    @classmethod
    def of(cls, headers: Mapping[bytes, bytes], body: bytes) -> Call:
        """With the headers that the bot needs to check it for itself."""
        names = ((name, headers.get(name.encode())) for name in _HANDED_ON)
        return cls({name: value.decode("latin-1") for name, value in names if value is not None}, body)

    def packed(self) -> bytes:
        """As bytes, to be encrypted and kept."""
        return orjson.dumps({"headers": dict(self.headers), "body": base64.b64encode(self.body).decode()})

    @classmethod
    def unpacked(cls, packed: bytes) -> Call:
        """What `packed` made bytes of."""
        said = orjson.loads(packed)
        return cls(said["headers"], base64.b64decode(said["body"]))


def _client(url: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=not on_this_machine(url))


class Forwarder:
    """Hands calls on to one address, some at a time, the oldest first; one that hangs holds up no other."""

    def __init__(self, journeys: Journeys, seal: Seal, url: str, *, clock: Clock) -> None:
        self._journeys = journeys
        self._seal = seal
        self._url = url
        self._clock = clock
        self._something = asyncio.Event()
        self._under_way: set[int] = set()
        self._failing = False

    def wake(self) -> None:
        """There is a call to hand on."""
        self._something.set()

    async def run(self) -> None:
        """Hand on what is due, until cancelled."""
        async with _client(self._url) as http, asyncio.TaskGroup() as group:
            while True:
                self._something.clear()
                await self._patiently(lambda: self._begin(http, group))
                await self._rest(await self._patiently(self._journeys.next_forward))

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
                while due := [
                    one for one in await self._journeys.due_forwards(_AT_ONCE) if one.id not in self._under_way
                ]:
                    self._under_way |= {one.id for one in due}
                    try:
                        await asyncio.gather(*(self._hand_on(http, one) for one in due))
                    finally:
                        self._under_way -= {one.id for one in due}
        except TimeoutError:
            self._something.set()

    async def _begin(self, http: httpx2.AsyncClient, group: asyncio.TaskGroup) -> None:
        before = frozenset(self._under_way)  # one that arrives at the bot during the look-up may still be found by it
        room = _AT_ONCE - len(before)
        if not room:
            return
        due = await self._journeys.due_forwards(_AT_ONCE + len(before))
        for forward in [one for one in due if one.id not in before][:room]:
            self._under_way.add(forward.id)
            group.create_task(self._carry(http, forward))

    async def _rest(self, following: float | None) -> None:
        """Until something happens, or the next call is due."""
        least, most = _LOOK_AGAIN_SECONDS
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

    async def _settle(self, forward: Forward, fault: str | None) -> None:
        now = self._clock.now()
        if fault is None:
            self._failing = False
            await self._journeys.forwarded(forward.id)
        elif now - forward.received_at >= _LONGEST:
            logger().error("webhook_given_up", reason=fault, remedy="WHATSAPP_FORWARD_URL did not take it for 7 days.")
            await self._journeys.forwarded(forward.id)
        else:
            if not self._failing:
                self._failing = True
                logger().warning("webhook_not_forwarded", reason=fault, remedy="It is kept, and tried again.")
            pause = _PAUSES[min(forward.tries, len(_PAUSES) - 1)]
            await self._journeys.put_off(forward.id, now + pause * (1 + self._clock.jitter()) / 2, fault)

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
