"""Runs an ASGI application in an event loop of its own, whatever loop each call comes from.

Serverless platforms give every call a fresh loop, or the same one to all. Connections belong to one loop, and a loop
that is gone takes them along: this one stays as long as the process.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from starlette.types import Receive, Scope, Send

    Called: TypeAlias = Callable[..., Awaitable[Any]]


class Inner(Protocol):
    """An application that can be closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    async def aclose(self) -> None: ...


class Apart:
    """The application as the server sees it. Its thread starts with the first call."""

    def __init__(self, inner: Inner) -> None:
        self._inner = inner
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        here = asyncio.get_running_loop()
        answered = self._inner(scope, _from(here, receive), _from(here, send))
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_as_coroutine(answered), self._started()))

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name="konversi", daemon=True)
                self._thread.start()
            return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    def close(self) -> None:
        """Close the application, and end the thread. The next call starts both anew."""
        with self._starting:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._inner.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _from(here: asyncio.AbstractEventLoop, call: Called) -> Called:
    """The server's `receive` or `send`, to be called from another loop."""

    async def called(*given: Any) -> Any:
        if here.is_closed():
            raise ConnectionResetError("The call that this belongs to is over.")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_as_coroutine(call(*given)), here))

    return called


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
