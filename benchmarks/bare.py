"""The reference *bare*: uvicorn and Starlette validate the same JSON with pydantic and answer 202, storing nothing.

For webhooks: they check the signature, read the JSON and answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from typing import TYPE_CHECKING

import uvicorn
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from konversi.events.conversion import Conversion

if TYPE_CHECKING:
    from starlette.requests import Request

ONE = TypeAdapter(Conversion)


async def events(request: Request) -> JSONResponse:
    ONE.validate_json(await request.body())
    return JSONResponse({"status": "accepted"}, 202)


async def webhook(request: Request) -> JSONResponse:
    body = await request.body()
    expected = "sha256=" + hmac.new(b"an-app-secret", body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers.get("x-hub-signature-256", "")):
        return JSONResponse({"status": "unsigned"}, 401)
    json.loads(body)
    return JSONResponse({"status": "read"})


async def payment(request: Request) -> JSONResponse:
    told = json.loads(await request.body())
    said = f"{told['order_id']}{told['status_code']}{told['gross_amount']}SB-Mid-server-secret"
    if not hmac.compare_digest(hashlib.sha512(said.encode()).hexdigest(), told["signature_key"]):
        return JSONResponse({"status": "unsigned"}, 401)
    return JSONResponse({"status": "read"})


app = Starlette(
    routes=[
        Route("/v1/events", events, methods=["POST"]),
        Route("/webhooks/whatsapp", webhook, methods=["POST"]),
        Route("/webhooks/midtrans", payment, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="error")
