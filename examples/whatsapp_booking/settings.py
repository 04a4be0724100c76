"""The bot's settings, from the environment. Konversi reads its own (KONVERSI_URL)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Settings:
    """What the README's table says."""

    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    token: str = field(repr=False)
    line: str  # phone_number_id
    api_url: str
    model: str | None
    folder: Path
    port: int

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Raises `KeyError` with the name of a variable that is missing."""
        return cls(
            app_secret=environment["WHATSAPP_APP_SECRET"],
            verify_token=environment.get("WHATSAPP_VERIFY_TOKEN", ""),
            token=environment["WHATSAPP_TOKEN"],
            line=environment["WHATSAPP_PHONE_NUMBER_ID"],
            api_url=environment.get("WHATSAPP_API_URL", "https://graph.facebook.com"),
            model=environment.get("BOT_MODEL") or None,
            folder=Path(environment.get("BOT_DATA_DIR", ".bot")),
            port=int(environment.get("BOT_PORT", "8000")),
        )
