"""The open alerts, as the banner of some pages shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.alerts.rules import Severity

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

_ORDER = tuple(Severity)


async def open_alerts(gateway: Gateway) -> list[dict[str, Any]]:
    """As `GET /v1/alerts` has them, the worst first, of those the oldest."""
    return sorted(await gateway.alerts.open(), key=lambda one: -_ORDER.index(Severity(one["severity"])))
