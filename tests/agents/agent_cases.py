"""What the adapters' tests share: a tracker that remembers, what tools answer, and who is in the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from konversi.events.agent import ToolUse, Turn
from konversi.events.conversion import Conversion

PHONE = "0812-3456-7890"
WHATSAPP_USER_ID = "ID.13491208655302741918"

BOOKED: dict[str, Any] = {"booking_id": "BK-1001", "total_price": 150000}
NO_SLOT: dict[str, Any] = {"status": "error", "message": "Slot sudah penuh."}  # a soft failure: nothing was raised

ASKS = "Mau booking repaint bodi besok jam 10, bisa?"
CLAIMS = "Siap kak, bookingnya sudah kami konfirmasi. Kode booking: BK-1001"
OFFERS = "Jam 10 masih kosong kak, mau saya bookingkan?"


class Told:
    """A tracker whose writes are durable at once, and which remembers them in the order of telling."""

    def __init__(self, *, queued: bool = False) -> None:
        self.conversions: list[Conversion] = []
        self.uses: list[ToolUse] = []
        self.turns: list[Turn] = []
        self.queued = queued

    def submit(self, conversion: Conversion) -> Future[Any]:
        self.conversions.append(conversion)
        return done("receipt")

    def note(self, *uses: ToolUse) -> Future[Any]:
        self.uses.extend(uses)
        return done(None)

    def turn(self, turn: Turn) -> Future[Any]:
        self.turns.append(turn)
        return done(None)

    @property
    def bookings(self) -> list[str | None]:
        """The booking ids reported, in order."""
        return [conversion.booking_id for conversion in self.conversions]

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """Each tool's name with how its call ended, in order."""
        return [(use.tool, use.outcome) for use in self.uses]


def done(result: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(result)
    return future


async def cancel_once_running(chat: Coroutine[Any, Any, Any], running: asyncio.Event) -> None:
    """Cancel the chat when its tool, which sets `running`, is at work."""
    chatting = asyncio.create_task(chat)
    async with asyncio.timeout(10):
        await running.wait()
        chatting.cancel()
        await asyncio.wait([chatting])
    assert chatting.done()


def openings(monkeypatch: Any) -> list[str]:
    """The process's own gateway is not open; each try to open it is in the list."""
    import konversi.client

    tries: list[str] = []
    monkeypatch.setattr(konversi.client, "opened_tracker", lambda: None)
    monkeypatch.setattr(konversi.client, "default_tracker", lambda: tries.append("opened"))
    return tries


def sandboxed(tmp_path: Any, meta_sandbox: Any) -> Any:
    """The real gateway in this process, delivering to the sandbox: `with sandboxed(...) as konversi:`."""
    from konversi import SyncKonversi

    return SyncKonversi(
        data_dir=tmp_path, pixel_id="1234567890123456", token="EAA-a-good-token", graph_url=meta_sandbox.graph_url
    )


def delivered(meta_sandbox: Any) -> list[dict[str, Any]]:
    """The events at the sandbox. Ask after the `with sandboxed(...)`: closing waits until what is due was sent."""
    return [entry["event"] for entry in meta_sandbox.events()]
