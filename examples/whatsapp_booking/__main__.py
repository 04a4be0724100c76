"""`python -m whatsapp_booking`: the bot as a server."""

from __future__ import annotations

import logging
import os
import sys

import uvicorn

from whatsapp_booking.app import application
from whatsapp_booking.settings import Settings

try:
    settings = Settings.of(os.environ)
except KeyError as missing:
    sys.exit(f"Set {missing.args[0]}: see the README's table.")
logging.basicConfig(level=logging.WARNING)
uvicorn.run(application(settings), host="127.0.0.1", port=settings.port, access_log=False, log_level="warning")
