"""The doors for value rules: those in effect, what they would have told, and learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form
from konversi.intake.value_forms import DryRun

if TYPE_CHECKING:
    from pydantic import BaseModel

    from konversi.insight.valuing import Valuing

FORMS: tuple[type[BaseModel], ...] = (DryRun,)

router = APIRouter(tags=["value"])


def _valuing(request: Request) -> Valuing:
    valuing: Valuing = request.app.state.gateway.valuing
    return valuing


@router.get("/v1/value", summary="Show the value rules", responses=problems(503))
async def shown(request: Request) -> dict[str, Any]:
    """Those in effect, where they are from, and what was learned of past bookings."""
    return _valuing(request).shown()


@router.post(
    "/v1/value/dry-run",
    summary="Show what value rules would have told",
    openapi_extra=body(DryRun),
    responses=problems(400, 403, 408, 413, 415, 422, 503),
)
async def dry_run(request: Request, days: Annotated[int, Query(ge=1, le=3_650)] = 28) -> dict[str, Any]:
    """Of the events of the last days, beside what was told: sums by event and by rule, examples. Nothing is sent."""
    form = await read_form(request, DryRun)
    return await _valuing(request).dry_run(form.rules, days)


@router.post("/v1/value/learn", summary="Learn of past bookings", responses=problems(403, 503))
async def learn(request: Request) -> dict[str, Any]:
    """Count those that are old enough by now, and take it into effect where the rules use it."""
    valuing = _valuing(request)
    await valuing.learn()
    return await valuing.lessons()
