"""`konversi users`, `keys` and `audit`: through the running gateway, or in its database where none runs."""

from __future__ import annotations

import asyncio
import getpass
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from konversi.access.roles import Role, Scope
from konversi.cli.datasets import secret_in
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import table, words
from konversi.cli.reaching import running
from konversi.intake import people
from konversi.wiring.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from konversi.access.entrance import Entrance
    from konversi.settings import Settings

Said = dict[str, Any]
T = TypeVar("T")

_USERS = ("name", "role", "last_login", "created_at")
_KEYS = ("id", "name", "scope", "prefix", "used_at", "created_at", "created_by")
_CHANGES = ("id", "at", "action", "subject", "actor", "address")


def _inside(settings: Settings, act: Callable[[Entrance], Awaitable[T]]) -> T:
    """Act in the database of a gateway that doesn't run, and keep what was changed."""

    async def acted() -> T:
        async with open_stores(settings) as stores, stores.entrance.command():
            return await act(stores.entrance)

    return asyncio.run(acted())


def _password(path: Path | None) -> str:
    """Typed twice in a terminal, else what the file or standard input holds."""
    if path is not None:
        return secret_in(path) or ""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    typed = getpass.getpass("Password (it is not shown): ")
    while getpass.getpass("Once more: ") != typed:
        words("They are not the same.")
        typed = getpass.getpass("Password (it is not shown): ")
    return typed


def _told(found: Said, text: str, *, as_json: bool) -> int:
    if as_json:
        print_json(found)
    else:
        words(text)
    return 0


def _listed(found: Said, name: str, columns: Sequence[str], otherwise: str, *, as_json: bool) -> int:
    if as_json:
        print_json(found)
    elif found[name]:
        table(found[name], tuple(columns))
    else:
        words(otherwise)
    return 0


def add_user(settings: Settings, name: str, role: str, path: Path | None, *, as_json: bool) -> int:
    """Somebody who may log in."""
    password = _password(path)
    if gateway := running(settings):
        found = gateway.ask("POST", "/v1/users", body={"name": name, "password": password, "role": role})
    else:
        found = people.user(_inside(settings, lambda inside: inside.users.add(name, password, Role(role))))
    return _told(found, f"{found['name']} can log in as {role}.", as_json=as_json)


def list_users(settings: Settings, *, as_json: bool) -> int:
    """All of them."""
    if gateway := running(settings):
        found = gateway.ask("GET", "/v1/users")
    else:
        found = {"users": [people.user(one) for one in _inside(settings, lambda inside: inside.users.all())]}
    otherwise = "There are none. Add the first: konversi users add NAME --role admin"
    return _listed(found, "users", _USERS, otherwise, as_json=as_json)


def give_password(settings: Settings, name: str, path: Path | None, *, as_json: bool) -> int:
    """Another one."""
    password = _password(path)
    if gateway := running(settings):
        gateway.ask("POST", f"/v1/users/{name}", body={"password": password})
    else:
        _inside(settings, lambda inside: inside.users.give_password(name, password))
    said = {"name": name, "changed": True}
    return _told(said, f"{name} has a new password, and is logged out everywhere.", as_json=as_json)


def give_role(settings: Settings, name: str, role: str, *, as_json: bool) -> int:
    """Another one."""
    if gateway := running(settings):
        gateway.ask("POST", f"/v1/users/{name}", body={"role": role})
    else:
        _inside(settings, lambda inside: inside.users.give_role(name, Role(role)))
    return _told({"name": name, "role": role}, f"{name} is {role} now.", as_json=as_json)


def remove_user(settings: Settings, name: str, *, as_json: bool) -> int:
    """No more."""
    if gateway := running(settings):
        gateway.ask("DELETE", f"/v1/users/{name}")
    else:
        _inside(settings, lambda inside: inside.users.remove(name))
    return _told({"name": name, "removed": True}, f"{name} can't log in any more.", as_json=as_json)


def create_key(settings: Settings, name: str, scope: str, *, as_json: bool) -> int:
    """The only time that it is shown."""
    if gateway := running(settings):
        found = gateway.ask("POST", "/v1/keys", body={"name": name, "scope": scope})
    else:
        secret, key = _inside(settings, lambda inside: inside.keys.create(name, Scope(scope)))
        found = {**people.key(key), "key": secret}
    if as_json:
        print_json(found)
    else:
        print(found["key"])
        words(f"Keep it now: it is not shown again. It is good for: {scope}. Its id is {found['id']}.")
    return 0


def list_keys(settings: Settings, *, as_json: bool) -> int:
    """All of them."""
    if gateway := running(settings):
        found = gateway.ask("GET", "/v1/keys")
    else:
        found = {"keys": [people.key(one) for one in _inside(settings, lambda inside: inside.keys.all())]}
    otherwise = 'There are none. Create one: konversi keys create "booking bot" --scope send'
    return _listed(found, "keys", _KEYS, otherwise, as_json=as_json)


def revoke_key(settings: Settings, key: str, *, as_json: bool) -> int:
    """No more."""
    if gateway := running(settings):
        gateway.ask("DELETE", f"/v1/keys/{key}")
    else:
        _inside(settings, lambda inside: inside.keys.revoke(key))
    return _told({"id": key, "revoked": True}, f"The key {key} opens nothing any more.", as_json=as_json)


def show_changes(settings: Settings, before: int | None, limit: int, *, as_json: bool) -> int:
    """A page of them."""
    if gateway := running(settings):
        params = {"limit": str(limit)} | ({"before": str(before)} if before is not None else {})
        found = gateway.ask("GET", "/v1/audit", params=params)
    else:
        rows = _inside(settings, lambda inside: inside.audit.shown(limit, before))
        following = rows[-1]["id"] if len(rows) == limit else None
        found = {"changes": [people.change(row) for row in rows], "next": following}
    for row in found["changes"] if not as_json else ():
        row["subject"] = row["subject"] or row["details"].get("number", "")
    status = _listed(found, "changes", _CHANGES, "Nothing was changed yet.", as_json=as_json)
    if found["next"] and not as_json:
        words(f"There are more: --before {found['next']}.")
    return status
