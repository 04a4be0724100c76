"""Errors as RFC 9457 problems: what happened, a stable code, what to do, and each field at fault."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import orjson
from starlette.responses import Response

from konversi.errors import KonversiError
from konversi.events.faults import Fault, Refused
from konversi.intake.answer import Answer
from konversi.logs import logger

PROBLEM = "application/problem+json"


def problem(error: KonversiError) -> dict[str, Any]:
    """The problem's members."""
    described: dict[str, Any] = {
        "type": f"urn:konversi:error:{error.code}",
        "title": error.title(),
        "status": error.status,
        "code": error.code,
        "remedy": error.remedy(),
    }
    if isinstance(error, Refused):
        described["errors"] = [field(fault) for fault in error.faults]
    elif error.detail:
        described["detail"] = error.detail
    return described


def field(fault: Fault) -> dict[str, str]:
    """One field at fault."""
    return {"field": fault.field, "code": fault.code, "detail": fault.detail, "remedy": fault.remedy}


def headers(error: KonversiError) -> dict[str, str]:
    """Headers that belong to the problem."""
    extra: dict[str, str] = {}
    if error.retry_after is not None:
        extra["Retry-After"] = str(error.retry_after)
    if error.status == 401:  # noqa: PLR2004 - the status that asks for this header
        extra["WWW-Authenticate"] = 'Bearer realm="konversi"'
    if error.status == 408:  # noqa: PLR2004 - the rest of the body is not waited for
        extra["Connection"] = "close"
    return extra


def response(error: KonversiError) -> Response:
    """The problem as an answer."""
    return Response(orjson.dumps(problem(error)), error.status, headers(error), PROBLEM)


def refusal(error: KonversiError) -> Answer:
    """The same, for the hot doors."""
    return Answer(error.status, orjson.dumps(problem(error)), PROBLEM, headers(error))


def unforeseen(error: Exception) -> KonversiError:
    """What a caller is told of a fault of Konversi's own. Its text stays out of the log: it may quote the customer."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{PurePath(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else None
    logger().error("unforeseen", fault=type(error).__name__, where=where)
    return KonversiError()
