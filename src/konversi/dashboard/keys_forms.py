"""API keys on the page of datasets and keys: created and revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.access.roles import Scope
from konversi.dashboard.page import Moved, Page
from konversi.errors import InvalidRequest

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked


async def create(asked: Asked) -> Page:
    """A new key, on the only page that ever shows it."""
    fields = await asked.fields()
    name = fields.get("name", "").strip()
    if not name or not name.isprintable():
        raise InvalidRequest("name: say what the key is for.")
    try:
        scope = Scope(fields.get("scope", ""))
    except ValueError:
        raise InvalidRequest("scope: send, read or admin.") from None
    secret, key = await asked.gateway.entrance.keys.create(name, scope)
    return Page("new_key.html", "A new API key", {"name": key.name, "scope": key.scope.value, "key": secret})


async def revoke(asked: Asked) -> Moved:
    """A key opens nothing from now on. Raises `KeyUnknown`."""
    await asked.gateway.entrance.keys.revoke((await asked.fields()).get("key", ""))
    return Moved("/datasets?done=revoked#keys")
