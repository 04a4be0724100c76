"""Where lists are prepared, and busy callers answered."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from konversi.intake.preparer.beside import Beside, has_room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from konversi.settings import Settings


@asynccontextmanager
async def preparer_of(settings: Settings, *, wanted: bool) -> AsyncIterator[Beside | None]:
    """A process for that, where it pays: PostgreSQL has more gateways for it, and traces say what this one composed."""
    if not wanted or settings.shared or settings.traces or settings.preparer == "off" or not has_room():
        yield None
        return
    beside = Beside()
    try:
        yield beside
    finally:
        await beside.aclose()
