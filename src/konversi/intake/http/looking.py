"""The doors for looking at events and deciding about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from konversi._version import __version__
from konversi.errors import InvalidRequest, NotFound
from konversi.insight.describe import event, event_in_full, summary
from konversi.insight.metrics import metrics
from konversi.outbox.port import Search, event_of, receipt
from konversi.outbox.states import State

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

router = APIRouter()


def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


def _event(text: str) -> int:
    number = event_of(text)
    if number is None:
        raise NotFound("That is not a receipt.")
    return number


@router.get("/v1/events", summary="List events, newest first", tags=["events"])
async def list_events(
    request: Request,
    state: State | None = None,
    dataset: Annotated[str | None, Query(max_length=200)] = None,
    event_id: Annotated[str | None, Query(max_length=200)] = None,
    booking_id: Annotated[str | None, Query(max_length=200)] = None,
    cursor: Annotated[str | None, Query(max_length=30)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Events that match all filters; `next` is the cursor of the page after this one."""
    before = event_of(cursor) if cursor else None
    if cursor and before is None:
        raise InvalidRequest("cursor: send the `next` of the page before.")
    search = Search(state=state, dataset=dataset, event_id=event_id, booking_id=booking_id, before=before, limit=limit)
    found = await _gateway(request).outbox.search(search)
    following = receipt(found[-1].id) if len(found) == limit else None
    return {"events": [event(stored) for stored in found], "next": following}


@router.get("/v1/events/{receipt}", summary="One event with each of its attempts", tags=["events"])
async def show_event(request: Request, receipt: str) -> dict[str, Any]:
    """Its state, the notes, what Meta gets of it (hashed), and what Meta answered."""
    outbox = _gateway(request).outbox
    stored = await outbox.find(_event(receipt))
    if stored is None:
        raise NotFound
    return event_in_full(stored, await outbox.attempts(stored.attempts))


class Discard(BaseModel):
    """Why an event is not to be sent."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)]


@router.post("/v1/events/{receipt}/replay", summary="Send an event again", tags=["events"])
async def replay(request: Request, receipt: str) -> dict[str, str]:
    """For what is dead, held or discarded and still young enough; the same event_id and body are sent."""
    state = await _gateway(request).decisions.replay(_event(receipt))
    return {"receipt": receipt, "state": state.value}


@router.post("/v1/events/{receipt}/discard", summary="Don't send an event", tags=["events"])
async def discard(request: Request, receipt: str, body: Discard) -> dict[str, str]:
    """For what waits, is dead, held or expired; the reason is kept with it."""
    state = await _gateway(request).decisions.discard(_event(receipt), body.reason)
    return {"receipt": receipt, "state": state.value}


@router.get("/v1/status", summary="How things stand", tags=["operations"])
async def status(request: Request) -> dict[str, Any]:
    """Events by state, and each lane's way to Meta."""
    gateway = _gateway(request)
    now = gateway.clock.now()
    return {
        "version": __version__,
        "ready": gateway.ready,
        "environment": gateway.settings.environment,
        "configured": gateway.settings.configured,
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


@router.get("/healthz", summary="Is the process sound?", tags=["operations"])
async def healthz(request: Request) -> JSONResponse:
    """503 where the process should be started again."""
    sound = _gateway(request).outbox.broken is None
    return JSONResponse({"ok": sound}, 200 if sound else 503)


@router.get("/readyz", summary="Are events accepted and delivered?", tags=["operations"])
async def readyz(request: Request) -> JSONResponse:
    """503 while starting, stopping, or restarting delivery."""
    ready = _gateway(request).ready
    return JSONResponse({"ready": ready}, 200 if ready else 503)


@router.get("/metrics", summary="Prometheus metrics", tags=["operations"], response_class=Response)
async def prometheus(request: Request) -> Response:
    """In the text format."""
    gateway = _gateway(request)
    counts = await gateway.outbox.counts()
    text = metrics(counts, gateway.lanes(), gateway.clock.now())
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")
