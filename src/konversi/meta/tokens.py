"""When a token expires, where Meta says it. Source: Meta, Graph API, `debug_token`.

Only the app's own tokens and its developers' may ask, so that no answer means nothing. The token goes in the body, as
everywhere: an address ends up in logs. Graph takes a POST that names another method in `method`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from konversi.meta.answers import Kind

if TYPE_CHECKING:
    from konversi.meta.graph import Credentials, GraphClient


class Expiry(NamedTuple):
    """What Meta said: Unix seconds, or `None` for a token that does not expire."""

    at: float | None


async def expiry_of(graph: GraphClient, to: Credentials) -> Expiry | None:
    """When the token expires; `None` where Meta does not say. Never raises for what the network does."""
    sent, answer = await graph.ask("POST", "/debug_token", to, input_token=to.token, method="get")
    said = answer.get("data")
    if sent.verdict.kind is not Kind.DELIVERED or not isinstance(said, dict):
        return None
    at = said.get("expires_at")
    if isinstance(at, bool) or not isinstance(at, int) or at < 0:
        return None
    return Expiry(float(at) if at else None)
