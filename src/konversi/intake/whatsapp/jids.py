"""WhatsApp's inner addresses, as the Baileys family shows them: `628123456789:12@s.whatsapp.net`, `1234567890@lid`."""

from __future__ import annotations

from typing import Any, NamedTuple

from konversi.intake.loose import identifier, mapping, phone

_PEOPLE = frozenset({"s.whatsapp.net", "c.us", "lid", "hosted", "hosted.lid"})
_WITHOUT_PHONE = frozenset({"lid", "hosted.lid"})


class Jid(NamedTuple):
    """An address without its device. Groups, broadcasts, the status, newsletters and bots are no person."""

    user: str
    server: str

    @property
    def is_person(self) -> bool:
        return self.server in _PEOPLE

    @property
    def phone(self) -> str | None:
        """With its `+`; None for a hidden one (`@lid`), whose digits are no phone."""
        return phone(self.user) if self.is_person and self.server not in _WITHOUT_PHONE else None

    @property
    def hidden(self) -> str | None:
        """The address of somebody whose phone is withheld, as `1234567890@lid`."""
        return f"{self.user}@lid" if self.server in _WITHOUT_PHONE else None


def jid(value: Any) -> Jid | None:
    """An address given as text, as bare digits, or in parts (`user`, `server`) as WhatsApp Web keeps it."""
    parts = mapping(value)
    text = identifier(parts.get("_serialized") if parts else value, 100)
    if text is None:
        return None
    user, at, server = text.partition("@")
    user = user.partition(":")[0]
    return Jid(user, server.lower() if at else "s.whatsapp.net") if user else None
