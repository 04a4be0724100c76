"""All that decides who comes in, and remembers what they change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from konversi.access.audit import Audit
from konversi.access.keys import Keys
from konversi.access.login import Login
from konversi.access.machine import genuine
from konversi.access.passwords import Passwords
from konversi.access.sessions import Sessions
from konversi.access.users import Users
from konversi.access.welcome import Welcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from konversi.database.port import Database

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
