"""The gateway inside the bot's own process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.errors import NotFound
from konversi.insight.describe import event_in_full
from konversi.intake.hot_paths import WEBHOOK_PATHS
from konversi.intake.payments.doors import PROVIDERS
from konversi.intake.payments.doors import take as take_payment
from konversi.intake.prompt import at_once
from konversi.intake.webhooks import Asked, platform_of, take
from konversi.outbox.port import event_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from konversi.events.agent import ToolUse, Turn
    from konversi.events.conversion import Conversion
    from konversi.intake.gateway import Gateway
    from konversi.intake.receipts import Receipt

_DRAIN_SECONDS = 3.0


class Embedded:
    """Speaks to the gateway's use cases directly."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def track(self, conversion: Conversion) -> Receipt:
        return await self._gateway.receiver.receive(conversion)

    submit = track

    def at_once(self, conversion: Conversion) -> Receipt | None:
        prompt = self._gateway.prompt if conversion.payment_id is None else None  # a payment waits for its booking
        return at_once(prompt.receive(conversion)) if prompt is not None else None

    async def note(self, uses: tuple[ToolUse, ...]) -> None:
        await self._gateway.turns.note(calls=uses)

    async def turn(self, turn: Turn) -> None:
        await self._gateway.turns.note(turns=[turn])

    async def webhook(self, platform: str, headers: Mapping[str, str], body: bytes) -> bytes:
        sent = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
        asked = Asked("POST", WEBHOOK_PATHS + platform, "", sent, body)
        gateway = self._gateway
        if platform in PROVIDERS:
            provider = PROVIDERS[platform]
            reply = await take_payment(gateway.till, gateway.settings, provider, asked, gateway.told_payments)
        else:
            _, caller = platform_of(asked.path)
            reply = await take(gateway.listener, gateway.settings, caller, asked)
        gateway.webhooks_heard[platform] = gateway.clock.now()
        return reply.body

    async def event(self, receipt: str, wait: float) -> dict[str, Any]:
        number = event_of(receipt)
        if number is None:
            raise NotFound
        stored = await self._gateway.outcome(number, wait)
        return event_in_full(stored, await self._gateway.outbox.attempts(stored.attempts))

    async def drain(self) -> None:
        """A script that ends right after its last `track` has sent it, if Meta answers soon."""
        await self._gateway.drain(_DRAIN_SECONDS)
