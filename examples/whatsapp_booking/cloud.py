"""Replies through WhatsApp's Cloud API (Meta, WhatsApp Cloud API: messages)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from typing import Self

    from whatsapp_booking.incoming import Message
    from whatsapp_booking.settings import Settings

_VERSION = "v26.0"
_SECONDS = 10.0
_PAUSES = (0.5, 2.0)  # seconds before the second and third try
_LONGEST = 4_096  # characters
_TOO_MANY, _ITS_OWN_FAULT = 429, 500  # HTTP statuses from which another try may help


class ReplyNotSent(Exception):
    """The Cloud API did not take a reply."""


class Cloud:
    """Sends. Use it as `async with Cloud(settings) as cloud`."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.api_url}/{_VERSION}/{settings.line}/messages"
        self._http = httpx2.AsyncClient(timeout=_SECONDS, headers={"authorization": f"Bearer {settings.token}"})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def reply(self, to: Message, text: str) -> None:
        """Send a text, in three tries at most. Raises `ReplyNotSent`."""
        receiver = {"to": to.phone} if to.phone else {"recipient": to.user_id}
        words = {"messaging_product": "whatsapp", **receiver, "type": "text", "text": {"body": text[:_LONGEST]}}
        for pause in (*_PAUSES, None):
            try:
                answer = await self._http.post(self._url, json=words)
            except httpx2.TransportError as error:
                fault = type(error).__name__
            else:
                if answer.is_success:
                    return
                fault = f"HTTP {answer.status_code}"
                if answer.status_code < _ITS_OWN_FAULT and answer.status_code != _TOO_MANY:
                    break
            if pause is not None:
                await asyncio.sleep(pause)
        raise ReplyNotSent(fault)
