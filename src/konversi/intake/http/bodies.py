"""Reading a request's body, up to a size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.errors import BodyTooLarge, MalformedBody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive

ONE_EVENT = 1_048_576
MANY_EVENTS = 4 * 1_048_576


async def read(receive: Receive, headers: Mapping[bytes, bytes], most: int) -> bytes:
    """The whole body. Raises `BodyTooLarge` as soon as that is known, and `MalformedBody` where the caller went away."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > most:
        raise BodyTooLarge
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > most:
            raise BodyTooLarge
        return body
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise BodyTooLarge
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise MalformedBody("The connection ended before the body did.")
