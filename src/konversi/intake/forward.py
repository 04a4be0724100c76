"""Handing webhook calls on to the user's own bot, as they came: durable, repeated until the bot has them."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, NamedTuple

import httpx2
import orjson

from konversi.errors import SealBroken, StorageUnavailable
from konversi.logs import logger
from konversi.settings import on_this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.clock import Clock
    from konversi.database.sealed import Seal
    from konversi.journeys.port import Forward
    from konversi.journeys.store import Journeys

SEALED_AS = "forwarded webhook"
_HANDED_ON = ("content-type", "user-agent", "x-hub-signature", "x-hub-signature-256")
_PAUSES = (1.0, 5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0)  # seconds before each further try
_LONGEST = 7 * 86_400  # seconds after which a call is given up: Meta itself would have
_AT_ONCE = 16
_SECONDS = 10.0
_TIMEOUT = httpx2.Timeout(_SECONDS, connect=3.0)
_LOOK_AGAIN_SECONDS = 60.0


class Call(NamedTuple):
    """A webhook call as it came."""

    headers: Mapping[str, str]
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


class Forwarder:
    """Hands calls on to one address, some at a time, oldest first."""

    def __init__(self, journeys: Journeys, seal: Seal, url: str, *, clock: Clock) -> None:
        self._journeys = journeys
        self._seal = seal
        self._url = url
        self._clock = clock
        self._something = asyncio.Event()
        self._failing = False

    def wake(self) -> None:
        """There is a call to hand on."""
        self._something.set()

    async def run(self) -> None:
        """Hand on what is due, until cancelled."""
        async with httpx2.AsyncClient(
            timeout=_TIMEOUT, follow_redirects=False, trust_env=not on_this_machine(self._url)
        ) as http:
            while True:
                self._something.clear()
                try:
                    if not await self._round(http):
                        await self._rest()
                except StorageUnavailable as error:
                    logger().error("forwarding_waits_for_storage", cause=error.detail)
                    await asyncio.sleep(_PAUSES[1])

    async def _round(self, http: httpx2.AsyncClient) -> bool:
        due = await self._journeys.due_forwards(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for forward in due:
                group.create_task(self._hand_on(http, forward))
        return bool(due)

    async def _rest(self) -> None:
        following = await self._journeys.next_forward()
        pause = _LOOK_AGAIN_SECONDS if following is None else min(_LOOK_AGAIN_SECONDS, following - self._clock.now())
        try:
            async with asyncio.timeout(max(0.0, pause)):
                await self._something.wait()
        except TimeoutError:
            return

    async def _hand_on(self, http: httpx2.AsyncClient, forward: Forward) -> None:
        fault = await self._fault(http, forward)
        if fault is None:
            await self._journeys.forwarded(forward.id)
            self._failing = False
            return
        if self._clock.now() - forward.received_at >= _LONGEST:
            logger().error("webhook_given_up", reason=fault, remedy="WHATSAPP_FORWARD_URL did not take it for 7 days.")
            await self._journeys.forwarded(forward.id)
            return
        if not self._failing:
            self._failing = True
            logger().warning("webhook_not_forwarded", reason=fault, remedy="It is kept, and tried again.")
        pause = _PAUSES[min(forward.tries, len(_PAUSES) - 1)]
        await self._journeys.put_off(forward.id, self._clock.now() + pause * (1 + self._clock.jitter()) / 2, fault)

    async def _fault(self, http: httpx2.AsyncClient, forward: Forward) -> str | None:
        """Why the call could not be handed on; never a word of the call."""
        try:
            call = Call.unpacked(self._seal.open(forward.sealed, SEALED_AS))
        except SealBroken as error:
            return error.code
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await http.post(self._url, content=call.body, headers=dict(call.headers))
        except (httpx2.HTTPError, TimeoutError) as error:
            return type(error).__name__
        return None if answer.is_success else f"HTTP {answer.status_code}"
