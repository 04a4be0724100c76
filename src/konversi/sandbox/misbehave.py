"""How each fault shows on the wire."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from typing import TYPE_CHECKING, Protocol

import orjson
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from konversi.sandbox.answers import refusal
from konversi.sandbox.errors import Problem
from konversi.sandbox.faults import REFUSING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from konversi.sandbox.faults import Fault, Faults

_HUGE = 8 * 1_048_576
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_DOWN_PAGE = (
    "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1></body></html>"
)


class Handle(Protocol):
    """Judges the request as if there were no fault, and takes it, but for the last `short_by` events."""

    async def __call__(self, *, short_by: int = 0) -> Response: ...


async def meet(fault: Fault, faults: Faults, request: Request, handle: Handle) -> Response:
    """What a request gets that meets this fault."""
    if fault.kind in REFUSING:
        return refuse(fault, request.path_params["dataset"])
    match fault.kind:
        case "hang":
            return await _hang(fault, faults, request, handle)
        case "latency":
            await faults.wait(_seconds(fault))
            return await handle()
        case "drip":
            return _drip(await handle(), faults, _seconds(fault))
        case "short_received":
            return await handle(short_by=1)
        case "reset_before_accept":
            return Reset()
        case "reset_after_accept":
            await handle()
            return Reset()
    return _strange(fault)


def refuse(fault: Fault, dataset: str) -> Response:
    """A refusal in Meta's form, with the usage headers that come with a throttle."""
    answer = refusal(Problem(REFUSING[fault.kind]), "en")
    usage: dict[str, object] = {"call_count": 100, "total_cputime": 25, "total_time": 25}
    if fault.kind == "rate_limit":
        answer.headers["x-app-usage"] = orjson.dumps(usage).decode()
    if fault.kind == "business_rate_limit":
        minutes = math.ceil((fault.retry_after or 60) / 60)
        usage |= {"type": "ads_management", "estimated_time_to_regain_access": minutes}
        answer.headers["x-business-use-case-usage"] = orjson.dumps({dataset: [usage]}).decode()
    return _with_retry_after(answer, fault)


def _strange(fault: Fault) -> Response:
    match fault.kind:
        case "html":
            answer: Response = HTMLResponse(_DOWN_PAGE, 502)
        case "empty":
            answer = Response(b"", 200)
        case "huge":
            answer = Response(b'{"messages":["' + b"a" * _HUGE + b'"]}', 200, media_type="application/json")
        case "redirect":
            answer = RedirectResponse("/login", 302)
        case _:
            answer = Response(b"", 503)
    return _with_retry_after(answer, fault)


def _with_retry_after(answer: Response, fault: Fault) -> Response:
    if fault.retry_after is not None:
        answer.headers["retry-after"] = str(fault.retry_after)
    return answer


def _seconds(fault: Fault) -> float:
    return 1.0 if fault.seconds is None else fault.seconds


async def _hang(fault: Fault, faults: Faults, request: Request, handle: Handle) -> Response:
    """No answer until the time is over or the faults are cleared; nothing is taken from a sender who gave up."""
    waiting = asyncio.ensure_future(faults.wait(fault.seconds))
    leaving = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        leaving.cancel()
    return Response() if leaving.done() and not leaving.cancelled() else await handle()


def _drip(answer: Response, faults: Faults, seconds: float) -> Response:
    """The same answer, a byte at a time."""
    content = bytes(answer.body)

    async def drops() -> AsyncIterator[bytes]:
        for at in range(len(content)):
            await faults.wait(seconds / len(content))
            yield content[at : at + 1]

    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return StreamingResponse(drops(), answer.status_code, headers)


class Reset(Response):
    """No answer at all: the connection is reset. Needs the transport that `server` puts into the request's state."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport = scope["state"]["transport"]
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            continue
