"""Runs the local Meta until it is told to stop."""

from __future__ import annotations

import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from konversi.sandbox.app import LocalMeta
from konversi.sandbox.datasets import Datasets
from konversi.sandbox.ledger import Ledger
from konversi.sandbox.routes import routes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_BACKLOG = 2048


class Reachable(AutoHTTPProtocol):
    """A connection whose requests can reach their transport, in order to break it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """A server on a socket that already listens."""

    def __init__(self, meta: LocalMeta, *, when_ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                routes(meta),
                http=Reachable,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        self._meta = meta
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._meta.faults.clear()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Being told to stop is a good end; uvicorn would raise the signal again after it."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its address as a URL. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    name = f"[{host}]" if ":" in host else host
    return listener, f"http://{name}:{listener.getsockname()[1]}"


def run(
    *,
    host: str,
    port: int,
    ledger: Path | None,
    datasets: Sequence[str] = (),
    tell: Callable[[str], None] | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT; `tell` hears the URL as soon as it listens. 0 is a good end."""
    listener, url = listen(host, port)

    def ready() -> None:
        sys.stderr.write(f"Local Meta listens on {url}\n")
        sys.stderr.flush()
        if tell:
            tell(url)

    with listener, Ledger(ledger) as kept:
        Server(LocalMeta(kept, Datasets(datasets)), when_ready=ready).run(sockets=[listener])
    return 0
