"""The doors for custom conversions: kinds of bookings that ads can be optimised for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from konversi.intake.custom_conversions import NewCustomConversion
from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form

if TYPE_CHECKING:
    from pydantic import BaseModel

    from konversi.intake.custom_conversions import CustomConversions

FORMS: tuple[type[BaseModel], ...] = (NewCustomConversion,)

router = APIRouter(tags=["ads"])


def _conversions(request: Request) -> CustomConversions:
    conversions: CustomConversions = request.app.state.gateway.custom_conversions
    return conversions


@router.get("/v1/custom-conversions", summary="List custom conversions at Meta", responses=problems(422, 503))
async def list_conversions(
    request: Request, account: Annotated[str | None, Query(pattern="^act_[0-9]{5,20}$")] = None
) -> dict[str, Any]:
    """Of the ad accounts of META_AD_ACCOUNT_ID, or of one; Meta is asked."""
    return await _conversions(request).listed(account)


@router.post(
    "/v1/custom-conversions",
    summary="Make a custom conversion at Meta of a rule about bookings",
    openapi_extra=body(NewCustomConversion),
    responses=problems(400, 408, 413, 415, 422, 503),
)
async def create_conversion(request: Request) -> dict[str, Any]:
    """One of the same name and rule is made once. `rule` is what Meta got."""
    return await _conversions(request).create(await read_form(request, NewCustomConversion))
