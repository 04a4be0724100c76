"""The local Meta as a server."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import orjson
import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from konversi.clock import now as system_now
from konversi.sandbox.app import application
from konversi.sandbox.datasets import Datasets
from konversi.sandbox.declared import declared
from konversi.sandbox.ledger import open_ledger
from konversi.sandbox.local import LocalMeta

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from starlette.types import Receive, Send

_KEEP_ALIVE = 75  # seconds: longer than callers keep theirs, so that none writes into a closing connection
_LAST_WORDS = 2  # seconds for answers under way when the server is told to stop


def open_meta(
    *, ledger: Path | None = None, datasets: Sequence[str] = (), now: Callable[[], float] = system_now
) -> LocalMeta:
    """A local Meta whose ledger is a file, or memory. `datasets` are written as `declared` reads them.

    Raises:
        ValueError: a dataset can't be read.
        OSError: the ledger can't be opened.

    """
    known = Datasets(map(declared, datasets))
    return LocalMeta(open_ledger(ledger), known, now)


def listen(host: str, port: int) -> socket.socket:
    """A listening address; port 0 takes a free one.

    Raises:
        OSError: the address can't be had.

    """
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)


def address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Makes uvloop's event loop where that is installed."""
    return uvicorn.Config(application, log_config=None).get_loop_factory()


class MetaServer(uvicorn.Server):
    """Serves one local Meta and tells when it listens."""

    def __init__(self, meta: LocalMeta, *, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application(meta),
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=_LAST_WORDS,
            )
        )
        self._meta = meta
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._meta.faults.clear()
        self._meta.let_go()
        await super().shutdown(sockets)
        self._meta.ledger.close()


async def serve(
    host: str,
    port: int,
    *,
    ledger: Path | None = None,
    datasets: Sequence[str] = (),
    now: Callable[[], float] = system_now,
    ready: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve until told to stop by a signal. `ready` is called with the address once it listens.

    Raises:
        ValueError: a dataset can't be read.
        OSError: the address or the ledger can't be had.

    """
    with listen(host, port) as listener:
        meta = open_meta(ledger=ledger, datasets=datasets, now=now)
        await MetaServer(meta, ready=lambda: ready(address(listener))).serve([listener])


def run(host: str = "127.0.0.1", port: int = 8787, ledger: Path | None = None, datasets: Sequence[str] = ()) -> int:
    """Serve as a process: one line of JSON with the address goes to stdout. The exit status."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    try:
        with asyncio.Runner(loop_factory=fast_loop()) as runner:
            runner.run(serve(host, port, ledger=ledger, datasets=datasets, ready=_say))
    except KeyboardInterrupt:
        return 0
    except (OSError, ValueError) as error:
        sys.stderr.write(f"The local Meta can't start: {error}\n")
        return 1
    return 0


def _say(url: str) -> None:
    sys.stdout.write(orjson.dumps({"url": url}).decode() + "\n")
    sys.stdout.flush()
    sys.stderr.write(f"Local Meta listens on {url}\n")


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Lets the application see its connection, so that a fault on demand can cut it. Its base is what is installed."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.access_log = False  # an address may hold a token
        app: Any = self.app

        async def with_transport(scope: Any, receive: Receive, send: Send) -> None:
            await app({**scope, "transport": transport}, receive, send)

        self.app: Any = with_transport
