"""Logging in: how often it may be tried, who it is, and a session that nobody can have known before."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from konversi.access.acting import Action, Actor, known_as, note
from konversi.access.limits import MOST_KEPT, WINDOW, Limit, Tried, after, limits
from konversi.access.passwords import LoginsCrowded, outdated
from konversi.access.tables import login_tries
from konversi.errors import KonversiError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from konversi.access.passwords import Passwords
    from konversi.access.sessions import Sessions
    from konversi.access.users import Users
    from konversi.database.port import Database


class LoginRefused(KonversiError):
    """The name and the password do not belong together.

    Try again; an admin can give you a new password: `konversi users passwd NAME`.
    """

    code = "login_refused"
    status = 403


class TooManyLogins(KonversiError):
    """There were too many tries to log in.

    Wait until the time in Retry-After is over: a quarter of an hour at most.
    """

    code = "too_many_logins"
    status = 429

    def __init__(self, seconds: float = WINDOW) -> None:
        super().__init__()
        self.retry_after = ceil(seconds)


class Asking(NamedTuple):
    """Somebody who wants to come in."""

    name: str
    password: str
    address: str
    browser: str
    cookie: str | None  # of the session before, which ends


class Login:
    """Lets people in. `now` gives Unix seconds."""

    def __init__(
        self, database: Database, users: Users, sessions: Sessions, passwords: Passwords, now: Callable[[], float]
    ) -> None:
        self._database = database
        self._users = users
        self._sessions = sessions
        self._passwords = passwords
        self._now = now

    async def log_in(self, asking: Asking) -> str:
        """What the new session's cookie holds.

        Raises `LoginRefused`, `TooManyLogins` or `LoginsCrowded`. All who share the database count together, and a try
        counts before it is made, so that many at once are no way around it.
        """
        name = asking.name.strip().lower()[:100]
        counted = limits(name, asking.address)
        await self._count(counted)
        stored = await self._users.stored(name)
        if not await self._passwords.match(asking.password, stored[1] if stored else None) or stored is None:
            # A name that nobody has may be a password that went into the wrong field: it is kept nowhere.
            note(Action.LOGIN_FAILED, name if stored else "")
            raise LoginRefused
        await self._forgive(counted[0])
        known_as(Actor(name, "user", asking.address))
        fresh = await self._passwords.hashed(asking.password) if outdated(stored[1]) else None
        await self._users.logged_in(name, fresh)
        note(Action.LOGIN, name)
        return await self._sessions.begin(name, asking.address, asking.browser, asking.cookie)

    async def check_again(self, name: str, password: str, address: str) -> None:
        """Whether it is still the same person. Raises as `log_in`."""
        counted = limits(name, address)
        await self._count(counted)
        stored = await self._users.stored(name)
        if not await self._passwords.match(password, stored[1] if stored else None):
            note(Action.LOGIN_FAILED, name)
            raise LoginRefused
        await self._forgive(counted[0])

    async def _count(self, counted: Sequence[Limit]) -> None:
        now = self._now()

        def count(connection: Connection) -> float | None:
            self._database.hold(connection, "logins", [b"all"])
            connection.execute(delete(login_tries).where(login_tries.c.since <= now - WINDOW))
            whats = [limit.what for limit in counted]
            rows = connection.execute(select(login_tries).where(login_tries.c.what.in_(whats)))
            tried = {row.what: Tried(row.since, row.tries) for row in rows}
            then = [after(tried.get(limit.what), limit, now) for limit in counted]
            if wait := max(seconds for _, seconds in then):
                return wait
            if connection.execute(select(func.count()).select_from(login_tries)).scalar_one() >= MOST_KEPT:
                return None
            for limit, (counts, _) in zip(counted, then, strict=True):
                its = login_tries.c.what == limit.what
                if not connection.execute(update(login_tries).where(its).values(counts._asdict())).rowcount:
                    connection.execute(insert(login_tries).values(what=limit.what, **counts._asdict()))
            return 0.0

        wait = await self._database.write(count)
        if wait is None:
            raise LoginsCrowded
        if wait:
            raise TooManyLogins(wait)

    async def _forgive(self, both: Limit) -> None:
        """Who came in has not failed; what counts for the address or the name alone runs out by itself."""
        gone = delete(login_tries).where(login_tries.c.what == both.what)
        await self._database.write(lambda connection: connection.execute(gone).rowcount)
