"""What a customer decided, and what follows from it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

ADS = "ads"  # the purpose that Konversi heeds: Meta is told of conversions. Others are kept for whoever asks

_NEVER = 1e15  # Unix seconds
CHAT = "chat"  # the source of what a customer wrote to the business


class State(StrEnum):
    """What somebody said."""

    GRANTED = "granted"
    DENIED = "denied"  # asked, and said no
    WITHDRAWN = "withdrawn"  # said yes, or nothing, and then no
    ERASED = "erased"  # asked to be forgotten: the last word, until that is lifted


class Decision(NamedTuple):
    """What a customer said, once."""

    state: State
    at: float  # Unix seconds at which it was said, not at which it came here
    source: str  # where: chat, api, cli, or the caller's own word
    purpose: str = ADS


def forgotten(at: float) -> Decision:
    """Somebody who asked to be forgotten then; nothing that is said later counts more."""
    return Decision(State.ERASED, max(at, _NEVER), "erasure")


class Objection(NamedTuple):
    """Why nothing may be sent."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


ABSENT = Objection("consent_absent", "Nobody recorded that the customer consents, and KONVERSI_CONSENT asks for that.")
ERASED = Objection("customer_erased", "The customer asked to be forgotten.")
CODES = ("consent_absent", "consent_denied", "consent_withdrawn", ERASED.code)
_WORDS = {State.DENIED: "The customer denied consent", State.WITHDRAWN: "The customer withdrew consent"}


def newest(decisions: Iterable[Decision]) -> Decision | None:
    """The one that counts, of one person and purpose: what was said last. Said at once, a no counts."""
    return max(decisions, key=lambda one: (one.at, one.state is not State.GRANTED, *one[2:], one.state), default=None)


def objection(decisions: Iterable[Decision], *, required: bool) -> Objection | None:
    """What speaks against sending, given all that a person said for this purpose.

    `required` says that silence is a no.
    """
    last = newest(decisions)
    if last is None:
        return ABSENT if required else None
    if last.state is State.GRANTED:
        return None
    if last.state is State.ERASED:
        return ERASED
    when = datetime.fromtimestamp(last.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Objection(f"consent_{last.state.value}", f"{_WORDS[last.state]} ({last.source}, {when}).")
