"""The people who may log in: for admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.access.passwords import WeakPassword
from konversi.access.roles import Role
from konversi.access.users import BadUserName, LastAdmin, UserThere, UserUnknown
from konversi.dashboard.page import Moved, Page
from konversi.errors import InvalidRequest
from konversi.intake import people

if TYPE_CHECKING:
    from konversi.dashboard.asked import Asked
    from konversi.errors import KonversiError


async def show(asked: Asked) -> Page:
    """All of them."""
    return await _page(asked)


async def _page(asked: Asked, error: KonversiError | None = None) -> Page:
    return Page(
        "users.html",
        "Users",
        {
            "users": [people.user(user) for user in await asked.gateway.entrance.users.all()],
            "roles": [role.value for role in Role],
            "done": asked.query("done"),
            "error": f"{type(error).title()} {type(error).remedy()}" if error else None,
        },
        status=error.status if error else 200,
    )


def _role(fields: dict[str, str]) -> Role:
    try:
        return Role(fields.get("role", ""))
    except ValueError:
        raise InvalidRequest("role: viewer, operator or admin.") from None


async def add(asked: Asked) -> Page | Moved:
    """A new one."""
    fields = await asked.fields()
    try:
        await asked.gateway.entrance.users.add(fields.get("name", ""), fields.get("password", ""), _role(fields))
    except (BadUserName, WeakPassword, UserThere) as error:
        return await _page(asked, error)
    return Moved("/users?done=added")


async def change(asked: Asked) -> Page | Moved:
    """Another role, another password, or none of it any more."""
    fields = await asked.fields()
    users, name = asked.gateway.entrance.users, fields.get("name", "")
    try:
        match fields.get("what"):
            case "role":
                await users.give_role(name, _role(fields))
            case "password":
                await users.give_password(name, fields.get("password", ""))
            case "remove":
                await users.remove(name)
            case _:
                raise InvalidRequest("what: role, password or remove.")
    except (WeakPassword, UserUnknown, LastAdmin) as error:
        return await _page(asked, error)
    return Moved(f"/users?done={fields['what']}")
