"""What each fault on demand answers, or does instead of answering."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Protocol

import orjson
from starlette.responses import RedirectResponse, Response, StreamingResponse

from konversi.sandbox import errors
from konversi.sandbox.answers import Answer, received, refused
from konversi.sandbox.errors import GraphError, Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import Receive, Scope, Send

    from konversi.sandbox.faults import Fault, Kind

_GRAPH_ERRORS: Mapping[Kind, GraphError] = {
    "token_expired": errors.OLD_TOKEN,
    "token_invalid": errors.BAD_TOKEN,
    "permission": errors.NO_PERMISSION,
    "rate_limit": errors.APP_LIMIT,
    "business_rate_limit": errors.ACCOUNT_LIMIT,
    "transient": errors.DOWN,
    "unknown": errors.UNKNOWN,
}
_FULL_USAGE = {"call_count": 100, "total_cputime": 25, "total_time": 25}
_LITTLE_USAGE = {"call_count": 1, "total_cputime": 1, "total_time": 1}
_HTML = "<!DOCTYPE html><html><head><title>Error</title></head><body>Sorry, something went wrong.</body></html>"
_MEGABYTE = b" " * 1_000_000
_NO_LINGER = struct.pack("ii", 1, 0)  # closing sends RST


class Asked(Protocol):
    """What an answer needs to know of the request."""

    @property
    def method(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def size(self) -> int: ...


def spoil(fault: Fault, answer: Answer | None, asked: Asked, closing: asyncio.Event) -> Response:
    """The answer of a request that a fault struck. `answer` is the honest one, where the events were taken."""
    response = _spoilt(fault, answer or received(asked.size, "A"), asked, closing)
    if fault.retry_after is not None:
        response.headers["retry-after"] = fault.retry_after
    return response


def _spoilt(fault: Fault, answer: Answer, asked: Asked, closing: asyncio.Event) -> Response:
    match fault.kind:
        case "hang":
            return Hanging(closing)
        case "reset" | "reset_after_accept":
            return Hangup()
        case "drip":
            return _dripping(answer, fault.ms / 1_000, closing)
        case "html":
            return Response(_HTML, fault.status or 200, media_type="text/html")
        case "empty":
            return Response(b"", fault.status or 200)
        case "huge":
            return StreamingResponse(_padded(bytes(answer.body), fault.megabytes), media_type="application/json")
        case "redirect":
            return RedirectResponse(fault.location, fault.status or 302)
        case "server_error" if not fault.body:
            return Response(b"", fault.status or 503)
        case "short_received" | "latency":
            return answer
        case _:
            return _graph_error(fault, asked)


def _graph_error(fault: Fault, asked: Asked) -> Answer:
    error = _GRAPH_ERRORS.get(fault.kind, errors.DOWN)
    if fault.kind == "not_found":
        error = errors.UNKNOWN_NODE_GET if asked.method == "GET" else errors.UNKNOWN_NODE_POST
    usage = _FULL_USAGE if fault.kind == "rate_limit" else _LITTLE_USAGE
    answer = refused(Refusal(error), language=asked.language, node=asked.node, status=fault.status, usage=usage)
    if fault.kind == "business_rate_limit":
        answer.headers["x-business-use-case-usage"] = _business_usage(asked.node, fault.minutes)
    return answer


def _business_usage(node: str, minutes: int) -> str:
    busy = {
        "type": "ads_management",
        **_FULL_USAGE,
        "estimated_time_to_regain_access": minutes,
        "ads_api_access_tier": "development_access",
    }
    return orjson.dumps({node: [busy]}).decode("ascii", "replace")


def _dripping(answer: Answer, pause: float, closing: asyncio.Event) -> StreamingResponse:
    async def drops() -> AsyncIterator[bytes]:
        for byte in bytes(answer.body):
            yield bytes([byte])
            try:
                await asyncio.wait_for(closing.wait(), pause)
            except TimeoutError:
                continue
            return

    return StreamingResponse(drops(), media_type="application/json")


async def _padded(body: bytes, megabytes: int) -> AsyncIterator[bytes]:
    """The answer, after more white space than anyone should read."""
    for _ in range(megabytes):
        yield _MEGABYTE
    yield body


class Hangup(Response):
    """Resets the connection. Needs the transport that `server.py` puts into the scope."""

    def __init__(self) -> None:
        super().__init__()
        self.status_code = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport = scope["transport"]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
        await _disconnected(receive)


class Hanging(Hangup):
    """Says nothing, until the caller leaves or the server ends."""

    def __init__(self, closing: asyncio.Event) -> None:
        super().__init__()
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving, ending = asyncio.create_task(_disconnected(receive)), asyncio.create_task(self._closing.wait())
        await asyncio.wait((leaving, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if leaving.done():
            return
        leaving.cancel()
        await super().__call__(scope, receive, send)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
