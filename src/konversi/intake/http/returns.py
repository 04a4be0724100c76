"""The door for looking at what ads cost and bring in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from konversi.insight.return_days import since
from konversi.intake.http.documented import problems

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

router = APIRouter()


@router.get("/v1/return", summary="What ads cost and bring in", tags=["spend"], responses=problems(422, 503))
async def ad_return(
    request: Request,
    days: Annotated[int, Query(ge=1, le=90)] = 28,
    by: Literal["campaign", "adset", "ad"] = "campaign",
) -> dict[str, Any]:
    """Spend, conversations, bookings and payments of the days of which both are known; each currency by itself."""
    gateway: Gateway = request.app.state.gateway
    return await gateway.insight.returns(since(days, gateway.clock.now()), by, {})
