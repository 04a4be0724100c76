"""The door for pulling what ads cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from konversi.access.acting import Action, note
from konversi.insight.spending import DAYS
from konversi.intake.http.documented import problems

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

router = APIRouter()


@router.post("/v1/spend/sync", summary="Pull what ads cost", tags=["operations"], responses=problems(422, 503))
async def sync(
    request: Request,
    account: Annotated[str | None, Query(pattern="^act_[0-9]{5,20}$")] = None,
    days: Annotated[int, Query(ge=1, le=90)] = DAYS,
) -> dict[str, Any]:
    """The last so many days again, of all accounts or of one; what was known of these days is replaced."""
    gateway: Gateway = request.app.state.gateway
    wanted = gateway.spending.accounts if account is None else (account,)
    note(Action.SPEND_PULLED, ", ".join(wanted), days=days)
    return {"pulled": [(await gateway.spending.pull(one, days))._asdict() for one in wanted]}
