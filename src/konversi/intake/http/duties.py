"""Which doors a process opens that does only a part of the work."""

from __future__ import annotations

from typing import Literal

from konversi.errors import DoorClosed

Only = Literal["intake", "delivery", "dashboard"] | None

_EVERYWHERE = ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/internal/")
_BOTH = ("/v1/imports", "/v1/consents")  # for programs, and for people who look at the dashboard
_INTAKE = ("/webhooks/", "/v1/agent/", "/api/meta/conversion")


def check(only: Only, method: str, path: str) -> None:
    """Raises `DoorClosed` where another process has this door."""
    if only is not None and not _is_open(only, method, path):
        raise DoorClosed(f"This one only does {only}.")


def _is_open(only: str, method: str, path: str) -> bool:
    if path.startswith(_EVERYWHERE):
        return True
    if only == "delivery":
        return False
    if path.startswith(_BOTH):
        return True
    takes_events = path.startswith(_INTAKE) or (path == "/v1/events" and method == "POST")
    return takes_events == (only == "intake") or (only == "intake" and method == "GET")
