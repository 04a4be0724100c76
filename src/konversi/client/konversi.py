"""`Konversi`, the object that bots use: the gateway inside the bot's own process, or a running one over HTTP."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from concurrent.futures import Future
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx2
import orjson

from konversi.errors import (
    BodyTooLarge,
    GatewayUnreachable,
    IdempotencyConflict,
    KonversiError,
    MalformedBody,
    NotFound,
    Overloaded,
    ShuttingDown,
    StorageUnavailable,
    Unauthorized,
    WrongState,
)
from konversi.events.faults import Fault, Note, Refused
from konversi.insight.describe import event_in_full
from konversi.intake.receive import Receipt
from konversi.logs import redact
from konversi.outbox.port import event_of
from konversi.settings import load, on_this_machine
from konversi.wiring import open_gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType
    from typing import Self

    from konversi.events.conversion import Conversion
    from konversi.intake.gateway import Gateway
    from konversi.settings import Settings

T = TypeVar("T")
_REMOTE_SECONDS = 10.0
_START_SECONDS = 30.0
_DRAIN_SECONDS = 3.0


class _Inside(Protocol):
    async def track(self, conversion: Conversion) -> Receipt: ...
    async def event(self, receipt: str, wait: float) -> dict[str, Any]: ...
    async def drain(self) -> None: ...


class Konversi:
    """Reports conversions. Use it as `async with Konversi() as k: await k.track(Lead(...))`.

    Without `url` the gateway runs inside this process, with its own outbox (KONVERSI_DATA_DIR) and its own delivery;
    with `url` (or KONVERSI_URL) conversions go to a running gateway. Other settings come from the environment, and can
    be given by their field name: `Konversi(pixel_id=..., token=...)`.
    """

    def __init__(self, *, url: str | None = None, api_key: str | None = None, **settings: Any) -> None:
        self._start_from(load(url=url, api_key=api_key, **settings))

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With settings that are loaded already."""
        konversi = cls.__new__(cls)
        konversi._start_from(settings)  # noqa: SLF001 - its own class
        return konversi

    def _start_from(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._inside: _Inside | None = None

    async def __aenter__(self) -> Self:
        if self._settings.url:
            self._inside = await self._stack.enter_async_context(_Remote(self._settings))
        else:
            self._inside = _Embedded(await self._stack.enter_async_context(open_gateway(self._settings)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._inside is not None:
            await self._inside.drain()
        self._inside = None
        await self._stack.aclose()

    async def track(self, conversion: Conversion) -> Receipt:
        """Accept a conversion; it is on durable storage on return, and delivered later.

        Never waits for Meta and never raises because of it. Raises `Refused` where the conversion can't be used (with
        each fault), `IdempotencyConflict` where its id belongs to other contents, and `StorageUnavailable`,
        `Overloaded` or `GatewayUnreachable` where durability can't be promised.
        """
        return await self._opened().track(conversion)

    async def event(self, receipt: str, *, wait: float = 0.0) -> dict[str, Any]:
        """The event as it stands, with its attempts; `wait` seconds at most for its next attempt to end.

        Raises `NotFound`.
        """
        return await self._opened().event(receipt, wait)

    def _opened(self) -> _Inside:
        if self._inside is None:
            raise RuntimeError("Open it first: `async with Konversi() as k:`.")
        return self._inside


class _Embedded:
    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def track(self, conversion: Conversion) -> Receipt:
        return await self._gateway.receiver.receive(conversion)

    async def event(self, receipt: str, wait: float) -> dict[str, Any]:
        number = event_of(receipt)
        if number is None:
            raise NotFound
        stored = await self._gateway.outcome(number, wait)
        return event_in_full(stored, await self._gateway.outbox.attempts(stored.attempts))

    async def drain(self) -> None:
        """A script that ends right after its last `track` has sent it, if Meta answers soon."""
        await self._gateway.drain(_DRAIN_SECONDS)


class _Remote:
    def __init__(self, settings: Settings) -> None:
        headers = {"content-type": "application/json"}
        if settings.api_key:
            headers["authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
        url = settings.url or ""
        self._http = httpx2.AsyncClient(
            base_url=url, headers=headers, timeout=_REMOTE_SECONDS, trust_env=not on_this_machine(url)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def track(self, conversion: Conversion) -> Receipt:
        said = await self._ask("POST", "/v1/events", conversion.model_dump_json(exclude_none=True).encode())
        notes = tuple(Note(**note) for note in said.get("notes", ()))
        number = event_of(said["receipt"]) or 0
        return Receipt(said["receipt"], said["event_id"], said.get("repeat", False), notes, number)

    async def event(self, receipt: str, wait: float) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            said = await self._ask("GET", f"/v1/events/{receipt}")
            if said["state"] not in ("waiting", "sending") or loop.time() >= until:
                return said
            await asyncio.sleep(0.05)

    async def drain(self) -> None:
        """The gateway it was sent to does the rest."""

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        try:
            response = await self._http.request(method, path, content=body)
        except httpx2.HTTPError as error:
            raise GatewayUnreachable(type(error).__name__) from error
        try:
            said = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            said = {}
        if not isinstance(said, dict):
            said = {}
        if response.is_success and "receipt" in said:
            return said
        raise _as_error(response.status_code, said)


_BY_CODE: dict[str, type[KonversiError]] = {
    error.code: error
    for error in (
        BodyTooLarge, IdempotencyConflict, MalformedBody, NotFound, Overloaded, ShuttingDown, StorageUnavailable,
        Unauthorized, WrongState,
    )
}  # fmt: skip


def _as_error(status: int, said: dict[str, Any]) -> KonversiError:
    """The error that the gateway met, raised here as it would have been there."""
    if said.get("code") == Refused.code:
        try:
            return Refused(Fault(**fault) for fault in said["errors"])
        except (KeyError, TypeError):
            return GatewayUnreachable(f"HTTP {status}: not an answer of this version's gateway.")
    known = _BY_CODE.get(str(said.get("code")))
    detail = redact(str(said.get("detail", "")))
    return known(detail) if known else GatewayUnreachable(f"HTTP {status}: {said.get('title', 'no answer')} {detail}")


class SyncKonversi:
    """The synchronous twin, for bots without an event loop: the gateway runs in a thread of its own.

    Use it as `with SyncKonversi() as k: k.track(Lead(...))`, from any thread.
    """

    def __init__(self, *, url: str | None = None, api_key: str | None = None, **settings: Any) -> None:
        self._konversi = Konversi(url=url, api_key=api_key, **settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, args=(started,), name="konversi", daemon=True)
        self._thread.start()
        started.result(_START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what is under way, and stop."""
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._loop = None

    def track(self, conversion: Conversion) -> Receipt:
        """As `Konversi.track`."""
        return self.submit(conversion).result()

    def event(self, receipt: str, *, wait: float = 0.0) -> dict[str, Any]:
        """As `Konversi.event`."""
        return self._run(self._konversi.event(receipt, wait=wait)).result()

    def submit(self, conversion: Conversion) -> Future[Receipt]:
        """`track` as a future: for callers that have an event loop of their own."""
        return self._run(self._konversi.track(conversion))

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop is None:
            work.close()
            raise RuntimeError("Open it first: `with SyncKonversi() as k:`.")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _live(self, started: Future[None]) -> None:
        asyncio.run(self._serve(started))

    async def _serve(self, started: Future[None]) -> None:
        self._stop = asyncio.Event()
        try:
            async with self._konversi:
                self._loop = asyncio.get_running_loop()
                started.set_result(None)
                await self._stop.wait()
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)


_default: SyncKonversi | None = None
_making = threading.Lock()


def default_tracker() -> SyncKonversi:
    """The process's own gateway, opened at the first use with the settings of the environment."""
    global _default  # noqa: PLW0603 - one for the process is the point
    with _making:
        if _default is None:
            made = SyncKonversi()
            made.__enter__()
            _before_the_end(made.close)
            _default = made
        return _default


def _before_the_end(close: Callable[[], None]) -> None:
    """Close while the interpreter can still look up names and start threads, which `atexit` is too late for.

    Its own hook for that is not public; without it, what is due is sent at the next start.
    """
    import concurrent.futures.thread  # noqa: F401, PLC0415 - its hook comes first, so that it runs after ours

    register: Callable[[Callable[[], None]], object] = getattr(threading, "_register_atexit", atexit.register)
    register(close)


def _forget_in_child() -> None:
    """A forked process has the object, but not its threads: it opens its own at the next use."""
    global _default, _making
    _default, _making = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
