"""A request to Graph, read: who asks for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from konversi.sandbox.arrival import Fields, events, fields, token
from konversi.sandbox.errors import TOO_LARGE, Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

_LANGUAGES = frozenset({"en", "id"})
_LARGEST_BODY = 32_000_000  # bytes; Meta states none


class Call(NamedTuple):
    """`POST /{version}/{node}/{edge}` with what it carries."""

    method: str
    version: str
    node: str
    edge: str
    given: Fields
    token: str | None
    language: str | None  # where the caller named one that this Meta speaks
    events: list[Any] | Refusal

    @property
    def size(self) -> int:
        return len(self.events) if isinstance(self.events, list) else 0

    def all_of(self, key: str) -> list[str | None]:
        """What the events have under a key."""
        found = self.events if isinstance(self.events, list) else []
        values = [event.get(key) if isinstance(event, dict) else None for event in found]
        return [None if value is None else str(value) for value in values]

    def __repr__(self) -> str:
        return f"Call({self.method} /{self.version}/{self.node}/{self.edge}, {self.size} events)"


async def read(request: Request) -> Call | Refusal:
    """Take a request apart; refused where its body can't be decoded."""
    body = await _body(request)
    if body is None:
        return Refusal(TOO_LARGE)
    given = fields(request.url.query, request.headers.get("content-type", ""), body)
    if isinstance(given, Refusal):
        return given
    version, _, rest = request.path_params["path"].partition("/")
    node, _, edge = rest.partition("/")
    wanted = str(given.get("locale") or request.headers.get("accept-language") or "")[:2].lower()
    edge = edge.rstrip("/")
    return Call(
        request.method,
        version,
        node,
        edge,
        given,
        token(given, request.headers.get("authorization", "")),
        wanted if wanted in _LANGUAGES else None,
        events(given) if request.method == "POST" and edge == "events" else [],
    )


async def _body(request: Request) -> bytes | None:
    """`None` where it is too large; its rest is read and dropped, so that the caller hears why."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= _LARGEST_BODY:
            parts.append(part)
        else:
            parts.clear()
    return b"".join(parts) if size <= _LARGEST_BODY else None
