"""The record of changes: who changed what, when, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.dashboard.page import Page
from konversi.intake import people

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.intake.gateway import Gateway

_ROWS = 50


async def show(asked: Asked) -> Page:
    """A page of it, newest first."""
    cursor = asked.query("before") or ""
    before = int(cursor) if cursor.isdecimal() and cursor.isascii() and len(cursor) < 16 else None  # noqa: PLR2004
    found = await changes(asked.gateway, _ROWS + 1, before)
    following = found[_ROWS - 1]["id"] if len(found) > _ROWS else None
    return Page(
        "audit.html",
        "Changes",
        {"changes": found[:_ROWS], "next": following, "kept_days": asked.gateway.settings.audit_days},
    )


async def changes(gateway: Gateway, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """Rows in JSON."""
    found = await gateway.entrance.audit.shown(limit, before)
    return [people.change(row) for row in found]
