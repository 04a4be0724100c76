"""All that decides who comes in, and remembers what they change."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from konversi.access.acting import Actor, acting
from konversi.access.audit import Audit
from konversi.access.keys import Keys
from konversi.access.login import Login
from konversi.access.machine import genuine
from konversi.access.passwords import Passwords
from konversi.access.sessions import Sessions
from konversi.access.users import Users
from konversi.access.welcome import Welcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from konversi.database.port import Database

_COMMAND = Actor("command line", "machine")
_DAY = 86_400.0
_AT_ONCE = 1_000  # rows of the record: small enough not to stand in anyone's way


@dataclass(frozen=True, slots=True)
class Entrance:
    """For the doors, the pages and the commands."""

    users: Users
    sessions: Sessions
    keys: Keys
    login: Login
    welcome: Welcome
    audit: Audit
    secrets: Sequence[bytes] = field(repr=False)  # what a command on this machine signs with
    now: Callable[[], float]  # Unix seconds

    def signed_here(self, sent: str) -> bool:
        """Whether a command on this machine sent it, a moment ago."""
        return genuine(self.secrets, sent, self.now())

    @asynccontextmanager
    async def command(self) -> AsyncIterator[None]:
        """What is changed in the block was changed by a command, where no gateway runs that keeps it."""
        with acting(_COMMAND) as one:
            try:
                yield
            finally:
                await self.audit.keep(one)

    async def forget(self, now: float, audit_days: int) -> bool:
        """Forget sessions that ended and changes of long ago; whether there may be more."""
        await self.sessions.forget()
        return await self.audit.forget(now - audit_days * _DAY, _AT_ONCE)


def entrance(database: Database, secrets: Sequence[bytes], now: Callable[[], float]) -> Entrance:
    """Over this database."""
    passwords = Passwords()
    users, sessions = Users(database, passwords, now), Sessions(database, now)
    return Entrance(
        users,
        sessions,
        Keys(database, now),
        Login(database, users, sessions, passwords, now),
        Welcome(database, passwords, now),
        Audit(database, now),
        secrets,
        now,
    )
