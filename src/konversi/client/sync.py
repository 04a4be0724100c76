"""The synchronous twin: the client in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from konversi.client.konversi import Konversi
from konversi.client.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from types import TracebackType
    from typing import Self

    from konversi.events.agent import ToolUse, Turn
    from konversi.events.conversion import Conversion
    from konversi.intake.receipts import Receipt

T = TypeVar("T")
_START_SECONDS = 30.0
_NOT_OPEN = "Open it first: `with SyncKonversi() as k:`."


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The quicker loop where there is one: its thread is woken in half the time."""
    try:
        import uvloop  # noqa: PLC0415 - not on every system
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


class SyncKonversi:
    """The synchronous twin of `Konversi`, for bots without an event loop, and what `via=` of an agent's hook takes.

    Use it as `with SyncKonversi() as k: k.track(Lead(...))`, from any thread.
    """

    def __init__(self, *, url: str | None = None, api_key: str | None = None, **settings: Any) -> None:
        self._konversi = Konversi(url=url, api_key=api_key, **settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stop: asyncio.Event | None = None
        self._notes: Notes | None = None

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
        loop, thread = self._loop, self._thread
        if loop is not None and self._stop is not None and thread is not None:
            with suppress(RuntimeError):  # it ended by itself, which was logged
                loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    @property
    def queued(self) -> bool:
        """Whether conversions go to a gateway elsewhere, and wait for it in this process's memory."""
        return self._konversi.queued

    def track(self, conversion: Conversion) -> Receipt:
        """As `Konversi.track`."""
        return (self._at_once(conversion) or self._run(self._konversi.track(conversion))).result()

    def event(self, receipt: str, *, wait: float = 0.0) -> dict[str, Any]:
        """As `Konversi.event`."""
        return self._run(self._konversi.event(receipt, wait=wait)).result()

    def webhook(self, platform: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """As `Konversi.webhook`."""
        return self._run(self._konversi.webhook(platform, headers, body)).result()

    def submit(self, conversion: Conversion) -> Future[Receipt]:
        """As `Konversi.submit`, as a future: for callers that have an event loop of their own."""
        return self._at_once(conversion) or self._run(self._konversi.submit(conversion))

    def note(self, *uses: ToolUse) -> Future[None]:
        """As `Konversi.note`, as a future; soon, together with others."""
        if self._notes is None or not self._is_served:
            raise RuntimeError(_NOT_OPEN)
        return self._notes.take(uses)

    def turn(self, turn: Turn) -> Future[None]:
        """As `Konversi.turn`, as a future."""
        return self._run(self._konversi.turn(turn))

    def _at_once(self, conversion: Conversion) -> Future[Receipt] | None:
        """Written in the caller's own thread, where that is possible: it wakes no other."""
        if self._loop is None or not self._is_served:
            return None
        written: Future[Receipt] = Future()
        try:
            receipt = self._konversi.at_once(conversion)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the receipt
            written.set_exception(error)
            return written
        if receipt is None:
            return None
        written.set_result(receipt)
        return written

    @property
    def _is_served(self) -> bool:
        """Not so in a forked process, which has the objects without the thread; their locks may be held for ever."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop is None:
            work.close()
            raise RuntimeError(_NOT_OPEN)
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _live(self, started: Future[None]) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._serve(started))
        finally:
            self._loop = self._notes = None

    async def _serve(self, started: Future[None]) -> None:
        self._stop = asyncio.Event()
        try:
            async with self._konversi:
                self._loop = asyncio.get_running_loop()
                self._notes = Notes(self._loop, self._konversi.note)
                started.set_result(None)
                try:
                    await self._stop.wait()
                finally:
                    await self._notes.hand_on_all()
            await self._notes.told()
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)
