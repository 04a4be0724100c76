"""The doors for forgetting people. For admins; identities come in bodies only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from konversi.errors import ErasureUnknown
from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form
from konversi.intake.persons import Named

if TYPE_CHECKING:
    from konversi.intake.gateway import Erasures, Gateway

router = APIRouter(tags=["erasure"])
_TAKES_A_BODY = (400, 403, 408, 413, 415, 422, 503)
_PATIENCE = 5.0  # seconds for which the answer waits for what can be found
_MOST_PATIENCE = 60.0


def _erasures(request: Request) -> Erasures:
    erasures: Erasures = request.app.state.gateway.erasures
    return erasures


@router.post(
    "/v1/erasures",
    status_code=202,
    summary="Forget a person",
    openapi_extra=body(Named),
    responses={202: {"description": "Begun, durably: it goes on after a crash"}, **problems(*_TAKES_A_BODY)},
)
async def erase(request: Request) -> dict[str, Any]:
    """Everything about the person is refused from now on. The answer is the report, as far as it is."""
    gateway: Gateway = request.app.state.gateway
    number = await gateway.erasures.begin(await read_form(request, Named))
    works_by_itself = gateway.on_demand is None  # else nothing is found before the scheduler calls
    return await gateway.erasures.shown(number, _PATIENCE if works_by_itself else 0.0)


@router.get("/v1/erasures", summary="List erasures, newest first", responses=problems(403, 503))
async def list_erasures(request: Request) -> dict[str, Any]:
    """How far each is, what was removed, and what Meta has; never who it was."""
    return {"erasures": await _erasures(request).listed()}


@router.get("/v1/erasures/{erasure}", summary="The report of one erasure", responses=problems(403, 404, 422, 503))
async def show_erasure(
    request: Request,
    erasure: Annotated[str, Path(max_length=30)],
    wait: Annotated[float, Query(ge=0, le=_MOST_PATIENCE)] = 0.0,
) -> dict[str, Any]:
    """What was removed, what Meta has, and what is still waited for. `wait` is in seconds."""
    digits = erasure.removeprefix("er_")
    if digits == erasure or not (digits.isascii() and digits.isdigit()) or len(digits) > 18:  # noqa: PLR2004 - 64 bits
        raise ErasureUnknown
    return await _erasures(request).shown(int(digits), wait)


@router.post(
    "/v1/erasures/lift",
    summary="Let a person be known again",
    openapi_extra=body(Named),
    responses=problems(*_TAKES_A_BODY),
)
async def lift(request: Request) -> dict[str, Any]:
    """For a customer who came back. What was removed stays removed."""
    return {"lifted": await _erasures(request).lift(await read_form(request, Named))}
