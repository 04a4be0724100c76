"""Where a call comes from, and which session it carries."""

from __future__ import annotations

import ipaddress
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.types import Scope

    from konversi.settings.access import Network

SESSION = "__Host-konversi"  # browsers take it only over HTTPS, for this host alone, from no other page
LOCAL_SESSION = "konversi"  # on this machine there may be no HTTPS
_MOST_HOPS = 20


def address_of(scope: Scope, headers: Mapping[bytes, bytes], proxies: Sequence[Network]) -> str:
    """The caller's address: the last one in `X-Forwarded-For` that is no proxy of ours, where a proxy of ours calls."""
    client = scope.get("client")
    at = client[0] if client else ""
    if at and not _is_ours(at, proxies):
        return str(at)
    hops = headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",")[-_MOST_HOPS:]
    for hop in reversed([one.strip() for one in hops if one.strip()]):
        at = hop
        if not _is_ours(hop, proxies):
            break
    return _plain(at)


def cookie_of(headers: Mapping[bytes, bytes], *, local: bool) -> str | None:
    """What the session's cookie holds. A name that other sites could have set counts on this machine only."""
    try:
        found = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    morsel = found.get(LOCAL_SESSION if local else SESSION)
    return morsel.value if morsel is not None and morsel.value else None


def _plain(address: str) -> str:
    """An address, or nothing where a proxy wrote something else."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""


def _is_ours(address: str, proxies: Sequence[Network]) -> bool:
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(given in network for network in proxies)
