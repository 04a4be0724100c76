"""How Meta writes an answer."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from konversi.sandbox.errors import error_body

if TYPE_CHECKING:
    from konversi.sandbox.errors import Refusal


class Json(Response):
    """A JSON answer."""

    media_type = "application/json; charset=UTF-8"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def accepted(events: int) -> Response:
    return Json({"events_received": events, "messages": [], "fbtrace_id": _trace()})


def refused(refusal: Refusal, *, language: str = "en", node: str = "") -> Response:
    """A refusal in Meta's form. `X-Sandbox-Field` is ours, for people; Meta doesn't always say which field it was."""
    body = error_body(refusal, language=language, trace=_trace(), node=node)
    headers = {"x-sandbox-field": refusal.where} if refusal.path else {}
    return Json(body, refusal.error.status, headers)


def _trace() -> str:
    """Meta's name for one request, which its support asks for."""
    return "A" + secrets.token_urlsafe(16)
