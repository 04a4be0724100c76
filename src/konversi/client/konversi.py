"""The asynchronous client."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol

from konversi.client.embedded import Embedded
from konversi.client.remote import Remote
from konversi.settings import load
from konversi.tracing import start
from konversi.wiring import open_gateway

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from konversi.events.agent import ToolUse, Turn
    from konversi.events.conversion import Conversion
    from konversi.intake.receipts import Receipt
    from konversi.settings import Settings


class Inside(Protocol):
    """Where conversions go."""

    async def track(self, conversion: Conversion) -> Receipt: ...
    async def submit(self, conversion: Conversion) -> Receipt: ...
    def at_once(self, conversion: Conversion) -> Receipt | None: ...
    async def note(self, uses: tuple[ToolUse, ...]) -> None: ...
    async def turn(self, turn: Turn) -> None: ...
    async def webhook(self, platform: str, headers: Mapping[str, str], body: bytes) -> bytes: ...
    async def event(self, receipt: str, wait: float) -> dict[str, Any]: ...
    async def drain(self) -> None: ...


class Konversi:
    """Reports conversions. Use it as `async with Konversi() as k: await k.track(Lead(...))`.

    Without `url` the gateway runs inside this process, with its own outbox (KONVERSI_DATA_DIR) and its own delivery;
    with `url` (or KONVERSI_URL) conversions go to a running gateway. Other settings come from the environment, and can
    be given by their field name: `Konversi(pixel_id=..., token=...)`.
    """

    def __init__(self, *, url: str | None = None, api_key: str | None = None, **settings: Any) -> None:
        self._start_from(load(url=url, api_key=api_key, **settings))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With settings that are loaded already."""
        konversi = cls.__new__(cls)
        konversi._start_from(settings)  # noqa: SLF001 - its own class
        return konversi

    def _start_from(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._inside: Inside | None = None
        self.queued = settings.url is not None

    async def __aenter__(self) -> Self:
        if self._settings.url:
            if self._settings.traces:
                start()
            self._inside = await self._stack.enter_async_context(Remote(self._settings))
        else:
            self._inside = Embedded(await self._stack.enter_async_context(open_gateway(self._settings)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        inside, self._inside = self._inside, None
        try:
            if inside is not None:
                await inside.drain()
        finally:
            await self._stack.aclose()

    async def track(self, conversion: Conversion) -> Receipt:
        """Accept a conversion; it is on durable storage on return, and delivered later.

        Never waits for Meta and never raises because of it. Raises `Refused` where the conversion can't be used (with
        each fault), `IdempotencyConflict` where its id belongs to other contents, and `StorageUnavailable`,
        `Overloaded` or `GatewayUnreachable` where durability can't be promised.
        """
        return await self._opened().track(conversion)

    async def submit(self, conversion: Conversion) -> Receipt:
        """As `track`; a running gateway that can't be reached is tried again until this process ends."""
        return await self._opened().submit(conversion)

    def at_once(self, conversion: Conversion) -> Receipt | None:
        """`track` from any thread, where nothing has to be waited for; `None` where it has, and nothing was done."""
        return self._opened().at_once(conversion)

    async def note(self, *uses: ToolUse) -> None:
        """Keep what an agent's tools did, for its metrics."""
        await self._opened().note(uses)

    async def turn(self, turn: Turn) -> None:
        """Keep what one answer of an agent came to, for its metrics."""
        await self._opened().turn(turn)

    async def webhook(self, platform: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Hand a chat platform's or a payment provider's webhook call to Konversi, for bots that take them themselves.

        platform: whatsapp, messenger, baileys, midtrans, xendit or stripe; Twilio signs the address that it calls, so
        let it call Konversi.
        headers and body: as they came, since they are signed.
        Its ad click, or its payment, is on durable storage on return. Returns what the platform may be answered. Raises
        `WebhookUnsigned`, `WebhookNotSetUp`, `MalformedBody`, `PaymentUnreadable`, `StorageUnavailable` or
        `GatewayUnreachable`.
        """
        return await self._opened().webhook(platform, headers, body)

    async def event(self, receipt: str, *, wait: float = 0.0) -> dict[str, Any]:
        """The event as it stands, with its attempts; `wait` seconds at most for its next attempt to end.

        Raises `NotFound`.
        """
        return await self._opened().event(receipt, wait)

    def _opened(self) -> Inside:
        if self._inside is None:
            raise RuntimeError("Open it first: `async with Konversi() as k:`.")
        return self._inside
