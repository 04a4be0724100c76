"""The door for looking at how far conversations came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request

from konversi.insight.periods import last_days
from konversi.intake.http.documented import problems

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

router = APIRouter()


@router.get("/v1/funnel", summary="From ad click to payment", tags=["journeys"], responses=problems(422, 503))
async def funnel(request: Request, days: Annotated[int, Query(ge=1, le=90)] = 7) -> dict[str, Any]:
    """Conversations by how far they came, in all, by ad and by day (of UTC), and the agent's tools.

    The last `days`, of which today is one; with 1, the last 24 hours by the hour. Conversations count for the time of
    their first ad click.
    """
    gateway: Gateway = request.app.state.gateway
    return await gateway.insight.funnel(last_days(days, gateway.clock.now(), ZoneInfo("UTC")))
