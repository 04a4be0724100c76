"""`GET /v1/tail`: what happens to events, as server-sent events, while it happens."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from konversi.intake.http.documented import problems
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from konversi.insight.tail import Listener, Tail
    from konversi.intake.gateway import Gateway

router = APIRouter()

_Filter = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
_KIND = "text/event-stream"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
_SIGN_OF_LIFE = b": still here\n\n"
_HELLO = b"retry: 2000\n\n"  # milliseconds until a browser asks again


@router.get(
    "/v1/tail",
    summary="What happens to events, while it happens",
    tags=["events"],
    response_class=StreamingResponse,
    responses={200: {"description": "Server-sent events", "content": {_KIND: {}}}, **problems(422, 503)},
)
async def tail(
    request: Request, what: _Filter = None, dataset: _Filter = None, event: _Filter = None
) -> StreamingResponse:
    """Each accepted event, and each attempt's end for each of its events, one JSON object a message.

    `what` is `accepted`, or what Meta's answer meant: `delivered`, `refused`, `in_doubt`... An event named `missed`
    says how many were left out because too much happened at a time. The stream ends after a quarter of an hour: ask
    again.
    """
    return stream(request.app.state.gateway, {"what": what, "dataset": dataset, "event": event})


def stream(gateway: Gateway, wanted: Mapping[str, str | None]) -> StreamingResponse:
    """The changes that have these values. Raises `TooManyListeners`."""
    filters = {name: value for name, value in wanted.items() if value}
    if filters.get("dataset") == gateway.settings.pixel_id:
        filters["dataset"] = DEFAULT_DATASET
    held = ExitStack()
    listener = held.enter_context(gateway.tail.listening())
    return StreamingResponse(_messages(gateway.tail, listener, filters, held), media_type=_KIND, headers=_HEADERS)


async def _messages(tail: Tail, listener: Listener, filters: dict[str, str], held: ExitStack) -> AsyncIterator[bytes]:
    with held:
        yield _HELLO
        async for changes, missed in tail.news(listener):
            told = [change for change in changes if all(change[name] == value for name, value in filters.items())]
            yield b"".join(_message(change) for change in told) or _SIGN_OF_LIFE
            if missed:
                yield b"event: missed\n" + _message({"events": missed})


def _message(content: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(content) + b"\n\n"
