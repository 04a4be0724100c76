"""What processes that share a PostgreSQL database tell each other, by LISTEN and NOTIFY.

A sign only says where to look: one that is lost costs time, since everybody also looks now and then.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from konversi.clock import monotonic, now
from konversi.database.postgres import driver_of, first_line
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

    from konversi.database.port import Listener
    from konversi.database.postgres_threads import Workers

_CHANNEL = "konversi"
_LISTEN_SECONDS = 0.25
_CLOCK_SECONDS = 10.0
_REST_SECONDS = 1.0  # between tries to reach the server
_GATHER_SECONDS = 0.02
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
_TELL = "SELECT pg_notify(%s, one) FROM unnest(%s::text[]) one"


def seconds_ahead(connection: Connection) -> float:
    """By how much the server's clock is ahead of this machine's."""
    before = now()
    (there,) = driver_of(connection).execute(_CLOCK).fetchone() or (before,)
    return float(there) - (before + now()) / 2


class Signals:
    """Tells others, and hears them, in a thread with a connection of its own."""

    def __init__(self, engine: Engine, writers: Workers, ahead: float, *, listens: bool = True) -> None:
        self.ahead = ahead  # seconds by which the server's clock is ahead
        self._engine = engine
        self._writers = writers
        self._loop = asyncio.get_running_loop()
        self._me = secrets.token_hex(4)
        self._listeners: dict[str, Listener] = {}
        self._to_tell: dict[str, None] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="konversi-signals", daemon=True)
        if listens:
            self._thread.start()

    def tell(self, topic: str, what: str) -> None:
        """Let the other processes know, soon. For the event loop's thread only."""
        if not self._to_tell:
            self._loop.call_later(_GATHER_SECONDS, self._send)
        self._to_tell[f"{self._me} {topic} {what}"] = None

    def on(self, topic: str, listener: Listener) -> None:
        """Call it for what others tell, and with an empty text where something may have been missed."""
        self._listeners[topic] = listener

    async def aclose(self) -> None:
        self._stop.set()
        while self._thread.is_alive():
            await asyncio.sleep(_GATHER_SECONDS)

    def _send(self) -> None:
        told, self._to_tell = list(self._to_tell), {}
        self._writers.call(lambda connection: driver_of(connection).execute(_TELL, (_CHANNEL, told)), _done, alone=True)

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with self._engine.connect() as connection:
                    self._hear(connection)
            except (psycopg.Error, SQLAlchemyError) as error:
                logger().warning("signals_lost", cause=first_line(error))
                self._stop.wait(_REST_SECONDS)

    def _hear(self, connection: Connection) -> None:
        driver = driver_of(connection)
        driver.execute(f"LISTEN {_CHANNEL}")
        self._call(self._missed)
        look = monotonic() + _CLOCK_SECONDS
        while not self._stop.is_set():
            for sign in driver.notifies(timeout=_LISTEN_SECONDS):
                sender, _, said = sign.payload.partition(" ")
                if sender != self._me:
                    topic, _, what = said.partition(" ")
                    self._call(self._heard, topic, what)
            if monotonic() > look:
                self.ahead = seconds_ahead(connection)
                look = monotonic() + _CLOCK_SECONDS

    def _call(self, what: Callable[..., None], *values: str) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(what, *values)

    def _heard(self, topic: str, what: str) -> None:
        listener = self._listeners.get(topic)
        if listener is not None:
            listener(what)

    def _missed(self) -> None:
        for listener in self._listeners.values():
            listener("")


def _done(_result: Any) -> None:
    """A sign that could not be given was logged; everybody looks now and then anyway."""
