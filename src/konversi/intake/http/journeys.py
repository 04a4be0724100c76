"""The doors for looking at conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from konversi.errors import JourneyUnknown
from konversi.events.faults import Fault
from konversi.events.names import PURCHASE
from konversi.insight.timeline import journey, journey_in_full
from konversi.intake.http.documented import problems
from konversi.intake.invalid_fields import InvalidFields
from konversi.journeys.arrival import ChatChannel  # noqa: TC001 - FastAPI reads the annotations
from konversi.journeys.port import Search, journey_id, journey_of
from konversi.outbox.port import Search as EventSearch

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

router = APIRouter()
MOST_EVENTS = 200  # on one timeline


@router.get("/v1/journeys", summary="List conversations, newest first", tags=["journeys"], responses=problems(422, 503))
async def list_journeys(
    request: Request,
    channel: ChatChannel | None = None,
    ad_id: Annotated[str | None, Query(max_length=60, pattern=r"^[^\x00]*$")] = None,
    cursor: Annotated[str | None, Query(max_length=30)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Conversations that match all filters; `next` is the cursor of the page after this one."""
    before = journey_of(cursor) if cursor else None
    if cursor and before is None:
        raise InvalidFields([Fault("cursor", "bad_parameter", "is not a cursor.", "Send the page before's `next`.")])
    gateway: Gateway = request.app.state.gateway
    found = await gateway.journeys.search(Search(channel, ad_id, before, limit + 1))
    following = journey_id(found[limit - 1][0].id) if len(found) > limit else None
    return {"journeys": [journey(one, ad) for one, ad in found[:limit]], "next": following}


@router.get(
    "/v1/journeys/{journey}",
    summary="One conversation on a timeline",
    tags=["journeys"],
    responses=problems(404, 422, 503),
)
async def show_journey(request: Request, journey: str) -> dict[str, Any]:
    """Click, first message, tool calls, and the events with their states."""
    number = journey_of(journey)
    gateway: Gateway = request.app.state.gateway
    found = None if number is None else await gateway.journeys.find(number)
    if found is None:
        raise JourneyUnknown
    events = await gateway.outbox.search(EventSearch(journey=found.id, limit=MOST_EVENTS))
    payments = await gateway.till.payments.of_journey(
        found.id, [stored.event_id for stored in events if stored.event_name == PURCHASE]
    )
    return journey_in_full(found, await gateway.journeys.past(found.id), events, payments)
