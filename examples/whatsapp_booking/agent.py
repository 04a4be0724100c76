"""The agent: its instructions, its tools, and the one line that reports bookings."""

from __future__ import annotations

from typing import Any

from pydantic_ai import Agent, RunContext
from pydantic_ai.models.function import FunctionModel

from konversi.agents.pydantic_ai import Bookings
from whatsapp_booking import scripted
from whatsapp_booking.tools import TOOLS, Chat

_MANNERS = """\
Kamu customer service studio repaint motor, melayani lewat WhatsApp. Jawab singkat, ramah dan santai, panggil "kak".
Harga dan jadwal hanya dari tools, jangan mengarang. Sebelum booking, pastikan layanan, hari dan jam sudah jelas.
Katakan booking sudah jadi hanya kalau createBooking mengembalikan bookingId, dan sebutkan kodenya.
"""


def instructions(context: RunContext[Chat]) -> str:
    return f"{_MANNERS}Hari ini: {context.deps.studio.today().isoformat()}."


def agent_of(model: Any = None) -> Agent[Chat, str]:
    """The agent on a model of any kind that Pydantic AI knows; without one, on the script."""
    return Agent(
        model or FunctionModel(scripted.respond),
        deps_type=Chat,
        instructions=instructions,
        tools=TOOLS,
        capabilities=[Bookings("Lead", channel="whatsapp", source="whatsapp_booking")],
    )
