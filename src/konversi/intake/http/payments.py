"""The doors for looking at payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from konversi.errors import PaymentUnknown
from konversi.events.faults import Fault
from konversi.insight.payments import payment as described
from konversi.insight.payments import payment_in_full
from konversi.intake.http.documented import problems
from konversi.intake.invalid_fields import InvalidFields
from konversi.payments.payment import payment_id, payment_of
from konversi.payments.rows import Search

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway

router = APIRouter()
_Filter = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.get("/v1/payments", summary="List payments, newest first", tags=["payments"], responses=problems(422, 503))
async def list_payments(
    request: Request,
    provider: _Filter = None,
    booking_id: _Filter = None,
    flag: _Filter = None,
    cursor: Annotated[str | None, Query(max_length=30)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Payments that match all filters; `next` is the cursor of the page after this one."""
    before = payment_of(cursor) if cursor else None
    if cursor and before is None:
        raise InvalidFields([Fault("cursor", "bad_parameter", "is not a cursor.", "Send the page before's `next`.")])
    gateway: Gateway = request.app.state.gateway
    found = await gateway.till.payments.search(Search(provider, booking_id, flag, before, limit + 1))
    following = payment_id(found[limit - 1].id or 0) if len(found) > limit else None
    return {"payments": [described(one) for one in found[:limit]], "next": following}


@router.get(
    "/v1/payments/{payment}",
    summary="One payment, with what went back of it",
    tags=["payments"],
    responses=problems(404, 422, 503),
)
async def show_payment(request: Request, payment: str) -> dict[str, Any]:
    """Its state, how it was joined to a booking, its Purchase, refunds and chargebacks."""
    number = payment_of(payment)
    gateway: Gateway = request.app.state.gateway
    found = None if number is None else await gateway.till.payments.find(number)
    if found is None:
        raise PaymentUnknown
    return payment_in_full(found)
