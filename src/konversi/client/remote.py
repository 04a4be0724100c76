"""A running gateway, over HTTP."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import httpx2
import orjson

from konversi.client.answers import as_error
from konversi.clock import now, unique
from konversi.errors import GatewayUnreachable, NotAGateway, Overloaded, ShuttingDown, StorageUnavailable
from konversi.events.faults import Note
from konversi.intake.receive import Receipt
from konversi.logs import logger
from konversi.outbox.port import event_of
from konversi.settings import on_this_machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Self

    from konversi.events.agent import ToolUse, Turn
    from konversi.events.conversion import Conversion
    from konversi.settings import Settings

T = TypeVar("T")
_SECONDS = 10.0
_DRAIN_SECONDS = 3.0
_LOOK_SECONDS = 0.05
_AT_ONCE = 16  # requests under way; more wait for their turn
_MOST_QUEUED = 10_000
_LAST_WORDS_SECONDS = 1.0
_GIVEN_UP = "The gateway at KONVERSI_URL did not take it before this process ended: start it, and report again."
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0  # seconds between tries
_SIGNED = frozenset(
    {"content-type", "x-hub-signature-256", "x-twilio-signature", "x-webhook-secret", "authorization", "user-agent"}
)
_PASSING = (GatewayUnreachable, Overloaded, ShuttingDown, StorageUnavailable)


class Remote:
    """Speaks to the gateway's doors. What is submitted or noted is tried again while the gateway can't take it."""

    def __init__(self, settings: Settings) -> None:
        headers = {"content-type": "application/json"}
        if settings.api_key:
            headers["authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
        url = settings.url or ""
        self._http = httpx2.AsyncClient(
            base_url=url, headers=headers, timeout=_SECONDS, trust_env=not on_this_machine(url)
        )
        self._turnstile = asyncio.Semaphore(_AT_ONCE)
        self._queued = 0
        self._ending = asyncio.Event()
        self._said = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def track(self, conversion: Conversion) -> Receipt:
        said = await self._ask("POST", "/v1/events", conversion.model_dump_json(exclude_none=True).encode())
        if "receipt" not in said:
            raise GatewayUnreachable("The answer has no receipt.")
        notes = tuple(Note(**note) for note in said.get("notes", ()))
        number = event_of(said["receipt"]) or 0
        return Receipt(said["receipt"], said["event_id"], said.get("repeat", False), notes, number)

    async def submit(self, conversion: Conversion) -> Receipt:
        named = _named(conversion)
        return await self._until_taken(lambda: self.track(named))

    def at_once(self, conversion: Conversion) -> None:
        """The gateway is elsewhere: nothing is done without a wait."""

    async def note(self, uses: tuple[ToolUse, ...]) -> None:
        await self._record({"calls": [_own("call_id", use.model_dump(mode="json", exclude_none=True)) for use in uses]})

    async def turn(self, turn: Turn) -> None:
        await self._record({"turns": [_own("turn_id", turn.model_dump(mode="json", exclude_none=True))]})

    async def _record(self, records: dict[str, Any]) -> None:
        body = orjson.dumps(records)
        await self._until_taken(lambda: self._ask("POST", "/v1/agent/records", body))

    async def webhook(self, platform: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """The call goes on as it came, with its own headers: its signature is over these bytes."""
        sent = {name: value for name, value in headers.items() if name.lower() in _SIGNED}
        try:
            response = await self._http.post(f"/webhooks/{platform}", content=body, headers=sent)
        except httpx2.HTTPError as error:
            raise GatewayUnreachable(type(error).__name__) from error
        if response.is_success:
            return response.content
        raise as_error(response.status_code, _object(response.content))

    async def event(self, receipt: str, wait: float) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            said = await self._ask("GET", f"/v1/events/{receipt}")
            if said.get("state") not in ("waiting", "sending") or loop.time() >= until:
                return said
            await asyncio.sleep(_LOOK_SECONDS)

    async def drain(self) -> None:
        """What is queued still goes out, if the gateway takes it soon; it does the rest."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _DRAIN_SECONDS
        while self._queued and loop.time() < until:
            await asyncio.sleep(_LOOK_SECONDS)
        if self._queued:
            logger().error("queue_given_up", waiting=self._queued, remedy=_GIVEN_UP)
        self._ending.set()
        until = loop.time() + _LAST_WORDS_SECONDS
        while self._queued and loop.time() < until:
            await asyncio.sleep(_LOOK_SECONDS)

    async def _until_taken(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Raises `Overloaded` where too much waits already, and what the gateway says of the request itself."""
        if self._queued >= _MOST_QUEUED:
            raise Overloaded("Too much waits for the gateway.")
        self._queued += 1
        try:
            return await self._patiently(ask)
        finally:
            self._queued -= 1

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._turnstile:
                    return await ask()
            except NotAGateway:
                raise
            except _PASSING:
                self._say_once()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._ending.wait()
                if self._ending.is_set():
                    raise
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _say_once(self) -> None:
        if not self._said:
            self._said = True
            logger().warning("gateway_not_reached", remedy="It is tried again, and what is reported waits in memory.")

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        try:
            response = await self._http.request(method, path, content=body)
        except httpx2.HTTPError as error:
            raise GatewayUnreachable(type(error).__name__) from error
        said = _object(response.content)
        if response.is_success and said:
            return said
        raise as_error(response.status_code, said)


def _named(conversion: Conversion) -> Conversion:
    """With an id and a time of its own where it has no id: what is tried again must not become a second one."""
    if conversion.event_id is not None or conversion.booking_id is not None:
        return conversion
    own = {"event_id": f"{conversion.event}:{unique()}"}
    return conversion.model_copy(update=own if conversion.occurred_at is not None else {**own, "occurred_at": now()})


def _own(name: str, record: dict[str, Any]) -> dict[str, Any]:
    """With an id of its own where it has none, for the same reason."""
    return {name: unique(), **record}


def _object(body: bytes) -> dict[str, Any]:
    """The answer's JSON object; empty where it is none."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
