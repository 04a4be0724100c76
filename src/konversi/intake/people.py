"""Users, API keys and changes as the doors, the pages and the commands show them: never with what opens anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from konversi.insight.describe import moment

if TYPE_CHECKING:
    from konversi.access.keys import Key
    from konversi.access.users import User


def user(one: User) -> dict[str, Any]:
    """Somebody who may log in."""
    return {
        "name": one.name,
        "role": one.role.value,
        "created_at": moment(one.created_at),
        "last_login": moment(one.last_login),
    }


def key(one: Key) -> dict[str, Any]:
    """An API key."""
    return {
        "id": one.id,
        "name": one.name,
        "scope": one.scope.value,
        "prefix": one.prefix,
        "created_at": moment(one.created_at),
        "created_by": one.created_by,
        "used_at": moment(one.used_at),
    }


def change(row: dict[str, Any]) -> dict[str, Any]:
    """What somebody changed."""
    return {**row, "at": moment(row["at"])}
