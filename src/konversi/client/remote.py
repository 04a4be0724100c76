"""A running gateway, over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import orjson

from konversi.client.answers import as_error
from konversi.client.queue import Queue
from konversi.clock import unique
from konversi.errors import GatewayUnreachable
from konversi.events.faults import Note
from konversi.intake.receipts import Receipt
from konversi.outbox.port import event_of
from konversi.settings import on_this_machine
from konversi.tracing import carried

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from konversi.events.agent import ToolUse, Turn
    from konversi.events.conversion import Conversion
    from konversi.settings import Settings

_SECONDS = 10.0
_LOOK_SECONDS = 0.05
_SIGNED = frozenset(
    {
        "content-type", "x-hub-signature-256", "x-twilio-signature", "x-webhook-secret", "authorization", "user-agent",
        "x-callback-token", "stripe-signature",
    }
)  # fmt: skip


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
        self._queue = Queue()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def track(self, conversion: Conversion) -> Receipt:
        return await self._report(conversion, 0.0, carried())

    async def submit(self, conversion: Conversion) -> Receipt:
        named, trace = _named(conversion), carried()
        return await self._queue.book(lambda waited: self._report(named, waited, trace))

    async def _report(self, conversion: Conversion, waited: float, trace: Mapping[str, str]) -> Receipt:
        """With how long it waited beside its contents, not among them: however often it is sent, it says the same."""
        more = {**trace, "konversi-waited": str(int(waited))} if waited >= 1 else trace
        said = await self._ask("POST", "/v1/events", conversion.model_dump_json(exclude_none=True).encode(), more)
        if "receipt" not in said:
            raise GatewayUnreachable("The answer has no receipt.")
        notes = tuple(Note(**note) for note in said.get("notes", ()))
        number = event_of(said["receipt"]) or 0
        return Receipt(said["receipt"], said["event_id"], said.get("repeat", False), notes, number)

    def at_once(self, conversion: Conversion) -> None:
        """The gateway is elsewhere: nothing is done without a wait."""

    async def note(self, uses: tuple[ToolUse, ...]) -> None:
        await self._record({"calls": [_own("call_id", use.model_dump(mode="json", exclude_none=True)) for use in uses]})

    async def turn(self, turn: Turn) -> None:
        await self._record({"turns": [_own("turn_id", turn.model_dump(mode="json", exclude_none=True))]})

    async def _record(self, records: dict[str, Any]) -> None:
        body = orjson.dumps(records)
        await self._queue.note(lambda _waited: self._ask("POST", "/v1/agent/records", body))

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
        await self._queue.end()

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, more: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            response = await self._http.request(method, path, content=body, headers=more)
        except httpx2.HTTPError as error:
            raise GatewayUnreachable(type(error).__name__) from error
        said = _object(response.content)
        if response.is_success and said:
            return said
        raise as_error(response.status_code, said)


def _named(conversion: Conversion) -> Conversion:
    """With an id of its own where it has none: what is tried again must not become a second one."""
    if conversion.event_id is not None or conversion.booking_id is not None:
        return conversion
    return conversion.model_copy(update={"event_id": f"{conversion.event}:{unique()}"})


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
