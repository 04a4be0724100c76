"""How Meta writes an answer."""

from __future__ import annotations

import secrets
from typing import Any

import orjson
from starlette.responses import Response

from konversi.sandbox.errors import REFUSALS, Problem, body

_JSON = "application/json; charset=UTF-8"


class Json(Response):
    """A JSON answer."""

    media_type = _JSON

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def accepted(events: int) -> Response:
    return Json({"events_received": events, "messages": [], "fbtrace_id": trace()})


def refusal(problem: Problem, language: str) -> Response:
    """A refusal in Meta's form. `X-Sandbox-Field` is ours: it helps a person, and Meta says no such thing."""
    row = REFUSALS[problem.kind]
    headers = {"x-sandbox-field": problem.field} if problem.field else {}
    if row.status == 401:
        headers["www-authenticate"] = f'OAuth "Facebook Platform" "invalid_token" "{row.message}"'
    return Json(body(problem.kind, trace(), language), row.status, headers)


def trace() -> str:
    """Meta's name for one request, which its support asks for."""
    return "A" + secrets.token_urlsafe(16)
