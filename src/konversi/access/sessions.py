"""Who is logged in: what the cookie holds is stored as a digest, and ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, insert, or_, select, update

from konversi.access.chance import digest, session_id
from konversi.access.roles import Role
from konversi.access.tables import sessions, users

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from konversi.database.port import Database

IDLE, LONGEST = 12 * 3_600.0, 7 * 86_400.0  # seconds
_TOUCH = 60.0  # seconds for which being seen is not written again
_MOST = 50  # of one user: the oldest ends when one more begins
_SHOWN = 10  # characters of the digest by which people name a session


class Session(NamedTuple):
    """Somebody's, in one browser."""

    digest: str
    name: str
    role: Role
    created_at: float  # Unix seconds
    seen_at: float  # Unix seconds
    address: str
    browser: str

    @property
    def id(self) -> str:
        """What people name it by: opens nothing."""
        return self.digest[:_SHOWN]


_COLUMNS = (
    sessions.c.digest, sessions.c.name, users.c.role, sessions.c.created_at, sessions.c.seen_at, sessions.c.address,
    sessions.c.browser,
)  # fmt: skip


class Sessions:
    """Begins, finds and ends them. `now` gives Unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def begin(self, name: str, address: str, browser: str, instead_of: str | None = None) -> str:
        """What the new cookie holds. The session of the old cookie ends, so that nobody can have known the new one."""
        secret, now = session_id(), self._now()
        row = {
            "digest": digest(secret),
            "name": name,
            "created_at": now,
            "seen_at": now,
            "address": address[:60],
            "browser": browser[:200],
        }

        def begun(connection: Connection) -> None:
            if instead_of:
                connection.execute(delete(sessions).where(sessions.c.digest == digest(instead_of)))
            own = select(sessions.c.digest).where(sessions.c.name == name).order_by(sessions.c.seen_at.desc())
            oldest = list(connection.execute(own.offset(_MOST - 1)).scalars())
            connection.execute(delete(sessions).where(sessions.c.digest.in_(oldest)))
            connection.execute(insert(sessions).values(row))

        await self._database.write(begun)
        return secret

    async def find(self, secret: str) -> Session | None:
        """Whose cookie it is, with the role of this moment; nothing where the session has ended."""
        its, now = digest(secret), self._now()
        found = await self._database.read(lambda connection: _joined(connection, sessions.c.digest == its))
        if not found or _over(found[0], now):
            return None
        if now - found[0].seen_at >= _TOUCH:
            touch = update(sessions).where(sessions.c.digest == its).values(seen_at=now)
            await self._database.write(lambda connection: connection.execute(touch).rowcount)
        return found[0]

    async def of(self, name: str) -> list[Session]:
        """A user's, the one seen last first."""
        found = await self._database.read(lambda connection: _joined(connection, sessions.c.name == name))
        now = self._now()
        return [one for one in found if not _over(one, now)]

    async def end(self, name: str, shown: str | None = None, but: str = "") -> int:
        """End a user's session of this id, or all but that with the digest `but`; how many there were."""
        own = (sessions.c.name == name) & (sessions.c.digest != but)
        if shown is not None:
            own &= sessions.c.digest.startswith(shown, autoescape=True)
        gone = delete(sessions).where(own)
        return await self._database.write(lambda connection: connection.execute(gone).rowcount)

    async def log_out(self, secret: str) -> None:
        """End the session of this cookie."""
        gone = delete(sessions).where(sessions.c.digest == digest(secret))
        await self._database.write(lambda connection: connection.execute(gone).rowcount)

    async def forget(self) -> None:
        """Those that have ended."""
        now = self._now()
        gone = delete(sessions).where(or_(sessions.c.seen_at <= now - IDLE, sessions.c.created_at <= now - LONGEST))
        await self._database.write(lambda connection: connection.execute(gone).rowcount)


def _over(session: Session, now: float) -> bool:
    return now >= session.seen_at + IDLE or now >= session.created_at + LONGEST


def _joined(connection: Connection, condition: Any) -> list[Session]:
    asked = select(*_COLUMNS).join(users, users.c.name == sessions.c.name).where(condition)
    return [
        Session(row[0], row[1], Role(row[2]), *row[3:])
        for row in connection.execute(asked.order_by(sessions.c.seen_at.desc()))
    ]
