"""The HTTP application: all doors, their errors as problems, and the pages that describe them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from konversi._version import __version__
from konversi.errors import InvalidRequest, KonversiError, MethodNotAllowed, NotFound
from konversi.events.conversion import Conversion
from konversi.events.faults import Fault
from konversi.intake import deciding
from konversi.intake.hot_paths import EVENTS_PATH, WEBHOOK_PATHS
from konversi.intake.http import (
    agent,
    consents,
    cron,
    custom_conversions,
    datasets,
    erasures,
    exports,
    funnel,
    guide,
    imports,
    journeys,
    looking,
    payments,
    people,
    returns,
    spend,
    tail,
    value,
)
from konversi.intake.http.access import Access
from konversi.intake.http.bodies import MANY_EVENTS, read
from konversi.intake.http.docs_page import page
from konversi.intake.http.documented import body, description, problems
from konversi.intake.http.hot import FrontDoor
from konversi.intake.http.native import answer
from konversi.intake.http.problems import response, unforeseen
from konversi.intake.http.webhooks import answer as take
from konversi.intake.invalid_fields import InvalidFields
from konversi.intake.webhooks import Asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from fastapi.telemetry import TelemetryConfig
    from pydantic import BaseModel
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from konversi.intake.gateway import Gateway
    from konversi.intake.http.duties import Only
    from konversi.settings import Settings

_SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
}

# FastAPI's own spans and logs hold queries and what failed validation: identities. Ours are in `traced.py`.
_SILENT: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False
}  # fmt: skip

_WEBHOOKS = {
    "whatsapp": "WhatsApp's Cloud API: messages, ad clicks, automatic events",
    "messenger": "Messenger and Instagram: messages and ad clicks",
    "twilio": "WhatsApp through Twilio",
    "baileys": "WhatsApp through Evolution API, WAHA and others over Baileys",
    "midtrans": "Midtrans: payments, refunds, chargebacks",
    "xendit": "Xendit: invoices, payments, refunds",
    "stripe": "Stripe: checkout sessions, payment intents, refunds, disputes",
}
_WAITED = {
    "name": "Konversi-Waited",
    "in": "header",
    "description": "Seconds for which the caller could not send this: an event without a time happened as long ago.",
    "schema": {"type": "integer", "minimum": 0, "maximum": 9_999_999},
}
_SHAKES_HANDS = ("whatsapp", "messenger")


def application(
    open_gateway: Callable[[], AbstractAsyncContextManager[Gateway]],
    api_key: str | None,
    only: Only = None,
    *,
    pages: Sequence[BaseRoute] = (),
) -> FrontDoor:
    """The ASGI application, with `pages` for people. The gateway runs as long as the server's lifespan does."""
    app = _described(pages)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_gateway() as gateway:
            app.state.gateway = gateway
            yield

    app.router.lifespan_context = lifespan
    opened = lambda: app.state.gateway  # noqa: E731 - once the server's lifespan has begun
    return FrontDoor(app, Access(api_key, opened), opened, only, pages)


def door_of(gateway: Gateway, api_key: str | None, only: Only = None) -> FrontDoor:
    """The ASGI application of a gateway that somebody else opens and closes."""
    app = _described()
    app.state.gateway = gateway
    return FrontDoor(app, Access(api_key, lambda: gateway), lambda: gateway, only)


def seen(settings: Settings, app: ASGIApp) -> ASGIApp:
    """The application, as its calls show in traces where these are on. Raises as `tracing.start`."""
    if not settings.traces:
        return app
    from konversi.intake.http.traced import TracedDoor  # noqa: PLC0415 - an extra

    return TracedDoor(app)


def _described(pages: Sequence[BaseRoute] = ()) -> FastAPI:
    app = FastAPI(
        title="Konversi",
        version=__version__,
        summary="The self-hosted conversion gateway for chat commerce.",
        docs_url=None,
        redoc_url=None,
        telemetry=_SILENT,
    )
    app.include_router(guide.router)
    app.include_router(looking.router)
    app.include_router(tail.router)
    app.include_router(journeys.router)
    app.include_router(spend.router)
    app.include_router(custom_conversions.router)
    app.include_router(payments.router)
    app.include_router(funnel.router)
    app.include_router(returns.router)
    app.include_router(value.router)
    app.include_router(agent.router)
    app.include_router(datasets.router)
    app.include_router(imports.router)
    app.include_router(consents.router)
    app.include_router(erasures.router)
    app.include_router(exports.router)
    app.include_router(people.router)
    app.include_router(cron.router)
    app.add_api_route(
        EVENTS_PATH,
        _events,
        methods=["POST"],
        status_code=202,
        summary="Report one conversion, or up to 1,000",
        tags=["events"],
        openapi_extra={**body(Conversion, many=True), "parameters": [_WAITED]},
        responses={
            202: {"description": "Accepted, and durable"},
            207: {"description": "Some were refused", "content": {"application/json": {}}},
            **problems(400, 408, 409, 413, 415, 422, 503),
        },
    )
    for platform, words in _WEBHOOKS.items():
        app.add_api_route(
            f"{WEBHOOK_PATHS}{platform}",
            _webhook,
            methods=["POST"],
            operation_id=f"{platform}_webhook",
            summary=words,
            tags=["webhooks"],
            responses={200: {"description": "Kept, or known already"}, **problems(400, 401, 408, 413, 422, 503)},
        )
    for platform in _SHAKES_HANDS:
        app.add_api_route(
            f"{WEBHOOK_PATHS}{platform}",
            _webhook,
            methods=["GET"],
            operation_id=f"{platform}_handshake",
            summary="Meta's handshake when the webhook is set up: answers its challenge",
            tags=["webhooks"],
            response_class=PlainTextResponse,
            responses=problems(400, 403, 503),
        )
    app.router.routes.extend(pages)
    app.add_api_route("/docs", _docs, include_in_schema=False, response_class=HTMLResponse)
    forms: tuple[type[BaseModel], ...] = (
        looking.Discard,
        deciding.ManyEvents,
        *consents.FORMS,
        *datasets.FORMS,
        *people.FORMS,
        *value.FORMS,
        *agent.FORMS,
        *custom_conversions.FORMS,
    )
    app.openapi = cache(partial(description, app, forms))  # type: ignore[method-assign]
    _speak_in_problems(app)
    return app


async def _events(request: Request) -> Response:
    """Durable when answered. One event, `{"events": [...]}`, or one a line as `application/x-ndjson`."""
    # The server answers this address in `hot.py`, without coming here: this is the same door for other servers.
    sent = await read(request.receive, dict(request.scope["headers"]), MANY_EVENTS)
    kind, waited = request.headers.get("content-type", ""), request.headers.get("konversi-waited", "")
    reply = await answer(request.app.state.gateway.receiver, sent, kind, waited)
    return Response(reply.body, reply.status, reply.headers, reply.content_type)


async def _webhook(request: Request) -> Response:
    """Checked by the platform's own signature or secret, over the very bytes. Durable when answered."""
    # As above: the server answers in `hot.py`.
    asked = Asked(request.method, request.url.path, request.url.query, dict(request.scope["headers"]))
    reply = await take(request.app.state.gateway, asked, request.receive)
    return Response(reply.body, reply.status, reply.headers, reply.content_type)


async def _docs(request: Request) -> HTMLResponse:
    return HTMLResponse(page(request.app.openapi()), headers=_SECURITY)


def _speak_in_problems(app: FastAPI) -> None:
    @app.exception_handler(KonversiError)
    async def konversi_error(_request: Request, error: KonversiError) -> Response:
        return response(error)

    @app.exception_handler(RequestValidationError)
    async def validation_error(_request: Request, error: RequestValidationError) -> Response:
        faults = [
            Fault(".".join(str(part) for part in one["loc"][1:]), "bad_parameter", f"{one['msg']}.", "See `/docs`.")
            for one in error.errors()
        ]
        return response(InvalidFields(faults))

    @app.exception_handler(HTTPException)
    async def http_error(_request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:  # noqa: PLR2004 - what Starlette says of a known path
            return response(MethodNotAllowed())
        return response(NotFound() if error.status_code == 404 else InvalidRequest(str(error.detail)))  # noqa: PLR2004

    @app.exception_handler(Exception)
    async def any_other(_request: Request, error: Exception) -> Response:
        return response(unforeseen(error))
