"""The short way of a call to a hot door: from the parser to the door and back, without an ASGI cycle of its own.

An ASGI server makes a cycle of each call: an event to wait for the body, a message for each part, headers checked one
by one. A conversion or a webhook needs none of it when its body came with its head, as nearly all do. Whatever is not
that plain goes uvicorn's own way, and gets the same answer from the same door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from konversi.cli.whole_answers import WholeAnswers
from konversi.intake.event_lists import LONG
from konversi.intake.hot_paths import is_hot, post_to
from konversi.intake.http.bodies import at_hand
from konversi.intake.preparer.calls import BEGINNINGS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from starlette.types import Receive, Scope
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from konversi.intake.answer import Answer


class Doors(Protocol):
    """An application that answers some of its calls in one piece."""

    beside: Beside | None

    async def reply(self, scope: Scope, sent: Mapping[bytes, bytes], receive: Receive) -> Answer:
        """The whole answer, whatever was sent."""
        ...


class Beside(Protocol):
    """Another process that takes some of the connections."""

    def hand_over(self, descriptor: int, said: bytes) -> bool:
        """Hand over a connection, with what was read of it; false where it stays."""
        ...


class _Nobody:
    """Nobody waits for the body: it is there."""

    def set(self) -> None:
        """As uvicorn does when the connection ends."""


class _Call:
    """What uvicorn's protocol looks at of a call that is being answered."""

    __slots__ = ("disconnected", "keep_alive", "response_complete")
    message_event = _Nobody()

    def __init__(self) -> None:
        self.keep_alive = True
        self.disconnected = False
        self.response_complete = False


class ShortWay(WholeAnswers):
    """Uvicorn's protocol, in which a plain call to a hot door is answered without a cycle."""

    app: Any
    _held: list[bytes] | None = None  # the body so far of a call that may go the short way
    _plain: asyncio.Transport
    _reading = False  # in the middle of a call
    came_back_with = b""  # what was read by the process that takes busy callers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._plain = transport
        super().connection_made(transport)
        if self.came_back_with:
            self.data_received(self.came_back_with)

    def data_received(self, data: bytes) -> None:
        if self._hands_over(data):
            return
        super().data_received(data)
        if self._held is not None:
            self._go_the_long_way(self._held)

    def on_message_begin(self) -> None:
        self._reading = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._is_plain():
            self._held = []
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        self._reading = False
        if self._held is None:
            super().on_message_complete()
            return
        body, self._held = b"".join(self._held), None
        call = _Call()
        self.cycle = cast("RequestResponseCycle", call)
        task = self.loop.create_task(self._answer(call, self.url, self.headers, body))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _hands_over(self, data: bytes) -> bool:
        """Whether the connection has gone to another process: before a call, where none is under way."""
        beside = self.app.beside
        if (
            beside is None
            or self.came_back_with
            or not data.startswith(BEGINNINGS)
            or len(data) > LONG  # a list, most likely
            or self._reading
            or not self._is_between_calls
            or self._plain.get_write_buffer_size()
            or not beside.hand_over(self._plain.get_extra_info("socket").fileno(), data)
        ):
            return False
        self._plain.abort()
        return True

    @property
    def _is_between_calls(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _is_plain(self) -> bool:
        parser = self.parser
        return (
            is_hot(self.url)
            and parser.get_method() == b"POST"
            and self._is_between_calls
            and not self.pipeline
            and not self.expect_100_continue
            and not self.flow.write_paused
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
        )

    def _go_the_long_way(self, parts: list[bytes]) -> None:
        """The body did not come with the head."""
        self._held = None
        if self.transport.is_closing():
            return
        super().on_headers_complete()
        for part in parts:
            super().on_body(part)

    async def _answer(self, call: _Call, url: bytes, sent: list[tuple[bytes, bytes]], body: bytes) -> None:
        scope = post_to(url.decode("latin-1"), self.client, self.server)
        reply = await self.app.reply(scope, dict(sent), at_hand(body))
        call.response_complete = True
        if call.disconnected:
            return
        self._plain.write(reply.written(self.server_state.default_headers, close=not call.keep_alive))
        if not call.keep_alive:
            self._plain.close()
        self.on_response_complete()
