"""Who looks, and whether what they ask to change was asked on a page of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from konversi.access.acting import Actor, known_as
from konversi.access.roles import NotAllowed, Role, allows, role_of
from konversi.errors import KonversiError, Unauthorized
from konversi.intake.http.access import session_of
from konversi.intake.http.callers import address_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from konversi.access.sessions import Session
    from konversi.intake.gateway import Gateway
    from konversi.intake.http.access import Caller

_SAFE = frozenset({"GET", "HEAD"})


class ForeignForm(KonversiError):
    """The form was sent from another site's page.

    Open the page in Konversi itself and send the form from there.
    """

    code = "foreign_form"
    status = 403


class LoginNeeded(Unauthorized):
    """To see this, log in.

    Log in on the page /login, or send an API key as `Authorization: Bearer KEY`.
    """

    code = "login_needed"


class Visitor(NamedTuple):
    """Somebody who looks."""

    name: str
    role: Role | None
    session: Session | None = None  # of who has logged in

    def may(self, needed: str | None) -> bool:
        """Whether this role, or a higher one, is the visitor's."""
        return needed is None or allows(self.role, Role(needed))

    def check(self, needed: Role | None) -> None:
        """Raises `LoginNeeded`, or `NotAllowed` where the visitor's role is below the one needed."""
        if self.may(needed):
            return
        if self == NOBODY:
            raise LoginNeeded
        raise NotAllowed(f"It needs the role {needed}.")


NOBODY = Visitor("", None)


async def visitor(request: Request) -> Visitor:
    """Who it is: whoever shows a key, else who has logged in, else this machine while it is for development.

    Raises `Unauthorized` for a key that is none.
    """
    gateway: Gateway = request.app.state.gateway
    caller: Caller | None = request.scope.get("konversi.caller")
    headers = dict(request.scope["headers"])
    if b"authorization" in headers:
        if caller is None:
            raise Unauthorized
        return Visitor(caller.name, role_of(caller.scope))
    session = await session_of(gateway, request.scope, headers)
    if session is not None:
        known_as(Actor(session.name, "user", address_of(request.scope, headers, gateway.settings.proxies)))
        return Visitor(session.name, session.role, session)
    if caller is not None and gateway.settings.environment == "development":
        return Visitor(caller.name, role_of(caller.scope))
    return NOBODY


def check_method(request: Request) -> None:
    """Raises `ForeignForm` for a change that was not asked on a page of ours. Browsers say where a form comes from."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same_host = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if site not in (None, "same-origin") or (origin is not None and not same_host):
        raise ForeignForm
    by_key = "authorization" in request.headers and "cookie" not in request.headers  # no browser's form
    if site is None and origin is None and not by_key:
        raise ForeignForm("The browser did not say where the form comes from.")
