"""Who may call: with a key whoever has it, within its scope; without one only this machine.

The pages are not decided about here but in `dashboard/visitors.py`: people log in.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from konversi.access.machine import MARK
from konversi.access.roles import Scope
from konversi.errors import KonversiError, Unauthorized
from konversi.intake.http.callers import cookie_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Scope as ASGIScope

    from konversi.access.sessions import Session
    from konversi.intake.gateway import Gateway

OPEN_PATHS = frozenset({"/healthz", "/readyz"})  # say nothing but "alive": probes can't carry keys
SCHEDULED_PATH = "/internal/deliver"  # takes a secret of its own, that a scheduler sends
SIGNED_PATHS = "/webhooks/"  # each call carries the signature or the secret of its platform
GUARDED = (
    "/v1/keys",
    "/v1/users",
    "/v1/audit",
    "/v1/erasures",
    "/v1/exports",
)  # only for admins, and never without a key
_SENDING = frozenset({"/v1/events", "/api/meta/conversion"})
_SENDING_UNDER = "/v1/agent/"
_CONSENT = ("PUT", "/v1/consents")  # a bot hears what customers say
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_SIGNED = MARK.encode()
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FORWARDED = frozenset(
    {
        b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-original-forwarded-for",
        b"x-real-ip", b"x-client-ip", b"x-cluster-client-ip", b"true-client-ip", b"cf-connecting-ip", b"cf-ray",
        b"fastly-client-ip", b"fly-client-ip", b"x-appengine-user-ip", b"x-envoy-external-address",
        b"tailscale-user-login", b"via",
    }
)  # fmt: skip


class ScopeTooSmall(KonversiError):
    """The API key is not good for this.

    Use a key with the scope that it needs: `konversi keys create NAME --scope SCOPE`.
    """

    code = "scope_too_small"
    status = 403


class Caller(NamedTuple):
    """Who calls, as far as keys tell."""

    name: str
    kind: str  # key, or machine
    scope: Scope
    keyless: bool = False  # a call from this machine that carries nothing


_HERE = Caller("this machine", "machine", Scope.ADMIN, keyless=True)
_COMMAND = Caller("command line", "machine", Scope.ADMIN)
_OWN_KEY = Caller("KONVERSI_API_KEY", "key", Scope.ADMIN)
_NO_DIGEST = bytes(32)


def needed(method: str, path: str) -> Scope:
    """The scope that a call outside the pages needs."""
    if (method == "POST" and (path in _SENDING or path.startswith(_SENDING_UNDER))) or (method, path) == _CONSENT:
        return Scope.SEND
    if path.startswith(GUARDED):
        return Scope.ADMIN
    return Scope.READ if method in _LOOKING else Scope.ADMIN


def suffices(has: Scope, needs: Scope) -> bool:
    """Whether a key of this scope is good for that."""
    return has in (Scope.ADMIN, needs)


class Access:
    """Decides about calls."""

    def __init__(self, api_key: str | None, gateway: Callable[[], Gateway] | None = None) -> None:
        self._own = hashlib.sha256(api_key.encode()).digest() if api_key else None
        self._gateway = gateway

    def check(self, scope: ASGIScope, headers: Mapping[bytes, bytes]) -> Caller | None:
        """Who calls; nobody where anybody may. Raises `Unauthorized` or `ScopeTooSmall`."""
        path = scope["path"]
        if path in OPEN_PATHS or path == SCHEDULED_PATH or path.startswith(SIGNED_PATHS):
            return None
        caller = self.caller(scope, headers)
        if caller is None:
            if self._own is None and b"authorization" not in headers:
                raise Unauthorized("The call did not come straight from this machine.")
            raise Unauthorized
        needs = needed(scope.get("method", "GET"), path)
        if caller.keyless and path.startswith(GUARDED) and self._in_production():
            raise Unauthorized("In production this needs a key even on this machine.")
        if not suffices(caller.scope, needs):
            raise ScopeTooSmall(f"It needs the scope {needs}, and the key has {caller.scope}.")
        return caller

    def caller(self, scope: ASGIScope, headers: Mapping[bytes, bytes]) -> Caller | None:
        """Who calls; nobody where it shows no key that is known here, and does not come from this machine."""
        authorization = headers.get(b"authorization")
        if authorization is not None:
            scheme, _, given = authorization.partition(b" ")
            given = given.strip()
            found = self._bearer(given) if scheme.lower() == b"bearer" else None
            if found is not None or not given.startswith(_SIGNED):  # a command of another installation is a caller too
                return found
        return _HERE if self._own is None and from_here(scope, headers) else None

    def _bearer(self, given: bytes) -> Caller | None:
        shown = hashlib.sha256(given).digest()
        # Digests of equal length are compared, so that neither the time nor the length tells anything of the key.
        if hmac.compare_digest(shown, self._own or _NO_DIGEST):
            return _OWN_KEY
        if self._gateway is None:
            return None
        entrance = self._gateway().entrance
        key = entrance.keys.held.get(shown)
        if key is not None:
            entrance.keys.used.add(key.id)
            return Caller(key.name, "key", key.scope)
        if given.startswith(_SIGNED) and entrance.signed_here(given.decode("latin-1")):
            return _COMMAND
        return None

    def _in_production(self) -> bool:
        return self._gateway is not None and self._gateway().settings.environment == "production"


async def session_of(gateway: Gateway, scope: ASGIScope, headers: Mapping[bytes, bytes]) -> Session | None:
    """Who is logged in, by the call's cookie."""
    cookie = cookie_of(headers, local=is_local(gateway, scope, headers))
    return await gateway.entrance.sessions.find(cookie) if cookie is not None else None


def is_local(gateway: Gateway, scope: ASGIScope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether somebody develops on this machine, where there may be no HTTPS."""
    return gateway.settings.environment == "development" and from_here(scope, headers)


def from_here(scope: ASGIScope, headers: Mapping[bytes, bytes]) -> bool:
    """A proxy or tunnel on this machine speaks for strangers; a web page that rebinds its name is a stranger too."""
    if not _FORWARDED.isdisjoint(headers):
        return False
    if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
        return False
    if not _is_local_name(headers.get(b"origin", b"http://localhost").partition(b"://")[2]):
        return False
    client, server = scope.get("client"), scope.get("server")
    if not client and server and server[1] is not None:
        return False  # over a network, and gone already: it can't be asked any more where it was
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
