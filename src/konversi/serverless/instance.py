"""One instance of a serverless platform: its gateway opens at the first call, and stays for those that follow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from konversi.errors import InvalidSettings, KonversiError
from konversi.intake.http.app import door_of, seen
from konversi.intake.http.problems import response, unforeseen
from konversi.logs import logger, set_up
from konversi.wiring.gateway import open_gateway

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from konversi.intake.gateway import Gateway
    from konversi.settings import Settings


class Instance:
    """An ASGI application, for one event loop. It needs neither a lifespan nor time between the calls."""

    def __init__(self, load: Callable[[], Settings]) -> None:
        self._load = load
        self._life: asyncio.Task[None] | None = None
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._gateway: Gateway
        self._door: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live_along(receive, send)
            return
        if scope["type"] != "http":
            raise TypeError(f"Only HTTP is spoken here, not {scope['type']}.")
        try:
            gateway, door = await self._ready()
        except KonversiError as error:
            await _refuse(error, scope, receive, send)
            return
        on_demand = gateway.on_demand
        assert on_demand is not None

        async def finished_first(message: Message) -> None:
            if message["type"] == "http.response.start":
                try:
                    await on_demand.finish()
                except Exception as error:  # noqa: BLE001 - logged; what is being answered is durable all the same
                    unforeseen(error)
            await send(message)

        await on_demand.begin()
        await door(scope, receive, finished_first)

    async def _ready(self) -> tuple[Gateway, ASGIApp]:
        """The gateway, which is opened where it isn't. Raises as `open_gateway`."""
        if self._life is None or self._life.done():
            self._opened, self._closing = asyncio.Event(), asyncio.Event()
            self._life = asyncio.create_task(self._live(self._opened, self._closing), name="gateway")
        life = self._life
        opened = asyncio.create_task(self._opened.wait())
        try:
            await asyncio.wait((life, opened), return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
        if life.done():
            life.result()
        return self._gateway, self._door

    async def _live(self, opened: asyncio.Event, closing: asyncio.Event) -> None:
        try:
            settings = self._load()
            set_up(settings.log_style)
            async with open_gateway(settings, on_demand=True) as gateway:
                key = settings.api_key.get_secret_value() if settings.api_key else None
                self._gateway, self._door = gateway, seen(settings, door_of(gateway, key, settings.only))
                opened.set()
                await closing.wait()
        except KonversiError as error:
            logger().error(str(error))
            raise
        except Exception as error:  # noqa: BLE001 - told and logged as Konversi's own
            raise unforeseen(error) from None

    async def aclose(self) -> None:
        """Finish what is under way."""
        self._closing.set()
        if self._life is not None:
            await asyncio.wait([self._life])

    async def _live_along(self, receive: Receive, send: Send) -> None:
        """For platforms that do have a lifespan: its end is a good moment to finish."""
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})


async def _refuse(error: KonversiError, scope: Scope, receive: Receive, send: Send) -> None:
    """Nobody has shown a key yet: where the database is stays in the log."""
    told = error if isinstance(error, InvalidSettings) else type(error)()
    await response(told)(scope, receive, send)
