"""The commands of users, API keys and changes. A password is never an argument: those show in the list of processes."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from konversi.cli.options import Json, Limit, SecretFile  # noqa: TC001 - cyclopts reads the annotations
from konversi.settings import load

_Role = Literal["viewer", "operator", "admin"]

users = App(name="users", help="The people who may log in on the pages.", help_format="plaintext")
keys = App(name="keys", help="API keys, for bots and programs.", help_format="plaintext")


@users.command(name="add")
def add_user(name: str, /, *, role: _Role = "viewer", password_file: SecretFile = None, json: Json = False) -> int:
    """Add a user. The password is asked for; in a pipe it is read from standard input.

    Example: konversi users add sari --role admin

    Parameters
    ----------
    name:
        A short name, which shows in the record of changes.
    role:
        viewer looks; operator also replays, discards, checks and uploads; admin also manages users, keys and datasets.
    password_file:
        File that holds the password; `-` reads standard input.
    json:
        Print JSON for programs.
    """
    from konversi.cli import people

    return people.add_user(load(), name, role, password_file, as_json=json)


@users.command(name="list")
def list_users(*, json: Json = False) -> int:
    """List the users with their roles and last logins."""
    from konversi.cli import people

    return people.list_users(load(), as_json=json)


@users.command
def passwd(name: str, /, *, password_file: SecretFile = None, json: Json = False) -> int:
    """Give a user a new password, and end the user's sessions.

    Parameters
    ----------
    name:
        The user.
    password_file:
        File that holds the password; `-` reads standard input.
    json:
        Print JSON for programs.
    """
    from konversi.cli import people

    return people.give_password(load(), name, password_file, as_json=json)


@users.command(name="role")
def give_role(name: str, role: _Role, /, *, json: Json = False) -> int:
    """Give a user another role, from the next page on.

    Parameters
    ----------
    name:
        The user.
    role:
        viewer, operator or admin.
    json:
        Print JSON for programs.
    """
    from konversi.cli import people

    return people.give_role(load(), name, role, as_json=json)


@users.command(name="remove")
def remove_user(name: str, /, *, json: Json = False) -> int:
    """Remove a user, and end the user's sessions.

    Parameters
    ----------
    name:
        The user.
    json:
        Print JSON for programs.
    """
    from konversi.cli import people

    return people.remove_user(load(), name, as_json=json)


@keys.command(name="create")
def create_key(name: str, /, *, scope: Literal["send", "read", "admin"] = "send", json: Json = False) -> int:
    """Create an API key, and show it: nothing can show it again.

    Example: konversi keys create "booking bot" --scope send

    Parameters
    ----------
    name:
        What it is for.
    scope:
        send reports events and sees nothing; read looks; admin may do everything.
    json:
        Print JSON for programs.
    """
    from konversi.cli import people

    return people.create_key(load(), name, scope, as_json=json)


@keys.command(name="list")
def list_keys(*, json: Json = False) -> int:
    """List the API keys: how each begins, what it is good for, when it was used last."""
    from konversi.cli import people

    return people.list_keys(load(), as_json=json)


@keys.command(name="revoke")
def revoke_key(key: str, /, *, json: Json = False) -> int:
    """Revoke an API key: it opens nothing any more.

    Parameters
    ----------
    key:
        Its id, as the list shows it.
    json:
        Print JSON for programs.
    """
    from konversi.cli import people

    return people.revoke_key(load(), key, as_json=json)


def audit(*, before: int | None = None, limit: Limit = 50, json: Json = False) -> int:
    """List changes, newest first: who changed what, when, and from where.

    Parameters
    ----------
    before:
        Only those before this one, by its id.
    limit:
        At most so many, up to 500.
    json:
        Print JSON for programs.
    """
    from konversi.cli import people

    return people.show_changes(load(), before, limit, as_json=json)
