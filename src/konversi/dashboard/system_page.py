"""What runs here: version, storage, lanes, and the settings in effect without their secrets."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from konversi._version import __version__
from konversi.dashboard.addresses import own
from konversi.dashboard.audit_page import changes
from konversi.dashboard.lanes import standing
from konversi.dashboard.language import NAMES, NOTHING
from konversi.dashboard.open_alerts import open_alerts
from konversi.dashboard.page import Moved, Page
from konversi.database.schema import HEAD
from konversi.insight.describe import moment, summary
from konversi.settings import Settings, variable

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked

_FEW = 10  # of the newest changes
_ONLY_HOST = frozenset({"whatsapp_forward_url", "alert_webhook_url"})  # there may be a secret in its path


async def show(asked: Asked) -> Page:
    """The whole of it."""
    gateway = asked.gateway
    settings = gateway.settings
    return Page(
        "system.html",
        "System",
        {
            "version": __version__,
            "python": platform.python_version(),
            "storage": "PostgreSQL" if settings.shared else "SQLite",
            "schema": HEAD,
            "only": settings.only,
            "ready": gateway.ready and await gateway.reachable(),
            "status": summary(await gateway.outbox.counts(), asked.now),
            "alerts": await open_alerts(gateway),
            "lanes": await standing(gateway),
            "processes": [_process(one) for one in await gateway.processes.listed()],
            "changes": await changes(gateway, _FEW) if asked.visitor.may("admin") else [],
            "forwards_waiting": await gateway.forwarder.waiting() if gateway.forwarder else None,
            "settings": in_effect(settings),
        },
    )


def _process(one: dict[str, Any]) -> dict[str, Any]:
    told = {name: one[name] for name in ("host", "pid", "does", "version", "alive")}
    return {**told, "started_at": moment(one["started_at"]), "seen_at": moment(one["seen_at"])}


def in_effect(settings: Settings) -> dict[str, str]:
    """Each setting by its variable; of a secret only whether it is there."""
    return {variable(name): _told(name, getattr(settings, name)) for name in sorted(Settings.model_fields)}


def _told(name: str, value: Any) -> str:
    if value is None or value == {}:
        return NOTHING
    if isinstance(value, SecretStr):
        return "••••"
    if name == "database_url":
        return make_url(value).set(query={}).render_as_string(hide_password=True)
    if name in _ONLY_HOST:
        return f"{urlsplit(value).scheme}://{urlsplit(value).netloc}/…"
    return str(value)


async def choose_language(asked: Asked) -> Moved:
    """Keep the visitor's choice in a cookie, and show the page again."""
    form = dict(await asked.form())
    chosen, back = form.get("lang", ""), form.get("back", "")
    return Moved(own(back, "/"), {"lang": chosen} if chosen in NAMES else {})
