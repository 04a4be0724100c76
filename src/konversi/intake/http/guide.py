"""The setup guide's door: `GET` and `POST /api/meta/conversion`, word for word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from konversi.errors import KonversiError, ShuttingDown, StorageUnavailable
from konversi.events.faults import Fault, Note, Refused
from konversi.intake.guide import FIELDS, GuideConversion, as_json, guide_field, masked
from konversi.intake.http.bodies import ONE_EVENT, read_json
from konversi.intake.http.documented import body, problems
from konversi.intake.http.problems import PROBLEM, headers, problem
from konversi.intake.json_faults import faults_in
from konversi.meta.answers import Kind
from konversi.outbox.states import NEEDS_ATTENTION, State
from konversi.settings import DEFAULT_DATASET

if TYPE_CHECKING:
    from konversi.intake.gateway import Gateway
    from konversi.intake.receipts import Receipt
    from konversi.outbox.port import Stored

_DEFAULT_WAIT = 5.0
_LONGEST_WAIT = 30.0
_WAIT = re.compile(r"(?:^|[\s,;])wait\s*=\s*\"?(\d{1,4})", re.IGNORECASE)


class MetaRefused(KonversiError):
    """Meta refused the event.

    See `detail` for the cause and the remedy; `konversi events show RECEIPT` has Meta's own answer.
    """

    code = "meta_refused"
    status = 422


router = APIRouter(tags=["setup guide"])


@router.get("/api/meta/conversion", summary="Is the gateway configured?", responses=problems())
async def configured(request: Request) -> dict[str, Any]:
    """Whether credentials are there; of the pixel id only the first four digits are shown."""
    gateway: Gateway = request.app.state.gateway
    reached = gateway.destinations.credentials(DEFAULT_DATASET) is not None
    return {
        "configured": reached,
        "pixelId": masked(gateway.settings.pixel_id),
        "hasToken": reached or gateway.settings.token is not None,
    }


@router.post(
    "/api/meta/conversion",
    summary="Report a conversion and wait for Meta's answer",
    openapi_extra=body(GuideConversion),
    responses={
        200: {"description": "Meta received it"},
        202: {"description": "Durable, and delivered later", "content": {"application/json": {}}},
        **problems(400, 408, 409, 413, 415, 422, 503),
    },
)
async def convert(request: Request) -> Response:
    """Accept the conversion durably, then wait up to 5 s (`Prefer: wait=N`, at most 30) for Meta's answer to it."""
    gateway: Gateway = request.app.state.gateway
    try:
        conversion = await _read(request)
        receipt = await gateway.receiver.receive(conversion.conversion())
        if receipt.event == 0:  # a payment that is kept, without a Purchase of its own (yet)
            said = {"eventId": receipt.event_id or None, "receipt": receipt.receipt}
            why = " ".join(note.text for note in receipt.notes)
            return _json(202, as_json({"success": True, "status": "recorded", **said, "warning": why}))
        try:
            stored = await gateway.outcome(receipt.event, _wait(request.headers.get("prefer", "")))
            return await _answer(gateway, receipt, stored)
        except (StorageUnavailable, ShuttingDown) as error:  # it is durable: reported again, it would be there twice
            return _queued(receipt, f"What became of it can't be read yet: {error.detail or error.title()}")
    except Refused as error:
        faults = [Fault(guide_field(one.field), one.code, one.detail, one.remedy) for one in error.faults]
        return _problem(Refused(faults))
    except KonversiError as error:
        return _problem(error)


async def _read(request: Request) -> GuideConversion:
    sent = await read_json(request, ONE_EVENT)
    try:
        return GuideConversion.model_validate_json(sent)
    except ValidationError as error:
        raise Refused(faults_in(error, FIELDS)) from None


def _wait(prefer: str) -> float:
    found = _WAIT.search(prefer)
    return min(float(found[1]), _LONGEST_WAIT) if found else _DEFAULT_WAIT


async def _answer(gateway: Gateway, receipt: Receipt, stored: Stored) -> Response:
    said = _said(receipt)
    attempts = await gateway.outbox.attempts(stored.attempts[-1:])
    last = attempts[0] if attempts else None
    if stored.state is State.DELIVERED:
        # What Meta received is said of this event alone, whatever else was in its batch.
        meta = {"eventsReceived": 1, "fbtraceId": last.fbtrace_id if last else None}
        return _json(200, {"success": True, **meta, **said})
    paused = last is not None and last.verdict == Kind.PAUSED and stored.state is State.WAITING
    if stored.state is State.HELD:
        return _json(202, {"success": True, "status": "held", **said, "warning": stored.reason})
    if stored.state is State.WITHHELD:  # as the customer wanted it
        return _json(200, {"success": True, "status": "withheld", **said, "warning": stored.reason})
    if stored.state in NEEDS_ATTENTION or stored.state is State.DISCARDED or paused or gateway.paused(stored.lane):
        reason = stored.reason or gateway.obstacle(stored.lane) or ""
        return _refused(said, stored, reason)
    return _queued(receipt, gateway.obstacle(stored.lane) or stored.reason or None)


def _said(receipt: Receipt) -> dict[str, Any]:
    warnings = [_spoken(note) for note in receipt.notes if note.about != "event"]
    return as_json({"eventId": receipt.event_id, "receipt": receipt.receipt, "warnings": warnings})


def _queued(receipt: Receipt, why: str | None) -> Response:
    return _json(202, as_json({"success": True, "status": "queued", **_said(receipt), "warning": why}))


def _spoken(note: Note) -> str:
    return f"{guide_field(note.about)}: {note.text}"


def _refused(said: dict[str, Any], stored: Stored, reason: str) -> Response:
    kept = " The event is kept: don't report it again." if stored.state is State.WAITING else ""
    described = {
        "success": False,
        "error": reason + kept,
        "state": stored.state.value,  # "waiting" where the event is kept and sent once the cause is mended
        **said,
        **problem(MetaRefused(reason)),
    }
    return Response(orjson.dumps(described), 422, media_type=PROBLEM)


def _problem(error: KonversiError) -> Response:
    described = {"success": False, "error": str(error), **problem(error)}
    return Response(orjson.dumps(described), error.status, headers(error), PROBLEM)


def _json(status: int, content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
