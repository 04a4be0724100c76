"""Reading a request's body, up to a size and within a time."""

from __future__ import annotations

import asyncio
from types import coroutine
from typing import TYPE_CHECKING, Any

from konversi.errors import BodyTooLarge, KonversiError, MalformedBody, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Generator, Mapping

    from starlette.requests import Request
    from starlette.types import Message, Receive

    from konversi.intake.room import Room

ONE_EVENT = 1_048_576
MANY_EVENTS = 4 * 1_048_576

_LONGEST_SILENCE = 4.0  # seconds without a byte
_LONGEST = 30.0  # seconds for the whole of it
_LONGEST_SILENCE_OF_FILES = 20.0


class BodyTooSlow(KonversiError):
    """The request's body did not arrive in time.

    Send it again over a steadier connection, or in smaller parts.
    """

    code = "body_too_slow"
    status = 408


async def read(receive: Receive, headers: Mapping[bytes, bytes], most: int, room: Room | None = None) -> bytes:
    """The whole body; what has to be waited for takes its place in `room` meanwhile.

    Raises `BodyTooLarge` as soon as that is known, `BodyTooSlow`, `WebhooksCrowded` where there is no room, and
    `MalformedBody` where the caller went away.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > most:
        raise BodyTooLarge
    waiting = receive().__await__()
    try:
        pending = next(waiting)
    except StopIteration as at_hand:  # the body came with the headers, as small ones do: no timer, which costs 4 us
        message = at_hand.value
        if not message.get("more_body") and message["type"] == "http.request":
            return _within(message.get("body", b""), most)
        return await _rest(receive, _ready(message), most, room)
    return await _rest(receive, _resumed(pending, waiting), most, room)


def at_hand(body: bytes) -> Receive:
    """What `read` reads where the body has come already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _within(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise BodyTooLarge
    return body


async def _ready(message: Message) -> Message:
    return message


@coroutine
def _resumed(pending: Any, waiting: Generator[Any, Any, Message]) -> Generator[Any, Any, Message]:
    """Goes on with what stopped at `pending`."""
    try:
        yield pending
        return (yield from waiting)
    finally:
        waiting.close()


async def _rest(receive: Receive, first: Awaitable[Message], most: int, room: Room | None) -> bytes:
    clock = asyncio.get_running_loop().time
    end = clock() + _LONGEST
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_LONGEST_SILENCE) as patience:
            message = await first
            while message["type"] == "http.request":
                part = message.get("body", b"")
                if room is not None:
                    room.take(len(part), size + len(part))
                parts.append(part)
                size += len(part)
                if size > most or not message.get("more_body"):
                    return _within(b"".join(parts), most)
                patience.reschedule(min(end, clock() + _LONGEST_SILENCE))
                message = await receive()
    except TimeoutError:
        raise BodyTooSlow from None
    finally:
        if room is not None:
            room.give_back(size)
    raise MalformedBody("The connection ended before the body did.")


async def read_json(request: Request, most: int) -> bytes:
    """The body of a request that takes JSON only. Raises `UnsupportedMediaType` as well."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", "application/json"):
        raise UnsupportedMediaType(f"It came as {kind[:60]!r}.")
    return await read(request.receive, dict(request.scope["headers"]), most)


async def pieces(request: Request) -> AsyncIterator[bytes]:
    """A body that may be large, as it comes. Raises `BodyTooSlow`; how much is taken is the reader's to say."""
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(_LONGEST_SILENCE_OF_FILES):
                piece = await anext(stream, None)
        except TimeoutError:
            raise BodyTooSlow from None
        if piece is None:
            return
        yield piece
