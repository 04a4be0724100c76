"""Who is acting, and which changes that made: noted where they are made, whatever page, door or command asked for them.

Whoever lets somebody in opens `acting`; what changes something calls `note`; the first one keeps what was noted before
it answers. A change that is noted while nobody acts is Konversi's own, and is not kept.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Action(StrEnum):
    """What can be changed. A new kind of change gets a line here, and its words in both languages."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    SESSIONS_ENDED = "sessions_ended"
    USER_ADDED = "user_added"
    USER_REMOVED = "user_removed"
    ROLE_CHANGED = "role_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a word
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    REPLAY = "replay"
    DISCARD = "discard"
    DATASET_ADDED = "dataset_added"
    DATASET_REMOVED = "dataset_removed"
    DATASET_CHECKED = "dataset_checked"
    ACCOUNT_LINKED = "account_linked"
    VALUE_RULES_KEPT = "value_rules_kept"
    CONVERSION_CREATED = "conversion_created"
    SPEND_PULLED = "spend_pulled"
    BENCH_SENT = "bench_sent"
    IMPORT_TAKEN = "import_taken"
    IMPORT_STARTED = "import_started"
    IMPORT_DISCARDED = "import_discarded"
    EXPORTED = "exported"
    CONSENT_RECORDED = "consent_recorded"
    ERASED = "erased"
    ERASURE_LIFTED = "erasure_lifted"


class Actor(NamedTuple):
    """Who it is."""

    name: str  # of the user or key
    kind: str  # user, key, machine or nobody
    address: str = ""  # where the call came from


NOBODY = Actor("", "nobody")


class Deed(NamedTuple):
    """One change."""

    action: Action
    subject: str  # what was changed: a receipt, a name, Meta's id. Never an identity or a secret
    details: dict[str, str | int]


@dataclass(slots=True)
class Acting:
    """Somebody at work."""

    actor: Actor
    deeds: list[Deed] = field(default_factory=list)


_now: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting(actor: Actor) -> Iterator[Acting]:
    """Until the block ends, changes are this one's."""
    one = Acting(actor)
    token = _now.set(one)
    try:
        yield one
    finally:
        _now.reset(token)


def known_as(actor: Actor) -> None:
    """It became clear who is acting."""
    if (one := _now.get()) is not None:
        one.actor = actor


def actor() -> Actor:
    """Who is acting."""
    one = _now.get()
    return NOBODY if one is None else one.actor


def note(action: Action, subject: str = "", **details: str | int) -> None:
    """Something was changed."""
    if (one := _now.get()) is not None:
        one.deeds.append(Deed(action, subject, details))
