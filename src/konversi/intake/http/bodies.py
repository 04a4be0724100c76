"""Reading a request's body, up to a size and within a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from konversi.errors import BodyTooLarge, KonversiError, MalformedBody, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Receive

ONE_EVENT = 1_048_576
MANY_EVENTS = 4 * 1_048_576

_LONGEST_SILENCE = 4.0  # seconds without a byte
_LONGEST = 30.0  # seconds for the whole of it


class BodyTooSlow(KonversiError):
    """The request's body did not arrive in time.

    Send it again over a steadier connection, or in smaller parts.
    """

    code = "body_too_slow"
    status = 408


async def read(receive: Receive, headers: Mapping[bytes, bytes], most: int) -> bytes:
    """The whole body.

    Raises `BodyTooLarge` as soon as that is known, `BodyTooSlow`, and `MalformedBody` where the caller went away.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > most:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(_LONGEST_SILENCE) as patience:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body: bytes = message.get("body", b"")
                if len(body) > most:
                    raise BodyTooLarge
                return body
            return await _rest(receive, message.get("body", b""), most, patience)
    except TimeoutError:
        raise BodyTooSlow from None


async def read_json(request: Request, most: int) -> bytes:
    """The body of a request that takes JSON only. Raises `UnsupportedMediaType` as well."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", "application/json"):
        raise UnsupportedMediaType(f"It came as {kind[:60]!r}.")
    return await read(request.receive, dict(request.scope["headers"]), most)


async def _rest(receive: Receive, begin: bytes, most: int, patience: asyncio.Timeout) -> bytes:
    clock = asyncio.get_running_loop().time
    end = clock() + _LONGEST
    parts = [begin]
    size = len(begin)
    while size <= most:
        patience.reschedule(min(end, clock() + _LONGEST_SILENCE))
        message = await receive()
        if message["type"] != "http.request":
            raise MalformedBody("The connection ended before the body did.")
        part = message.get("body", b"")
        size += len(part)
        parts.append(part)
        if not message.get("more_body") and size <= most:
            return b"".join(parts)
    raise BodyTooLarge
