"""In front of everything: who may call, and the hot doors without a framework's detours (`benchmarks/README.md`)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import orjson

from konversi.errors import KonversiError
from konversi.intake.http import webhooks
from konversi.intake.http.bodies import MANY_EVENTS, read
from konversi.intake.http.duties import check
from konversi.intake.http.native import Answer, answer
from konversi.intake.http.problems import PROBLEM, headers, problem, response, unforeseen
from konversi.intake.webhooks import PATHS, Asked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import TypeAlias

    from starlette.types import ASGIApp, Receive, Scope, Send

    from konversi.intake.gateway import Gateway
    from konversi.intake.http.access import Access
    from konversi.intake.http.duties import Only

    Headers: TypeAlias = Mapping[bytes, bytes]

EVENTS_PATH = "/v1/events"


class FrontDoor:
    """The ASGI application that the server runs: answers events and webhooks itself and hands on the rest."""

    def __init__(self, inner: ASGIApp, access: Access, gateway: Callable[[], Gateway], only: Only = None) -> None:
        self._inner = inner
        self._access = access
        self._gateway = gateway
        self._only = only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        sent = dict(scope["headers"])
        try:
            self._access.check(scope, sent)
            check(self._only, scope["method"], scope["path"])
        except KonversiError as error:
            await response(error)(scope, receive, send)
            return
        door = self._door(scope)
        if door is None:
            with suppress(Exception):  # answered and logged within; the server would only print it, with its text
                await self._inner(scope, receive, send)
            return
        try:
            reply = await door(scope, sent, receive)
        except KonversiError as error:
            reply = _refusal(error)
        except Exception as error:  # noqa: BLE001 - reported, and the caller gets an answer
            reply = _refusal(unforeseen(error))
        await _send(send, reply)

    def _door(self, scope: Scope) -> Callable[[Scope, Headers, Receive], Awaitable[Answer]] | None:
        if scope["path"] == EVENTS_PATH and scope["method"] == "POST":
            return self._events
        return self._webhook if scope["path"].startswith(PATHS) else None

    async def _events(self, _scope: Scope, sent: Headers, receive: Receive) -> Answer:
        body = await read(receive, sent, MANY_EVENTS)
        kind, waited = sent.get(b"content-type", b""), sent.get(b"konversi-waited", b"")
        return await answer(self._gateway().receiver, body, kind.decode("latin-1"), waited.decode("latin-1"))

    async def _webhook(self, scope: Scope, sent: Headers, receive: Receive) -> Answer:
        asked = Asked(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), sent)
        return await webhooks.answer(self._gateway(), asked, receive)


def _refusal(error: KonversiError) -> Answer:
    return Answer(error.status, orjson.dumps(problem(error)), PROBLEM, headers(error))


async def _send(send: Send, reply: Answer) -> None:
    fields = [(b"content-type", reply.content_type.encode()), (b"content-length", str(len(reply.body)).encode())]
    if reply.headers:
        fields += [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": fields})
    await send({"type": "http.response.body", "body": reply.body})
