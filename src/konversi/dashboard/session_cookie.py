"""The cookie of a session, as it is given and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.intake.http.access import is_local
from konversi.intake.http.callers import LOCAL_SESSION, SESSION, cookie_of

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked

_RULES = "Path=/; HttpOnly; SameSite=Lax"


def given(asked: Asked, secret: str) -> dict[str, str]:
    """The header that gives it. It ends with the browser; how long the session lasts is decided here."""
    if _local(asked):
        return {"set-cookie": f"{LOCAL_SESSION}={secret}; {_RULES}"}
    return {"set-cookie": f"{SESSION}={secret}; {_RULES}; Secure"}


def taken_back(asked: Asked) -> dict[str, str]:
    """The header that takes it back."""
    header = given(asked, "")["set-cookie"]
    return {"set-cookie": f"{header}; Max-Age=0"}


def shown(asked: Asked) -> str | None:
    """What the browser's cookie holds, whether or not that session has ended."""
    return cookie_of(dict(asked.request.scope["headers"]), local=_local(asked))


def _local(asked: Asked) -> bool:
    return is_local(asked.gateway, asked.request.scope, dict(asked.request.scope["headers"]))
