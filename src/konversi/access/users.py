"""The people who may log in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from konversi.access.acting import Action, note
from konversi.access.passwords import check
from konversi.access.roles import Role
from konversi.access.tables import sessions, users
from konversi.errors import KonversiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from konversi.access.passwords import Passwords
    from konversi.database.port import Database

NAME = r"^[a-z0-9][a-z0-9._-]{0,39}$"


class UserUnknown(KonversiError):
    """There is no such user.

    `konversi users list` shows those there are.
    """

    code = "user_unknown"
    status = 404


class UserThere(KonversiError):
    """There is a user of this name already.

    Take another name, or give that one a new password: `konversi users passwd NAME`.
    """

    code = "user_there"
    status = 409


class BadUserName(KonversiError):
    """A user's name is 1 to 40 of a-z, 0-9, dot, dash and underscore, and begins with a letter or digit.

    Take a short name: it shows in the record of changes, so no e-mail address.
    """

    code = "bad_user_name"
    status = 422


class LastAdmin(KonversiError):
    """The only admin can't go, or be anything less.

    Make another user an admin first: `konversi users role NAME admin`.
    """

    code = "last_admin"
    status = 409


class User(NamedTuple):
    """Somebody, without the password."""

    name: str
    role: Role
    created_at: float  # Unix seconds
    last_login: float | None  # Unix seconds


_SHOWN = (users.c.name, users.c.role, users.c.created_at, users.c.last_login)


class Users:
    """Adds, changes and removes them. `now` gives Unix seconds."""

    def __init__(self, database: Database, passwords: Passwords, now: Callable[[], float]) -> None:
        self._database = database
        self._passwords = passwords
        self._now = now

    async def all(self) -> list[User]:
        """By name."""
        return await self._database.read(all_users)

    async def any(self) -> bool:
        """Whether there is one."""
        return (
            await self._database.read(lambda connection: connection.execute(select(users.c.name)).first()) is not None
        )

    async def stored(self, name: str) -> tuple[User, str] | None:
        """A user, and what is stored of the password."""
        asked = select(*_SHOWN, users.c.password).where(users.c.name == name)
        found = await self._database.read(lambda connection: connection.execute(asked).first())
        return None if found is None else (_user(found[:4]), str(found[4]))

    async def add(self, name: str, password: str, role: Role) -> User:
        """A new one. Raises `BadUserName`, `WeakPassword` or `UserThere`."""
        name = known_name(name)
        stored, now = await self._passwords.hashed(check(password, name)), self._now()
        row = {"name": name, "role": role.value, "password": stored, "created_at": now}

        def added(connection: Connection) -> bool:
            self._database.hold(connection, "users", [b"all"])
            return insert_new(connection, row)

        if not await self._database.write(added):
            raise UserThere(f"{name}.")
        note(Action.USER_ADDED, name, role=role.value)
        return User(name, role, now, None)

    async def remove(self, name: str) -> None:
        """With the sessions. Raises `UserUnknown` or `LastAdmin`."""

        def removed(connection: Connection) -> bool:
            self._leave_an_admin(connection, name)
            connection.execute(delete(sessions).where(sessions.c.name == name))
            return bool(connection.execute(delete(users).where(users.c.name == name)).rowcount)

        _found(await self._database.write(removed), name)
        note(Action.USER_REMOVED, name)

    async def give_role(self, name: str, role: Role) -> None:
        """From the next page on. Raises `UserUnknown` or `LastAdmin`."""

        def changed(connection: Connection) -> bool:
            if role is not Role.ADMIN:
                self._leave_an_admin(connection, name)
            its = update(users).where(users.c.name == name).values(role=role.value)
            return bool(connection.execute(its).rowcount)

        _found(await self._database.write(changed), name)
        note(Action.ROLE_CHANGED, name, role=role.value)

    async def give_password(self, name: str, password: str, keep: str = "") -> None:
        """Ends all sessions but the one of the digest `keep`. Raises `UserUnknown` or `WeakPassword`."""
        stored = await self._passwords.hashed(check(password, name))

        def changed(connection: Connection) -> bool:
            connection.execute(delete(sessions).where(sessions.c.name == name, sessions.c.digest != keep))
            return bool(connection.execute(update(users).where(users.c.name == name).values(password=stored)).rowcount)

        _found(await self._database.write(changed), name)
        note(Action.PASSWORD_CHANGED, name)

    async def logged_in(self, name: str, fresh: str | None) -> None:
        """Remember that somebody logged in, and the password as it is hashed now, if that changed."""
        values: dict[str, Any] = {"last_login": self._now()} | ({"password": fresh} if fresh else {})
        its = update(users).where(users.c.name == name).values(values)
        await self._database.write(lambda connection: connection.execute(its).rowcount)

    def _leave_an_admin(self, connection: Connection, name: str) -> None:
        self._database.hold(connection, "users", [b"all"])
        admins = list(connection.execute(select(users.c.name).where(users.c.role == Role.ADMIN.value)).scalars())
        if admins == [name]:
            raise LastAdmin(f"{name}.")


def known_name(text: str) -> str:
    """A name as it is stored. Raises `BadUserName`."""
    name = text.strip().lower()
    if not re.fullmatch(NAME, name):
        raise BadUserName
    return name


def all_users(connection: Connection) -> list[User]:
    """By name."""
    return [_user(row) for row in connection.execute(select(*_SHOWN).order_by(users.c.name))]


def insert_new(connection: Connection, row: dict[str, Any]) -> bool:
    """Insert a user, unless there is one of that name."""
    if connection.execute(select(func.count()).where(users.c.name == row["name"])).scalar_one():
        return False
    connection.execute(insert(users).values(row))
    return True


def _user(row: Any) -> User:
    name, role, created_at, last_login = row
    return User(name, Role(role), created_at, last_login)


def _found(changed: bool, name: str) -> None:  # noqa: FBT001 - what a statement said
    if not changed:
        raise UserUnknown(f"{name}.")
