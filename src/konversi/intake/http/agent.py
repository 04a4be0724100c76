"""The doors for agents in any language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from konversi.events.agent import ToolUse, Turn
from konversi.events.conversion import Customer
from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form
from konversi.intake.http.problems import problem
from konversi.intake.receipts import Receipt
from konversi.intake.turns import Records, TurnReport

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway
    from konversi.intake.turns import Booking

router = APIRouter()
FORMS = (TurnReport, Records)  # that the doors here take
_REPORTED = frozenset({"turnId", *TurnReport.model_fields, *Customer.model_fields})
_RECORDED = frozenset(name for model in (Records, ToolUse, Turn, Customer) for name in model.model_fields)


@router.post(
    "/v1/agent/turns",
    status_code=202,
    summary="Report one turn of an agent: which tools it used, with their results",
    tags=["agents"],
    openapi_extra=body(TurnReport),
    responses=problems(400, 408, 413, 415, 422, 503),
)
async def take_turn(request: Request) -> JSONResponse:
    """Finds the succeeded bookings among the tool calls and reports them; durable when answered."""
    report = await read_form(request, TurnReport, _REPORTED)
    gateway: Gateway = request.app.state.gateway
    outcome = await gateway.turns.take(report)
    said: dict[str, Any] = {
        "bookings": [_booking(one) for one in outcome.bookings],
        "tools": [{"tool": call.name, "succeeded": call.outcome.ok, "why": call.outcome.why} for call in outcome.calls],
        "said_booked_but_did_not": outcome.unfounded,
    }
    return JSONResponse(said, 202)


def _booking(one: Booking) -> dict[str, Any]:
    if isinstance(one.outcome, Receipt):
        notes = [note._asdict() for note in one.outcome.notes]
        told = {"receipt": one.outcome.receipt, "event_id": one.outcome.event_id, "repeat": one.outcome.repeat}
        return {"tool": one.tool, "status": "accepted", **told, "notes": notes}
    return {"tool": one.tool, "status": "refused", "problem": problem(one.outcome.error)}


@router.post(
    "/v1/agent/records",
    status_code=202,
    summary="Keep tool calls and turns that were judged elsewhere",
    tags=["agents"],
    openapi_extra=body(Records),
    responses=problems(400, 408, 413, 415, 422, 503),
)
async def keep_records(request: Request) -> JSONResponse:
    """What Konversi's Python client sends of an agent in another process. Durable when answered."""
    records = await read_form(request, Records, _RECORDED)
    gateway: Gateway = request.app.state.gateway
    await gateway.turns.keep(records)
    return JSONResponse({"calls": len(records.calls), "turns": len(records.turns)}, 202)
