"""The addresses that nearly all calls go to."""

from __future__ import annotations

import re
from typing import Any, Final

EVENTS_PATH: Final = "/v1/events"
WEBHOOK_PATHS: Final = "/webhooks/"
_EVENTS_URL = EVENTS_PATH.encode()
_WEBHOOKS_URL = WEBHOOK_PATHS.encode()
_PLAIN_URL = re.compile(rb"[a-z/]+")  # nothing to decode, and no query


def is_hot(url: bytes) -> bool:
    """Whether a POST to this address is answered by a hot door."""
    return url == _EVENTS_URL or (url.startswith(_WEBHOOKS_URL) and _PLAIN_URL.fullmatch(url) is not None)


def post_to(path: str, client: tuple[str, int] | None, server: tuple[str, int | None] | None = None) -> dict[str, Any]:
    """A plain POST as ASGI describes it, as far as the hot doors look."""
    return {"type": "http", "method": "POST", "path": path, "query_string": b"", "client": client, "server": server}
