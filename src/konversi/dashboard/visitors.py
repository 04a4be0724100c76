"""Who looks, and whether what they ask to change was asked on a page of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from konversi.access.roles import NotAllowed, Role, allows
from konversi.errors import KonversiError

if TYPE_CHECKING:
    from starlette.requests import Request

_SAFE = frozenset({"GET", "HEAD"})


class ForeignForm(KonversiError):
    """The form was sent from another site's page.

    Open the page in Konversi itself and send the form from there.
    """

    code = "foreign_form"
    status = 403


class Visitor(NamedTuple):
    """Somebody who looks."""

    name: str
    role: Role | None

    def may(self, needed: str | None) -> bool:
        """Whether this role, or a higher one, is the visitor's."""
        return needed is None or allows(self.role, Role(needed))

    def check(self, needed: Role | None) -> None:
        """Raises `NotAllowed` where the visitor's role is below the one needed."""
        if not self.may(needed):
            raise NotAllowed(f"It needs the role {needed}.")


NOBODY = Visitor("", None)


def visitor(request: Request) -> Visitor:
    """Who it is. The front door has let in only this machine, or whoever has the API key: all of them may do all."""
    return Visitor("api key" if "authorization" in request.headers else "this machine", Role.ADMIN)


def check_method(request: Request) -> None:
    """Raises `ForeignForm` for a change that was not asked on a page of ours. Browsers say where a form comes from."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same_host = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if site not in (None, "same-origin") or (origin is not None and not same_host):
        raise ForeignForm
    if site is None and origin is None and "authorization" not in request.headers:
        raise ForeignForm("The browser did not say where the form comes from.")
