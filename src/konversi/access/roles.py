"""What somebody may do: three roles for people, three scopes for keys. Pure."""

from __future__ import annotations

from enum import StrEnum

from konversi.errors import KonversiError


class Role(StrEnum):
    """Each may do what those before it may."""

    VIEWER = "viewer"  # looks at everything but users and the record of changes
    OPERATOR = "operator"  # also replays, discards, checks, sends and uploads
    ADMIN = "admin"  # also manages users, keys and datasets


class Scope(StrEnum):
    """What an API key is good for."""

    SEND = "send"  # only the doors that take events
    READ = "read"  # only looking
    ADMIN = "admin"  # everything


_ORDER = tuple(Role)
_OF_SCOPE = {Scope.SEND: None, Scope.READ: Role.VIEWER, Scope.ADMIN: Role.ADMIN}


class NotAllowed(KonversiError):
    """Your role does not allow this.

    Ask an admin to do it, or for another role: `konversi users role NAME ROLE`.
    """

    code = "not_allowed"
    status = 403


def allows(role: Role | None, needed: Role) -> bool:
    """Whether somebody with this role, or with none, may do what needs that one."""
    return role is not None and _ORDER.index(role) >= _ORDER.index(needed)


def role_of(scope: Scope) -> Role | None:
    """The role on the pages of who carries a key of this scope."""
    return _OF_SCOPE[scope]
