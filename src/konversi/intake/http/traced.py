"""A span for each call of a door that events come in by; pages and probes get none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.tracing import start
from konversi.tracing.spans import SERVER, came_with, failed, span

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROUTES = frozenset(
    {
        "/v1/events", "/api/meta/conversion", "/v1/agent/turns", "/v1/agent/records", "/v1/imports",
        *(f"/webhooks/{name}" for name in ("whatsapp", "messenger", "twilio", "baileys")),
        *(f"/webhooks/{name}" for name in ("midtrans", "xendit", "stripe")),
    }
)  # fmt: skip
_SERVER_ERROR = 500


class TracedDoor:
    """In front of the whole application. A call that carries `traceparent` goes on with its caller's trace."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self._tracer = start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in _ROUTES:
            await self._inner(scope, receive, send)
            return
        route = scope["path"]
        told = {"http.request.method": "POST", "http.route": route, "url.scheme": scope.get("scheme", "http")}
        context = came_with(dict(scope["headers"]))
        with span(self._tracer, f"POST {route}", told, kind=SERVER, context=context) as one:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    one.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _SERVER_ERROR:
                        failed(one, str(message["status"]))
                await send(message)

            await self._inner(scope, receive, noted)
