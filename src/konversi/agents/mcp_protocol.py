"""What the two MCP servers share: what a request brings besides its arguments, and what its tool answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from konversi.detection.plain import decoded

_SESSION = "mcp-session-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Where `customer=` is looked up: `"meta.customer_phone"`, `"headers.x-customer-phone"`, or a callable of this."""

    meta: Mapping[str, Any] = field(default_factory=dict, repr=False)  # the request's `_meta`, which no model writes
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # of the HTTP request; empty on stdio
    context: Any = field(default=None, repr=False)  # the framework's own

    @property
    def session(self) -> str | None:
        """The MCP session, where the transport has one: HTTP before the protocol of 2026-07-28."""
        return self.headers.get(_SESSION)

    def call_id(self, request_id: Any) -> str | None:
        """The call's id among all calls. A request's own id is a small number, which comes again in every session."""
        return None if self.session is None or request_id is None else f"{self.session}:{request_id}"


def answer(structured: Any, content: Any) -> Any:
    """What the tool's function returned, from a result's structured content or else the texts of its content.

    Frameworks wrap what is no object as `{"result": ...}`; functions without a return type answer with JSON text only.
    """
    if isinstance(structured, Mapping):
        return decoded(structured["result"]) if set(structured) == {"result"} else structured
    texts = [decoded(text) for text in map(_text, content) if text] if isinstance(content, Sequence) else []
    return texts[0] if len(texts) == 1 else texts or None


def _text(block: Any) -> str | None:
    text = block.get("text") if isinstance(block, Mapping) else getattr(block, "text", None)
    return text if isinstance(text, str) else None


def word_for(error: BaseException) -> str:
    """The stable name of what a tool raised, under what the framework made of it."""
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    cause = error.__cause__ or error
    return "timeout" if isinstance(cause, TimeoutError) else type(cause).__name__
