"""What each fault on demand answers, or does instead of answering."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

import orjson
from starlette.responses import RedirectResponse, Response, StreamingResponse

from konversi.sandbox import errors
from konversi.sandbox.answers import FULL_USAGE, LITTLE_USAGE, Answer, received, refused
from konversi.sandbox.errors import GraphError, Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from konversi.sandbox.call import Call
    from konversi.sandbox.faults import Fault, Kind

_GRAPH_ERRORS: Mapping[Kind, GraphError] = {
    "not_found": errors.UNKNOWN_NODE_POST,
    "refuse_event": errors.INVALID,
    "server_error": errors.DOWN,
    "not_ready": errors.NOT_READY,
    "token_expired": errors.OLD_TOKEN,
    "token_invalid": errors.BAD_TOKEN,
    "recipient_not_allowed": errors.NOT_ALLOWED,
    "message_limit": errors.MESSAGE_LIMIT,
    "rate_limit": errors.APP_LIMIT,
    "business_rate_limit": errors.ACCOUNT_LIMIT,
    "transient": errors.DOWN,
    "unknown": errors.UNKNOWN,
}
_HTML = "<!DOCTYPE html><html><head><title>Error</title></head><body>Sorry, something went wrong.</body></html>"
_MEGABYTE = b" " * 1_000_000
_NO_LINGER = struct.pack("ii", 1, 0)  # closing sends RST


def spoil(fault: Fault, answer: Answer | None, call: Call, language: str, release: asyncio.Event) -> Response:
    """The answer of a request that a fault struck. `answer` is the honest one, where the events were taken."""
    make = _WAYS.get(fault.kind)
    if make is not None:
        response = make(fault, answer or received(call.size), release)
    else:
        response = _graph_error(fault, call, language)
    if fault.retry_after is not None:
        response.headers["retry-after"] = str(fault.retry_after)
    return response


def _graph_error(fault: Fault, call: Call, language: str) -> Answer:
    error = _permission(fault, call) if fault.kind == "permission" else _GRAPH_ERRORS[fault.kind]
    if fault.kind == "not_found" and call.method == "GET":
        error = errors.UNKNOWN_NODE_GET
    path: tuple[str, ...] = ()
    if fault.kind == "refuse_event" and fault.event_id is not None:
        path = (str(call.all_of("event_id").index(fault.event_id)),)
    usage = FULL_USAGE if fault.kind == "rate_limit" else LITTLE_USAGE
    answer = refused(Refusal(error, path), language=language, node=call.node, status=fault.status, usage=usage)
    if fault.kind == "business_rate_limit":
        answer.headers["x-business-use-case-usage"] = _business_usage(call.node, fault.minutes)
    return answer


def _permission(fault: Fault, call: Call) -> GraphError:
    """What an account's dataset needs is another permission than events do."""
    if fault.code == errors.NO_APP_PERMISSION.code:
        return errors.NO_APP_PERMISSION
    return errors.NO_EVENTS_PERMISSION if call.edge == "dataset" else errors.NO_PERMISSION


def _business_usage(node: str, minutes: int) -> str:
    busy = {
        "type": "ads_management",
        **FULL_USAGE,
        "estimated_time_to_regain_access": minutes,
        "ads_api_access_tier": "development_access",
    }
    return orjson.dumps({node: [busy]}).decode("ascii", "replace")


def _dripping(fault: Fault, answer: Answer, release: asyncio.Event) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        for byte in bytes(answer.body):
            yield bytes([byte])
            try:
                await asyncio.wait_for(release.wait(), fault.seconds)
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing is sent
        transport: asyncio.Transport = scope["transport"]
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
        await _disconnected(receive)


class Hanging(Hangup):
    """Says nothing, until the caller leaves, the faults are cleared, or the server ends."""

    def __init__(self, release: asyncio.Event) -> None:
        super().__init__()
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving, ending = asyncio.create_task(_disconnected(receive)), asyncio.create_task(self._release.wait())
        await asyncio.wait((leaving, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if leaving.done():
            return
        leaving.cancel()
        await super().__call__(scope, receive, send)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


_WAYS: Mapping[Kind, Callable[[Fault, Answer, asyncio.Event], Response]] = {
    "hang": lambda _fault, _answer, release: Hanging(release),
    "reset_before_accept": lambda _fault, _answer, _release: Hangup(),
    "reset_after_accept": lambda _fault, _answer, _release: Hangup(),
    "drip": _dripping,
    "html": lambda fault, _answer, _release: Response(_HTML, fault.status or 200, media_type="text/html"),
    "server_error_empty": lambda fault, _answer, _release: Response(b"", fault.status or 503),
    "empty": lambda fault, _answer, _release: Response(b"", fault.status or 200),
    "huge": lambda fault, answer, _release: StreamingResponse(
        _padded(bytes(answer.body), fault.megabytes), media_type="application/json"
    ),
    "redirect": lambda fault, _answer, _release: RedirectResponse(fault.location, fault.status or 302),
    "short_received": lambda _fault, answer, _release: answer,
}
