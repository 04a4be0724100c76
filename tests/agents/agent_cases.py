"""What the adapters' tests share: a tracker that remembers, what tools answer, and who is in the chat."""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from konversi.errors import MissingExtra
from konversi.events.agent import ToolUse, Turn
from konversi.events.conversion import Conversion

_HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "agents"
PHONE = "0812-3456-7890"
WHATSAPP_USER_ID = "ID.13491208655302741918"

BOOKED: dict[str, Any] = {"booking_id": "BK-1001", "total_price": 150000}
BOOKING = ("Lead", "BK-1001", 150000)
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
    def ends(self) -> list[tuple[str, str | None]]:
        """How each call ended, with the error's kind, in order."""
        return [(use.outcome, use.error_kind) for use in self.uses]

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


def arrived_once(meta_sandbox: Any) -> bool:
    """Whether the booking, and nothing else, is at the sandbox. Ask as late as `delivered`."""
    return [(event["event_name"], event["event_id"]) for event in delivered(meta_sandbox)] == [("Lead", "Lead:BK-1001")]


def gist(conversion: Conversion) -> tuple[str, str | None, float | None]:
    """What `BOOKED` comes to is `BOOKING`."""
    return conversion.event, conversion.booking_id, conversion.value


def example_of(page: str, adapter: str, monkeypatch: Any) -> tuple[dict[str, Any], Told]:
    """The names that a how-to page's example defines, and what it tells the process's own Konversi."""
    told = Told()
    monkeypatch.setattr("konversi.client.default_tracker", lambda: told)
    blocks = re.findall(r"```python\n(.*?)```", (_HOW_TO / f"{page}.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    block = next(code for code in blocks if f"konversi.agents.{adapter}" in code)
    exec(compile(block, page, "exec", dont_inherit=True), names)  # else with this file's own kind of annotations
    return names, told


def said_without(module: str, adapter: str, monkeypatch: Any) -> str:
    """What importing the adapter says where its framework does not have the module."""
    monkeypatch.delitem(sys.modules, f"konversi.agents.{adapter}")
    monkeypatch.setitem(sys.modules, module, None)
    try:
        importlib.import_module(f"konversi.agents.{adapter}")
    except MissingExtra as error:
        return str(error)
    return "nothing"
