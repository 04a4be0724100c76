"""The doors of consent. Identities come in bodies: addresses are logged by proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from konversi.intake import consenting
from konversi.intake.consenting import Consent
from konversi.intake.http.documented import body, problems
from konversi.intake.http.forms import read_form
from konversi.intake.persons import Named

if TYPE_CHECKING:
    from pydantic import BaseModel

    from konversi.consent.store import Consents

FORMS: tuple[type[BaseModel], ...] = (Consent, Named)

router = APIRouter(tags=["consent"])
_TAKES_A_BODY = (400, 403, 408, 413, 415, 422, 503)


def _consents(request: Request) -> Consents:
    consents: Consents = request.app.state.gateway.consents
    return consents


@router.put(
    "/v1/consents",
    summary="Record what a customer said",
    openapi_extra=body(Consent),
    responses=problems(*_TAKES_A_BODY),
)
async def record_consent(request: Request) -> dict[str, Any]:
    """Durable when answered. What counts is what was said last, in whatever order it came."""
    return await consenting.decide(_consents(request), await read_form(request, Consent))


@router.get("/v1/consents", summary="How many decisions are kept", responses=problems(403, 503))
async def count_consents(request: Request) -> dict[str, Any]:
    """By purpose and state, and what it means that there is none of a customer."""
    return await consenting.summary(_consents(request))


@router.post(
    "/v1/consents/show",
    summary="What one customer said",
    openapi_extra=body(Named),
    responses=problems(*_TAKES_A_BODY),
)
async def show_consent(request: Request) -> dict[str, Any]:
    """By purpose: what counts now, and everything that was said before."""
    return await consenting.shown(_consents(request), await read_form(request, Named))
