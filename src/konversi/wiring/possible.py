"""Whether a gateway can run as the settings have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.errors import InvalidSettings

if TYPE_CHECKING:
    from konversi.settings import Settings

_ONE_PROCESS = (
    "KONVERSI_ONLY: SQLite serves one process, which does everything. Set KONVERSI_DATABASE_URL to a PostgreSQL"
    " database to run several, or leave it out."
)
_NO_FILES = (
    "KONVERSI_DATABASE_URL: what runs only while it is called keeps no files, so SQLite would lose what was accepted."
    " Set it to a PostgreSQL database."
)
_UNKEPT = (
    "KONVERSI_SECRET: what runs only while it is called keeps no files, so the secret has to be given."
    " Make one, and keep it: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'."
)


def check(settings: Settings, *, on_demand: bool) -> None:
    """Raises `InvalidSettings` where it can't; `on_demand` says that it runs only while it is called."""
    if settings.only and not settings.shared:
        raise InvalidSettings(_ONE_PROCESS)
    if on_demand and not settings.shared:
        raise InvalidSettings(_NO_FILES)
    if on_demand and settings.secret is None:
        raise InvalidSettings(_UNKEPT)
