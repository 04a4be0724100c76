"""How Graph answers: its bodies with its headers."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from konversi.sandbox.errors import Refusal, error_body

if TYPE_CHECKING:
    from collections.abc import Mapping

LITTLE_USAGE = {"call_count": 1, "total_cputime": 1, "total_time": 1}  # percent
FULL_USAGE = {"call_count": 100, "total_cputime": 25, "total_time": 25}
_BAD_TOKEN = 190


class Answer(Response):
    """JSON as Graph sends it. `refusal` is why the request was refused."""

    media_type = "application/json; charset=UTF-8"

    def __init__(
        self,
        content: Any,
        *,
        trace: str,
        status: int = 200,
        usage: Mapping[str, int] = LITTLE_USAGE,
        refusal: Refusal | None = None,
    ) -> None:
        self.refusal = refusal
        headers = {"x-fb-trace-id": trace, "x-app-usage": orjson.dumps(usage).decode()}
        super().__init__(orjson.dumps(content), status, headers)


def new_trace() -> str:
    """Meta's name for one request, which its support asks for."""
    return "A" + secrets.token_urlsafe(16)


def received(count: int) -> Answer:
    trace = new_trace()
    return Answer({"events_received": count, "messages": [], "fbtrace_id": trace}, trace=trace)


def refused(
    refusal: Refusal,
    *,
    language: str,
    node: str = "",
    status: int | None = None,
    usage: Mapping[str, int] = LITTLE_USAGE,
) -> Answer:
    """`X-Sandbox-Field` is ours, for people: Meta doesn't always say which field was at fault."""
    trace = new_trace()
    body = error_body(refusal, language=language, trace=trace, node=node)
    answer = Answer(body, trace=trace, status=status or refusal.error.status, usage=usage, refusal=refusal)
    if refusal.error.code == _BAD_TOKEN:
        answer.headers["www-authenticate"] = 'OAuth "Facebook Platform" "invalid_token"'
    if refusal.field:
        answer.headers["x-sandbox-field"] = refusal.field
    return answer
