"""The one-time link that makes the first admin: printed at a start without users, good for an hour and for one use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from konversi.access.acting import Action, note
from konversi.access.chance import digest, session_id
from konversi.access.passwords import check
from konversi.access.roles import Role
from konversi.access.tables import users, welcome_links
from konversi.access.users import insert_new, known_name
from konversi.errors import KonversiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from konversi.access.passwords import Passwords
    from konversi.database.port import Database

GOOD_FOR = 3_600.0  # seconds


class LinkOver(KonversiError):
    """The link was used, or is too old, or there is a user already.

    Log in, or add a user on the gateway's machine: `konversi users add NAME --role admin`. Where there is no user yet,
    a new start prints a new link.
    """

    code = "link_over"
    status = 410


class Welcome:
    """Makes such links, and lets them be used. `now` gives Unix seconds."""

    def __init__(self, database: Database, passwords: Passwords, now: Callable[[], float]) -> None:
        self._database = database
        self._passwords = passwords
        self._now = now

    async def link(self) -> str | None:
        """The secret of a new link, instead of any before; nothing where there is a user, or another process made one.

        Where many processes share the database, a link that another one has just made is left as it is.
        """
        secret, now = session_id(), self._now()

        def made(connection: Connection) -> bool:
            self._database.hold(connection, "users", [b"all"])
            good = select(welcome_links.c.digest).where(welcome_links.c.until > now)
            if connection.execute(select(users.c.name)).first() is not None:
                return False
            if self._database.shared and connection.execute(good).first() is not None:
                return False
            connection.execute(delete(welcome_links))
            connection.execute(insert(welcome_links).values(digest=digest(secret), until=now + GOOD_FOR))
            return True

        return secret if await self._database.write(made) else None

    async def good(self, secret: str) -> bool:
        """Whether it can be used."""
        now = self._now()
        return await self._database.read(lambda connection: _good(connection, secret, now))

    async def use(self, secret: str, name: str, password: str) -> None:
        """Make the first admin. Raises `LinkOver`, `BadUserName` or `WeakPassword`."""
        name = known_name(name)
        check(password, name)
        if not await self.good(secret):  # strangers make nobody hash
            raise LinkOver
        stored, now = await self._passwords.hashed(password), self._now()
        row = {"name": name, "role": Role.ADMIN.value, "password": stored, "created_at": now}

        def used(connection: Connection) -> bool:
            self._database.hold(connection, "users", [b"all"])
            if not _good(connection, secret, now):
                return False
            connection.execute(delete(welcome_links))
            return insert_new(connection, row)

        if not await self._database.write(used):
            raise LinkOver
        note(Action.USER_ADDED, name, role=Role.ADMIN.value, through="link")


def _good(connection: Connection, secret: str, now: float) -> bool:
    its = select(welcome_links.c.digest).where(welcome_links.c.digest == digest(secret), welcome_links.c.until > now)
    return connection.execute(its).first() is not None and connection.execute(select(users.c.name)).first() is None
