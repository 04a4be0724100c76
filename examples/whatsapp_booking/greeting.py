"""What the bot says when it has started: where it listens, what answers, and who is told of bookings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whatsapp_booking.settings import Settings


def greeting(settings: Settings, port: int, gateway: str | None) -> str:
    """`port` is the one that was taken, `gateway` the address of the Konversi that runs elsewhere."""
    model = f"{settings.model} answers" if settings.model else "A script answers (BOT_MODEL is not set)"
    told = f"the Konversi at {gateway}" if gateway else "a Konversi inside this process (KONVERSI_URL is not set)"
    return (
        f"The bot listens on http://127.0.0.1:{port}/webhook.\n"
        f"{model}; replies go out through {settings.api_url}.\n"
        f"Bookings are told to {told}.\n"
    )
