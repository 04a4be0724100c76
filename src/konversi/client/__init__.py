"""`Konversi`, the object that bots use: the gateway inside the bot's own process, or a running one over HTTP."""

from __future__ import annotations

from konversi.client.konversi import Konversi
from konversi.client.process import default_tracker, opened_tracker
from konversi.client.sync import SyncKonversi

__all__ = ["Konversi", "SyncKonversi", "default_tracker", "opened_tracker"]
