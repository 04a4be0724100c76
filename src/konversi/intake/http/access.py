"""Who may call: with a key whoever has it, without one only this machine."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from konversi.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Scope

OPEN_PATHS = frozenset({"/healthz", "/readyz"})  # say nothing but "alive": probes can't carry keys
SCHEDULED_PATH = "/internal/deliver"  # takes a secret of its own, that a scheduler sends
SIGNED_PATHS = "/webhooks/"  # each call carries the signature or the secret of its platform
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FORWARDED = frozenset(
    {
        b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-original-forwarded-for",
        b"x-real-ip", b"x-client-ip", b"x-cluster-client-ip", b"true-client-ip", b"cf-connecting-ip", b"cf-ray",
        b"fastly-client-ip", b"fly-client-ip", b"x-appengine-user-ip", b"x-envoy-external-address",
        b"tailscale-user-login", b"via",
    }
)  # fmt: skip


class Access:
    """Decides about calls."""

    def __init__(self, api_key: str | None) -> None:
        self._key = hashlib.sha256(api_key.encode()).digest() if api_key else None

    def check(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Raises `Unauthorized` for a call that may not be made."""
        path = scope["path"]
        if path in OPEN_PATHS or path == SCHEDULED_PATH or path.startswith(SIGNED_PATHS):
            return
        if self._key is not None:
            self._check_key(headers.get(b"authorization", b""))
        elif not _from_here(scope, headers):
            raise Unauthorized("KONVERSI_API_KEY is not set, and the call did not come straight from this machine.")

    def _check_key(self, authorization: bytes) -> None:
        scheme, _, given = authorization.partition(b" ")
        # Digests of equal length are compared, so that neither the time nor the length tells anything of the key.
        matches = hmac.compare_digest(hashlib.sha256(given.strip()).digest(), self._key or b"")
        if scheme.lower() != b"bearer" or not matches:
            raise Unauthorized


def _from_here(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """A proxy or tunnel on this machine speaks for strangers; a web page that rebinds its name is a stranger too."""
    if not _FORWARDED.isdisjoint(headers):
        return False
    if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
        return False
    if not _is_local_name(headers.get(b"origin", b"http://localhost").partition(b"://")[2]):
        return False
    client = scope.get("client")
    caller = client[0] if client else ""  # nothing: a Unix socket, or called in-process
    return _is_local_name(headers.get(b"host", b"localhost")) and (not caller or _is_loopback(caller))


@lru_cache(maxsize=64)
def _is_local_name(host: bytes) -> bool:
    text = host.decode("latin-1").lower()
    name = text[: text.index("]") + 1] if text.startswith("[") and "]" in text else text.partition(":")[0]
    return name in _LOCAL_NAMES


@lru_cache(maxsize=64)
def _is_loopback(caller: str) -> bool:
    try:
        address = ipaddress.ip_address(caller)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
