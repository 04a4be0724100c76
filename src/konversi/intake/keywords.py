"""Words in a chat that are a decision: STOP and the like, each only as a whole message. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from konversi.consent.decision import State

if TYPE_CHECKING:
    from collections.abc import Mapping

_AROUND = " \t.,!\"'*_~"  # what people, and phones that format text, put around a word
NONE = "-"


class Keywords(NamedTuple):
    """What each word means, lower-case."""

    meanings: Mapping[str, State]

    @classmethod
    def of(cls, stop: str, start: str) -> Keywords:
        """From the settings, with commas between words. What is in both stops."""
        started = dict.fromkeys(_words(start), State.GRANTED)
        return cls({**started, **dict.fromkeys(_words(stop), State.WITHDRAWN)})

    def decision(self, written: str | None) -> State | None:
        """What the message decides, if it is nothing but one of the words."""
        return self.meanings.get(_bare(written)) if written else None


def _words(setting: str) -> list[str]:
    return [bare for word in setting.split(",") if word.strip() != NONE and (bare := _bare(word))]


def _bare(text: str) -> str:
    return " ".join(text.strip(_AROUND).casefold().split())
