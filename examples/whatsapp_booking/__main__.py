"""`python -m whatsapp_booking`: the bot as a server."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import uvicorn

from konversi.errors import KonversiError
from konversi.settings import load
from whatsapp_booking.app import application
from whatsapp_booking.greeting import greeting
from whatsapp_booking.settings import Settings

if TYPE_CHECKING:
    import socket

try:
    settings = Settings.of(os.environ)
    gateway = load().url
except KeyError as missing:
    sys.exit(f"Set {missing.args[0]}: see the README's table.")
except KonversiError as error:
    sys.exit(str(error))


class Server(uvicorn.Server):
    """Says that it has started, which uvicorn does only among all that it says of requests."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(greeting(settings, port, gateway))
        sys.stdout.flush()


logging.basicConfig(level=logging.WARNING)
config = uvicorn.Config(
    application(settings), host="127.0.0.1", port=settings.port, access_log=False, log_level="warning"
)
Server(config).run()
