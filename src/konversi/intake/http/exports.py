"""The door for handing out what is kept about a person. For admins; the identity comes in the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form
from konversi.intake.persons import Named

if TYPE_CHECKING:
    from konversi.intake.gateway import Exports

router = APIRouter(tags=["erasure"])


@router.post(
    "/v1/exports",
    summary="Everything that is kept about a person",
    openapi_extra=body(Named),
    responses=problems(400, 403, 408, 413, 415, 422, 503),
)
async def export(request: Request) -> dict[str, Any]:
    """For somebody who asks what is known about them: each kind of data, with what it is in plain words."""
    exports: Exports = request.app.state.gateway.exports
    return await exports.of(await read_form(request, Named))
