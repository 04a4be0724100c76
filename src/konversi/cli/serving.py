"""Runs the gateway's HTTP server until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import uvicorn

from konversi import collector
from konversi.cli.inviting import invite
from konversi.dashboard import pages
from konversi.errors import KonversiError, StorageUnavailable
from konversi.intake.http.app import application, seen
from konversi.intake.http.beside import BesideDoors
from konversi.intake.http.hot import FrontDoor
from konversi.logs import logger, set_up
from konversi.settings import LOOPBACK
from konversi.wiring import open_gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

    from konversi.intake.gateway import Gateway
    from konversi.intake.preparer.beside import Beside
    from konversi.intake.preparer.handing import Handed
    from konversi.settings import Settings

_GRACE_SECONDS = 10  # for requests under way; delivery has its own time after that
_LOOK_SECONDS = 0.5
# The writer asks for the interpreter's lock after each statement. With Python's 5 ms it mostly waited for it, and long
# lists were prepared and stored one after the other instead of at the same time.
_TURN_SECONDS = 0.001
_MMAP_THRESHOLD, _LARGE = -3, 131_072  # glibc's M_MMAP_THRESHOLD, and bytes
STARTED_BADLY = 78  # EX_CONFIG: a service manager should not try again


class Share(NamedTuple):
    """What a parent process gives its children."""

    socket: int  # the descriptor of one that listens
    parent: int  # its own pid: they end with it
    place: int = 0  # which of them it is


def serve(settings: Settings, share: Share | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status: 1 where the storage failed, 78 where it can't start."""
    set_up(settings.log_style)
    _give_back_large_pieces()
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - not on every system

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    return asyncio.run(_serve(settings, share))


class Server(uvicorn.Server):
    """Being told to stop is a good end; uvicorn would raise the signal again after it."""

    def __init__(
        self, config: uvicorn.Config, let_go: Callable[[], None], began: Callable[[], None] | None = None
    ) -> None:
        """`let_go` ends the streams that nobody ends by himself: stopping would wait for them.

        `began` is called once calls are taken.
        """
        super().__init__(config)
        self._let_go = let_go
        self._began = began
        self._beside: Beside | None = None
        self._coming_back: set[asyncio.Task[None]] = set()

    def hands_over(self, app: FrontDoor, gateway: Gateway, beside: Beside) -> None:
        """Have the process beside this one take busy callers of the application."""
        self._beside = beside
        app.beside = BesideDoors(app, gateway.receiver, beside, self._take_back)
        beside.opens(app.beside)

    def _take_back(self, handed: Handed) -> None:
        task = asyncio.create_task(self._connect(handed))
        self._coming_back.add(task)
        task.add_done_callback(self._coming_back.discard)

    async def _connect(self, handed: Handed) -> None:
        new: Callable[..., Any] = self.config.http_protocol_class
        protocol = new(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        protocol.came_back_with = handed.said
        await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, handed.connection)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say that it listens when it does: who reads that calls at once."""
        await super().startup(sockets)
        if self.started and self._began is not None:
            self._began()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave no connection open: one that came while the others were told is not, and uvloop would not close."""
        self._let_go()
        if self._beside is not None:
            await self._beside.finish(_GRACE_SECONDS)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.close()
        await asyncio.sleep(0)


async def _serve(settings: Settings, share: Share | None) -> int:
    try:
        listener = listening(settings) if share is None else socket.socket(fileno=share.socket)
    except OSError as error:
        logger().error(f"Can't listen on {settings.host} port {settings.port}: {error.strerror}.")
        return STARTED_BADLY
    with listener:
        try:
            async with open_gateway(settings, beside=True) as gateway:
                gateway.place = share.place if share else 0
                await invite(settings, gateway, address(settings, listener))
                await _answer(settings, gateway, listener, parent=share.parent if share else None)
                return 0 if gateway.outbox.broken is None else 1
        except KonversiError as error:
            logger().error(str(error))
            # A server that is away comes back; a folder that can't be used doesn't.
            return 1 if settings.shared and isinstance(error, StorageUnavailable) else STARTED_BADLY


async def _answer(settings: Settings, gateway: Gateway, listener: socket.socket, *, parent: int | None) -> None:
    """Take calls until told to stop, or until the storage fails."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    app = seen(settings, application(lambda: nullcontext(gateway), key, settings.only, pages=pages()))
    config = uvicorn.Config(
        app,
        http=protocol(app),
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    began = partial(announce, settings, listener) if parent is None else None
    server = Server(config, gateway.tail.close, began)
    if isinstance(app, FrontDoor) and gateway.receiver.beside is not None:
        server.hands_over(app, gateway, gateway.receiver.beside)
    guard = asyncio.create_task(_stop_when_broken(server, gateway, parent))
    collector.settle()
    sys.setswitchinterval(_TURN_SECONDS)
    await server.serve(sockets=[listener])
    guard.cancel()


def _give_back_large_pieces() -> None:
    """A batch or a piece of a file goes back to the system when it is let go of.

    glibc would keep such pieces, torn, in an area for each thread: an eighth of the process (`benchmarks/README.md`).
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)


def protocol(app: ASGIApp) -> type[asyncio.Protocol] | Literal["auto"]:
    """How connections are read for an application, where the system has what it needs."""
    try:
        from konversi.cli.short_way import ShortWay  # noqa: PLC0415 - httptools is not on every system
        from konversi.cli.whole_answers import WholeAnswers  # noqa: PLC0415
    except ImportError:
        return "auto"
    return ShortWay if isinstance(app, FrontDoor) else WholeAnswers


async def _stop_when_broken(server: Server, gateway: Gateway, parent: int | None) -> None:
    while gateway.outbox.broken is None and parent in (None, os.getppid()):
        await asyncio.sleep(_LOOK_SECONDS)
    if gateway.outbox.broken is not None:
        logger().error("storage_broken", cause=gateway.outbox.broken)
    server.should_exit = True


def listening(settings: Settings) -> socket.socket:
    """Bound before the gateway opens, so that the address can be told even where port 0 was asked for."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError:
        listener.close()
        raise
    return listener


def address(settings: Settings, listener: socket.socket) -> str:
    """Where the gateway is reached."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"


def announce(settings: Settings, listener: socket.socket) -> None:
    say = logger().info
    does = f"only {settings.only}, " if settings.only else ""
    say(f"Konversi listens on {address(settings, listener)} ({does}{settings.environment}, {settings.graph_url}).")
    if settings.test_event_code:
        say(f"Development: every event is sent as a test event with the code {settings.test_event_code}.")
    if settings.api_key is None and settings.host not in LOOPBACK:
        logger().warning("KONVERSI_API_KEY is not set: calls from other machines need a key of `konversi keys create`.")
