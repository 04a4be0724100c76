"""Coming in and going out: the login, the one-time link of the first admin, the logout."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from konversi.access.acting import Action, note
from konversi.access.login import Asking, LoginRefused, TooManyLogins
from konversi.access.passwords import LoginsCrowded, WeakPassword
from konversi.access.users import BadUserName
from konversi.access.welcome import LinkOver
from konversi.dashboard import session_cookie
from konversi.dashboard.addresses import own
from konversi.dashboard.page import Moved, Page
from konversi.intake.http.callers import address_of
from konversi.intake.http.problems import headers

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.errors import KonversiError


def way_to(asked: Asked) -> str:
    """The login's address, from where it goes on to the page that was asked for."""
    page = asked.address() if asked.request.method == "GET" else "/"
    return "/login" if page == "/" else f"/login?{urlencode({'next': page})}"


async def show(asked: Asked) -> Page | Moved:
    """The form; who is in already goes on."""
    goes_on = own(asked.query("next"), "/")
    if asked.visitor.session is not None:
        return Moved(goes_on)
    return _login(goes_on, nobody_yet=not await asked.gateway.entrance.users.any())


def _login(goes_on: str, error: KonversiError | None = None, name: str = "", *, nobody_yet: bool = False) -> Page:
    data = {
        "next": goes_on,
        "name": name,
        "error": type(error).title() if error else None,
        "wait": error.retry_after if error else None,
        "nobody_yet": nobody_yet,
    }
    return Page(
        "login.html",
        "Log in",
        data,
        status=error.status if error else 200,
        headers=headers(error) if error else {},
    )


async def log_in(asked: Asked) -> Page | Moved:
    """With a name and a password."""
    fields = await asked.fields()
    goes_on = own(fields.get("next"), "/")
    try:
        return await _in(asked, fields, goes_on)
    except (LoginRefused, TooManyLogins, LoginsCrowded) as error:
        return _login(goes_on, error, fields.get("name", "")[:40])


async def _in(asked: Asked, fields: dict[str, str], goes_on: str) -> Moved:
    request = asked.request
    secret = await asked.gateway.entrance.login.log_in(
        Asking(
            name=fields.get("name", ""),
            password=fields.get("password", ""),
            address=address_of(request.scope, dict(request.scope["headers"]), asked.gateway.settings.proxies),
            browser=request.headers.get("user-agent", ""),
            cookie=session_cookie.shown(asked),
        )
    )
    return Moved(goes_on, headers=session_cookie.given(asked, secret))


async def log_out(asked: Asked) -> Moved:
    """End the session, and forget what the browser kept of its pages."""
    if (secret := session_cookie.shown(asked)) is not None:
        await asked.gateway.entrance.sessions.log_out(secret)
    if asked.visitor.session is not None:
        note(Action.LOGOUT, asked.visitor.name)
    return Moved("/login", headers=session_cookie.taken_back(asked) | {"clear-site-data": '"cache"'})


async def show_welcome(asked: Asked) -> Page:
    """The form of the one-time link. Looking does not use it up. Raises `LinkOver`."""
    secret = asked.query("link") or ""
    if not await asked.gateway.entrance.welcome.good(secret):
        raise LinkOver
    return _welcome(secret)


def _welcome(secret: str, error: KonversiError | None = None, name: str = "") -> Page:
    data = {
        "link": secret,
        "name": name,
        "error": f"{type(error).title()} {type(error).remedy()}" if error else None,
    }
    return Page("welcome.html", "The first admin", data, status=error.status if error else 200)


async def use_welcome(asked: Asked) -> Page | Moved:
    """Make the first admin, and let him in."""
    fields = await asked.fields()
    secret, name, password = (fields.get(field, "") for field in ("link", "name", "password"))
    try:
        await asked.gateway.entrance.welcome.use(secret, name, password)
    except (BadUserName, WeakPassword) as error:
        return _welcome(secret, error, name[:40])
    return await _in(asked, fields, "/")
