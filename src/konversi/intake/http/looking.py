"""The doors for looking at events and deciding about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.responses import JSONResponse, PlainTextResponse, Response

from konversi._version import __version__
from konversi.errors import NotFound
from konversi.events.faults import Fault
from konversi.events.names import PURCHASE
from konversi.insight.describe import event, event_in_full, summary
from konversi.insight.metrics import SharedReport, metrics
from konversi.insight.payments import payment
from konversi.intake.deciding import ManyEvents, decide
from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form
from konversi.intake.invalid_fields import InvalidFields
from konversi.outbox.port import Search, event_of, receipt
from konversi.outbox.states import State  # noqa: TC001 - FastAPI reads the annotations
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway
    from konversi.payments.payment import Payment

router = APIRouter()

_Filter = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
_PROBED: dict[int | str, dict[str, Any]] = {503: {"description": "It is not", "content": {"application/json": {}}}}


def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


def _event(text: str) -> int:
    number = event_of(text)
    if number is None:
        raise NotFound("That is not a receipt.")
    return number


@router.get("/v1/events", summary="List events, newest first", tags=["events"], responses=problems(422, 503))
async def list_events(
    request: Request,
    state: State | None = None,
    dataset: _Filter = None,
    event_id: _Filter = None,
    booking_id: _Filter = None,
    cursor: Annotated[str | None, Query(max_length=30)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Events that match all filters; `next` is the cursor of the page after this one."""
    before = event_of(cursor) if cursor else None
    if cursor and before is None:
        raise InvalidFields([Fault("cursor", "bad_parameter", "is not a cursor.", "Send the page before's `next`.")])
    gateway = _gateway(request)
    if dataset is not None and dataset == gateway.settings.pixel_id:
        dataset = DEFAULT_DATASET
    search = Search(
        state=state, dataset=dataset, event_id=event_id, booking_id=booking_id, before=before, limit=limit + 1
    )
    found = await gateway.outbox.search(search)
    following = receipt(found[limit - 1].id) if len(found) > limit else None
    return {"events": [event(stored) for stored in found[:limit]], "next": following}


@router.get(
    "/v1/events/{receipt}",
    summary="One event with each of its attempts",
    tags=["events"],
    responses=problems(404, 422, 503),
)
async def show_event(request: Request, receipt: str) -> dict[str, Any]:
    """Its state, the notes, what Meta gets of it (hashed), and what Meta answered."""
    outbox = _gateway(request).outbox
    stored = await outbox.find(_event(receipt))
    if stored is None:
        raise NotFound
    paid: list[Payment] = []
    if stored.event_name == PURCHASE:
        paid = await _gateway(request).till.payments.of_journey(None, [stored.event_id])
    return {
        **event_in_full(stored, await outbox.attempts(stored.attempts)),
        "payments": [payment(one) for one in paid],
    }


class Discard(BaseModel):
    """Why an event is not to be sent."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f]*$")
    ]


@router.post(
    "/v1/events/decide",
    summary="Replay or discard many events",
    tags=["events"],
    openapi_extra=body(ManyEvents),
    responses=problems(400, 408, 413, 415, 422, 503),
)
async def decide_many(request: Request) -> dict[str, Any]:
    """Those that are named, or all that match: a thousand in one call, and `after` for the next one."""
    return await decide(_gateway(request), await read_form(request, ManyEvents))


@router.post(
    "/v1/events/{receipt}/replay",
    summary="Send an event again",
    tags=["events"],
    responses=problems(404, 409, 422, 503),
)
async def replay(request: Request, receipt: str) -> dict[str, str]:
    """For what is dead, held or discarded and still young enough; the same event_id and body are sent."""
    state = await _gateway(request).decisions.replay(_event(receipt))
    return {"receipt": receipt, "state": state.value}


@router.post(
    "/v1/events/{receipt}/discard",
    summary="Don't send an event",
    tags=["events"],
    openapi_extra=body(Discard),
    responses=problems(400, 404, 408, 409, 413, 415, 422, 503),
)
async def discard(request: Request, receipt: str) -> dict[str, str]:
    """For what waits, is dead, held or expired; the reason is kept with it."""
    decided = await read_form(request, Discard)
    state = await _gateway(request).decisions.discard(_event(receipt), decided.reason)
    return {"receipt": receipt, "state": state.value}


@router.get("/v1/status", summary="How things stand", tags=["operations"], responses=problems(503))
async def status(request: Request) -> dict[str, Any]:
    """Events by state, and each lane's way to Meta."""
    gateway = _gateway(request)
    now = gateway.clock.now()
    return {
        "version": __version__,
        "ready": gateway.ready,
        "environment": gateway.settings.environment,
        "configured": gateway.configured,
        "test_event_code": gateway.settings.test_event_code,
        **summary(await gateway.outbox.counts(), now),
        "lanes": [
            {
                "lane": report.lane,
                "breaker": report.breaker,
                "paused": report.paused,
                "cause": report.cause or None,
                "requests": report.requests,
            }
            for report in gateway.lanes()
        ],
    }


@router.get("/v1/alerts", summary="What needs a person", tags=["operations"], responses=problems(503))
async def alerts(request: Request) -> dict[str, Any]:
    """The alerts that are open, the oldest first."""
    return {"alerts": await _gateway(request).alerts.open()}


@router.get("/healthz", summary="Is the process sound?", tags=["operations"], responses=_PROBED)
async def healthz(request: Request) -> JSONResponse:
    """503 where the process should be started again."""
    sound = _gateway(request).outbox.broken is None
    return JSONResponse({"ok": sound}, 200 if sound else 503)


@router.get("/readyz", summary="Are events accepted and delivered?", tags=["operations"], responses=_PROBED)
async def readyz(request: Request) -> JSONResponse:
    """503 while starting, stopping, or restarting delivery, and while the storage is away."""
    gateway = _gateway(request)
    ready = gateway.ready and await gateway.reachable()
    return JSONResponse({"ready": ready}, 200 if ready else 503)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    tags=["operations"],
    response_class=PlainTextResponse,
    responses=problems(503),
)
async def prometheus(request: Request) -> Response:
    """In the text format."""
    gateway = _gateway(request)
    shared = SharedReport(
        await gateway.outbox.counts(), await gateway.insight.waits(), await gateway.alerts.open(), gateway.clock.now()
    )
    text = metrics(shared, await gateway.doings())
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
