"""The scheduler's door: what is due is done while the call lasts, for a process that does nothing by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

from konversi.errors import DoorClosed, NotFound, Unauthorized
from konversi.intake.http.access import SCHEDULED_PATH
from konversi.intake.http.documented import problems
from konversi.intake.signatures import same_secret

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

router = APIRouter(tags=["operations"])


@router.get(SCHEDULED_PATH, summary="Serverless: deliver what is due (for a scheduler)", responses=problems(404, 503))
@router.post(SCHEDULED_PATH, summary="Serverless: deliver what is due (for a scheduler)", responses=problems(404, 503))
async def deliver(request: Request) -> dict[str, int]:
    """Retries, abandoned attempts, expiry and retention, for KONVERSI_CRON_SECONDS at most. Guarded by CRON_SECRET."""
    gateway: Gateway = request.app.state.gateway
    secret = gateway.settings.cron_secret
    if gateway.on_demand is None or secret is None:
        raise NotFound("It is there where Konversi runs only while it is called, and CRON_SECRET is set.")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not same_secret(secret.get_secret_value(), given.strip() if scheme.lower() == "bearer" else None):
        raise Unauthorized("This address takes CRON_SECRET, as `Authorization: Bearer`.")
    if not gateway.delivers:
        raise DoorClosed(f"This one only does {gateway.settings.only}.")
    return await gateway.on_demand.catch_up()
