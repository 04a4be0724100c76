"""In front of everything: who may call, and the hot doors without a framework's detours (`benchmarks/README.md`)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.routing import Match

from konversi.access.acting import Actor, acting
from konversi.errors import KonversiError, Unauthorized
from konversi.intake.hot_paths import EVENTS_PATH, WEBHOOK_PATHS
from konversi.intake.http import webhooks
from konversi.intake.http.access import session_of
from konversi.intake.http.bodies import MANY_EVENTS, read
from konversi.intake.http.callers import address_of
from konversi.intake.http.duties import check
from konversi.intake.http.native import answer
from konversi.intake.http.problems import refusal, response, unforeseen
from konversi.intake.webhooks import Asked
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import TypeAlias

    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from konversi.access.acting import Acting
    from konversi.intake.answer import Answer
    from konversi.intake.gateway import Gateway
    from konversi.intake.http.access import Access, Caller
    from konversi.intake.http.beside import BesideDoors
    from konversi.intake.http.duties import Only

    Headers: TypeAlias = Mapping[bytes, bytes]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FOR_WHO_IS_LOGGED_IN = frozenset({"/docs", "/openapi.json"})


class FrontDoor:
    """The ASGI application that the server runs: answers events and webhooks itself and hands on the rest."""

    def __init__(
        self,
        inner: ASGIApp,
        access: Access,
        gateway: Callable[[], Gateway],
        only: Only = None,
        pages: Sequence[BaseRoute] = (),
    ) -> None:
        self._inner = inner
        self._access = access
        self.gateway = gateway
        self._only = only
        self._pages = pages
        self.under_way = 0  # calls of hot doors
        self.beside: BesideDoors | None = None  # where busy callers may be handed over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        sent = dict(scope["headers"])
        if self._door(scope) is not None:
            await _send(send, await self.reply(scope, sent, receive))
            return
        try:
            caller = await self._let_in(scope, sent)
            check(self._only, scope["method"], scope["path"])
        except KonversiError as error:
            await response(error)(scope, receive, self._counted(scope, send))
            return
        with suppress(Exception):  # answered and logged within; the server would only print it, with its text
            await self._hand_on(scope, sent, receive, self._counted(scope, send), caller)

    def admit(self, scope: Scope, sent: Headers) -> None:
        """Raises a `KonversiError` where the caller may not call that door, or this process does not have it."""
        self._access.check(scope, sent)
        check(self._only, scope["method"], scope["path"])

    async def reply(self, scope: Scope, sent: Headers, receive: Receive) -> Answer:
        """The whole answer of a hot door. Total: whatever was sent, there is one."""
        door = self._door(scope)
        assert door is not None
        self.under_way += 1
        try:
            self.admit(scope, sent)
            reply = await door(scope, sent, receive)
        except KonversiError as error:
            reply = refusal(error)
        except Exception as error:  # noqa: BLE001 - reported, and the caller gets an answer
            reply = refusal(unforeseen(error))
        finally:
            self.under_way -= 1
        self.gateway().answered.note(scope["path"], reply.status)
        return reply

    def _counted(self, scope: Scope, send: Send) -> Send:
        """`send` that notes how the call is answered."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.gateway().answered.note(scope["path"], message["status"])
            await send(message)

        return noted

    async def _let_in(self, scope: Scope, sent: Headers) -> Caller | None:
        """Who calls. The pages ask for themselves who looks. Raises as `Access.check`."""
        if any(page.matches(scope)[0] is Match.FULL for page in self._pages):
            return self._access.caller(scope, sent)
        try:
            return self._access.check(scope, sent)
        except Unauthorized:
            if scope["path"] in _FOR_WHO_IS_LOGGED_IN and await session_of(self.gateway(), scope, sent):
                return None
            raise

    async def _hand_on(self, scope: Scope, sent: Headers, receive: Receive, send: Send, caller: Caller | None) -> None:
        """Call what is within, and keep what was changed there before it is answered."""
        scope["konversi.caller"] = caller
        if scope["method"] in _SAFE:
            await self._inner(scope, receive, send)
            return
        gateway = self.gateway()
        at = address_of(scope, sent, gateway.settings.proxies)
        with acting(Actor(caller.name, caller.kind, at) if caller else Actor("", "nobody", at)) as one:

            async def kept_first(message: Message) -> None:
                if one.deeds and message["type"] == "http.response.start":
                    await _keep(gateway, one)
                await send(message)

            await self._inner(scope, receive, kept_first)

    def _door(self, scope: Scope) -> Callable[[Scope, Headers, Receive], Awaitable[Answer]] | None:
        if scope["path"] == EVENTS_PATH and scope["method"] == "POST":
            return self._events
        return self._webhook if scope["path"].startswith(WEBHOOK_PATHS) else None

    async def _events(self, _scope: Scope, sent: Headers, receive: Receive) -> Answer:
        body = await read(receive, sent, MANY_EVENTS)
        kind, waited = sent.get(b"content-type", b""), sent.get(b"konversi-waited", b"")
        return await answer(self.gateway().receiver, body, kind.decode("latin-1"), waited.decode("latin-1"))

    async def _webhook(self, scope: Scope, sent: Headers, receive: Receive) -> Answer:
        asked = Asked(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), sent)
        return await webhooks.answer(self.gateway(), asked, receive)


async def _keep(gateway: Gateway, one: Acting) -> None:
    done = [deed.action.value for deed in one.deeds]
    try:
        await gateway.entrance.audit.keep(one)
    except KonversiError as error:  # it is done all the same
        logger().error("changes_not_kept", by=one.actor.name, done=done, cause=error.detail)


async def _send(send: Send, reply: Answer) -> None:
    fields = [(b"content-type", reply.content_type.encode()), (b"content-length", str(len(reply.body)).encode())]
    if reply.headers:
        fields += [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": fields})
    await send({"type": "http.response.body", "body": reply.body})
