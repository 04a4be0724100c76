"""One's own account: where one is logged in, and the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.access.acting import Action, note
from konversi.access.login import LoginRefused
from konversi.access.passwords import WeakPassword
from konversi.dashboard.page import Moved, Page
from konversi.insight.describe import moment

if TYPE_CHECKING:
    from konversi.access.sessions import Session
    from konversi.dashboard.asked import Asked
    from konversi.errors import KonversiError


async def show(asked: Asked) -> Page:
    """The sessions; none for who came in with a key or on this machine."""
    return await _page(asked)


async def _page(asked: Asked, error: KonversiError | None = None) -> Page:
    visitor = asked.visitor
    own = await asked.gateway.entrance.sessions.of(visitor.name) if visitor.session else []
    return Page(
        "account.html",
        "Your account",
        {
            "name": visitor.name,
            "role": visitor.role,
            "by_key": "authorization" in asked.request.headers,
            "logged_in": visitor.session is not None,
            "sessions": [_described(one, visitor.session) for one in own],
            "done": asked.query("done"),
            "error": f"{type(error).title()} {type(error).remedy()}" if error else None,
        },
        status=error.status if error else 200,
    )


def _described(one: Session, this: Session | None) -> dict[str, object]:
    return {
        "id": one.id,
        "this": this is not None and one.digest == this.digest,
        "began_at": moment(one.created_at),
        "seen_at": moment(one.seen_at),
        "address": one.address,
        "browser": one.browser,
    }


async def end_sessions(asked: Asked) -> Moved:
    """End one of one's own sessions, or all others."""
    session = asked.visitor.session
    if session is None:
        return Moved("/account")
    chosen = (await asked.fields()).get("session", "")
    sessions = asked.gateway.entrance.sessions
    ended = await sessions.end(session.name, None if chosen == "others" else chosen or "-", but=session.digest)
    if ended:
        note(Action.SESSIONS_ENDED, session.name, number=ended)
    return Moved("/account?done=sessions")


async def change_password(asked: Asked) -> Page | Moved:
    """One's own, with the one before. The other sessions end."""
    session = asked.visitor.session
    if session is None:
        return Moved("/account")
    fields = await asked.fields()
    entrance = asked.gateway.entrance
    try:
        await entrance.login.check_again(session.name, fields.get("before", ""), session.address)
        await entrance.users.give_password(session.name, fields.get("password", ""), keep=session.digest)
    except (LoginRefused, WeakPassword) as error:
        return await _page(asked, error)
    return Moved("/account?done=password")
