"""The bot's door: it answers Meta (or Konversi in front) at once, and the customer from the background."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from whatsapp_booking.agent import agent_of
from whatsapp_booking.cloud import Cloud
from whatsapp_booking.desk import Desk
from whatsapp_booking.incoming import messages_in, signed_by_meta
from whatsapp_booking.memory import Memory
from whatsapp_booking.reply_flow import ReplyFlow
from whatsapp_booking.studio import Studio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from whatsapp_booking.settings import Settings

_LARGEST = 4_000_000  # bytes; Meta sends 3 MB at most


def application(settings: Settings, model: Any = None) -> Starlette:
    """The bot as an ASGI application; `model` goes before the one in the settings."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    memory = Memory(settings.folder / "chats.db")
    studio = Studio(settings.folder / "studio.db")

    @asynccontextmanager
    async def open_desk(app: Starlette) -> AsyncIterator[None]:
        async with Cloud(settings) as cloud:
            app.state.desk = Desk(memory, ReplyFlow(agent_of(model or settings.model), studio, memory, cloud))
            working = asyncio.create_task(app.state.desk.run())
            yield
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working

    async def handshake(request: Request) -> Response:
        """Meta asks once, when it is told the webhook's address."""
        asked = request.query_params
        if not settings.verify_token or asked.get("hub.verify_token") != settings.verify_token:
            return PlainTextResponse("", 403)
        return PlainTextResponse(asked.get("hub.challenge", ""))

    async def webhook(request: Request) -> Response:
        """Durable when answered; an answer that comes late would make Meta call again."""
        body = await _body(request)
        if body is None:
            return JSONResponse({"error": "too large"}, 413)
        if not signed_by_meta(settings.app_secret, body, request.headers.get("x-hub-signature-256")):
            return JSONResponse({"error": "not signed"}, 401)
        try:
            call = json.loads(body)
        except ValueError:
            return JSONResponse({"error": "not JSON"}, 400)
        new = await asyncio.to_thread(memory.keep, list(messages_in(call, settings.line)))
        request.app.state.desk.wake()
        return JSONResponse({"new": new})

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/webhook", handshake, methods=["GET"]),
            Route("/webhook", webhook, methods=["POST"]),
            Route("/healthz", health),
        ],
        lifespan=open_desk,
    )


async def _body(request: Request) -> bytes | None:
    """The raw bytes, which the signature is of; None where there are too many."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            return None
    return bytes(body)
