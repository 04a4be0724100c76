"""The gateway behind a real HTTP server in a thread, with a Meta that does what a test says."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import httpx2
import uvicorn
import uvloop

from konversi.cli.serving import Server, protocol
from konversi.clock import SystemClock
from konversi.dashboard import pages
from konversi.intake.http import app
from konversi.meta.answers import Kind, Verdict, judge
from konversi.meta.graph import Sent
from konversi.meta.usage import Usage
from konversi.outbox.memory import MemoryOutbox
from konversi.outbox.states import State
from konversi.wiring import open_gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence

    from api_postgres import Databases
    from fastapi import FastAPI
    from starlette.routing import BaseRoute

    from konversi.intake.gateway import Gateway
    from konversi.meta.graph import Credentials
    from konversi.outbox.port import Outbox
    from konversi.settings import Settings

elsewhere: Databases | None = None  # where gateways keep everything, if not in a file
PATIENCE = 10.0  # seconds after which a test gives up on anything
PIXEL = "123456789012345"
TOKEN = "EAAtestTokenThatMustNeverShow"
TRACE = "AbCdTrace123"

GUIDE = "/api/meta/conversion"
EVENTS = "/v1/events"
PROBLEM = "application/problem+json"


def graph_error(code: int, subcode: int | None = None, status: int = 400, **more: Any) -> Callable[[int], Verdict]:
    """Meta's error object, judged as the Graph client judges it."""
    error = {"message": "(#x) pesan", "type": "OAuthException", "code": code, "fbtrace_id": TRACE, **more}
    if subcode is not None:
        error["error_subcode"] = subcode
    return lambda sent: judge(status, json.dumps({"error": error}).encode(), sent)


def plain(status: int, body: bytes = b"<html>") -> Callable[[int], Verdict]:
    """An answer without Graph's words."""
    return lambda sent: judge(status, body, sent)


def unreachable(_sent: int) -> Verdict:
    """The connection was refused."""
    return Verdict(Kind.NOT_SENT, "Meta could not be reached (ConnectError).")


def received(sent: int) -> Verdict:
    """A plain success."""
    return judge(200, json.dumps({"events_received": sent, "messages": [], "fbtrace_id": TRACE}).encode(), sent)


class Patient(SystemClock):
    """Retries as late as jitter allows, so that a test looks at an event between two tries."""

    def jitter(self) -> float:
        return 0.99


def until(condition: Callable[[], Any]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class FakeMeta:
    """Stands for Meta: remembers what it got, and answers as told."""

    def __init__(self) -> None:
        self.answer: Callable[[int], Verdict] = received
        self.requests: list[dict[str, Any]] = []  # what Meta would read: data, test_event_code
        self.to: list[Credentials] = []
        self._open = asyncio.Event()
        self._open.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.asked = threading.Event()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for request in self.requests for event in request["data"]]

    def hang(self) -> None:
        """From now on no answer comes, until `go_on`. Call it before anything is sent."""
        self._open.clear()

    def go_on(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._open.set)
        else:
            self._open.set()

    async def send(self, to: Credentials, data: bytes, *, events: int, test_code: str | None) -> Sent:
        self._loop = asyncio.get_running_loop()
        request: dict[str, Any] = {"data": json.loads(b"[" + data + b"]")}
        if test_code:
            request["test_event_code"] = test_code
        self.requests.append(request)
        self.to.append(to)
        self.asked.set()
        await self._open.wait()
        return Sent(self.answer(events), Usage())


class _Server(Server):
    def __init__(self, config: uvicorn.Config, let_go: Callable[[], None]) -> None:
        super().__init__(config, let_go)
        self.listening = threading.Event()
        self.stopping = asyncio.Event()

    async def main_loop(self) -> None:
        """Until told to stop, without uvicorn's looking ten times a second: hundreds of tests wait for that."""
        await self.stopping.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()


_idle: list[FastAPI] = []  # of gateways that ended: to describe all doors again takes longer than most tests


def _described(pages: Sequence[BaseRoute] = ()) -> FastAPI:
    return _idle.pop() if _idle and pages else _describe(pages)


_describe, app._described = app._described, _described


class Running:
    """A gateway that serves on a free port."""

    def __init__(self, settings: Settings, outbox: Outbox | None, meta: FakeMeta, *, beside: bool = False) -> None:
        self.meta = meta
        self.beside = beside
        self.settings = settings
        self.outbox = outbox
        self.gateway: Gateway
        self.loop: asyncio.AbstractEventLoop
        self.failure: BaseException | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        key = settings.api_key.get_secret_value() if settings.api_key else None
        self.door = app.application(self._opened, key, pages=pages())
        served = app.seen(settings, self.door)
        self._server = _Server(
            uvicorn.Config(
                served,
                http=protocol(served),
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                lifespan="on",
                timeout_graceful_shutdown=3,
            ),
            lambda: self.gateway.tail.close(),
        )
        self.connections = self._server.server_state.connections
        self._thread = threading.Thread(target=self._live, name="gateway under test")
        self._stopped = False

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Gateway]:
        self.loop = asyncio.get_running_loop()
        own = {"outbox": self.outbox, "clock": Patient(), "sender": self.meta}
        async with open_gateway(self.settings, **own, beside=self.beside) as gateway:
            self.gateway = gateway
            if gateway.receiver.beside is not None:
                self._server.hands_over(self.door, gateway, gateway.receiver.beside)
            yield gateway

    def _live(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._server.serve(sockets=[self.listener]))
        except BaseException as error:
            self.failure = error
        finally:
            self._server.listening.set()

    def start(self) -> None:
        self._thread.start()
        assert self._server.listening.wait(PATIENCE), "the server did not start"
        assert self._server.started, self.failure

    def stop(self) -> None:
        """Does nothing the second time: its application may be another gateway's by then."""
        if self._stopped:  # not whether the socket is closed: a server that stops by itself closes it first
            return
        self._stopped = True
        self.meta.go_on()
        self.begin_to_stop()
        self._thread.join(30)
        self.listener.close()
        assert not self._thread.is_alive(), "the server did not stop"
        assert self.failure is None, self.failure
        _idle.append(self.door._inner)

    def begin_to_stop(self) -> None:
        self._server.should_exit = True
        if self._server.started and self._thread.is_alive():
            with suppress(RuntimeError):  # it has stopped by itself meanwhile
                self.loop.call_soon_threadsafe(self._server.stopping.set)

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the gateway's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def client(self, **given: Any) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=PATIENCE, trust_env=False, **given)

    def ended(self, receipt: str, attempts: int = 1) -> dict[str, Any]:
        """The event once so many of its attempts have ended."""
        self.call(self._ended(int(receipt[3:]), attempts))
        with self.client() as client:
            return client.get(f"{EVENTS}/{receipt}").json()

    async def _ended(self, event: int, attempts: int) -> None:
        while True:
            with self.gateway.watch.of(event) as attempt_end:
                stored = await self.gateway.outbox.find(event)
                if len(stored.attempts) >= attempts and stored.state is not State.SENDING:
                    return
                await asyncio.wait([attempt_end], timeout=PATIENCE)

    def raw(self, sent: bytes, *, finish: bool = True) -> bytes:
        """What the server says to these bytes, until it closes or has answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(sent)
            if finish:
                connection.shutdown(socket.SHUT_WR)
            return answer_of(connection)


def answer_of(connection: socket.socket) -> bytes:
    """Bytes until the other side closes."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def kept_in(settings: Settings) -> Settings:
    """The settings, with another database where a module of tests is run on that."""
    return elsewhere.instead(settings) if elsewhere is not None else settings


@contextmanager
def running(
    settings: Settings, *, outbox: Outbox | None = None, meta: FakeMeta | None = None, beside: bool = False
) -> Iterator[Running]:
    """The gateway, served; in memory unless a store is given or `settings` name one."""
    settings = kept_in(settings)
    store = outbox or (None if settings.database_url else MemoryOutbox())
    server = Running(settings, store, meta or FakeMeta(), beside=beside)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def booking(**changed: Any) -> dict[str, Any]:
    """The setup guide's own body."""
    body: dict[str, Any] = {
        "type": "booking",
        "customerPhone": "628123456789",
        "customerName": "Test Customer",
        "totalValue": 150000,
        "services": [{"serviceName": "Repaint Bodi Halus", "price": 150000}],
    }
    body.update(changed)
    return {name: value for name, value in body.items() if value is not ...}


def lead(**changed: Any) -> dict[str, Any]:
    """An event of the native door."""
    event: dict[str, Any] = {"event": "Lead", "customer": {"phone": "628123456789"}, "value": 150000}
    event.update(changed)
    return {name: value for name, value in event.items() if value is not ...}


def is_problem(response: httpx2.Response, *, status: int | None = None, code: str | None = None) -> dict[str, Any]:
    """The problem an answer holds, complete in all that a caller needs to mend it."""
    assert 400 <= response.status_code < 500 or response.status_code == 503, (response.status_code, response.text)
    assert response.headers["content-type"] == PROBLEM
    said: dict[str, Any] = response.json()
    assert said["status"] == response.status_code
    assert said["title"]
    assert said["remedy"]
    assert said["code"]
    assert said["type"] == f"urn:konversi:error:{said['code']}"
    for fault in said.get("errors", ()):
        assert fault["field"]
        assert fault["code"]
        assert fault["detail"]
        assert fault["remedy"]
    assert status in (None, response.status_code), said
    assert code in (None, said["code"]), said
    return said
