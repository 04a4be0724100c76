"""What became of each match key, for people: used, missing, or refused because."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from konversi.matching.keys import KEYS, Key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from konversi.events.faults import Note
    from konversi.matching.match import Match

_ALSO_ABOUT: dict[str, tuple[str, ...]] = {
    "fn": ("customer.name",),
    "ln": ("customer.name",),
    "fbc": ("click.fbclid", "click.clicked_at"),
}
_PHONE_STANDS_IN = "The phone number stands in for a customer number."


class KeyLine(NamedTuple):
    """One match key's fate. Holds no value."""

    key: str  # Meta's name
    about: str  # the field it comes from: "customer.phone"
    state: Literal["used", "missing", "refused"]
    why: str | None  # what was refused, or chosen


def report(matched: Match) -> list[KeyLine]:
    """A line for every key that a field of ours can fill, in the table's order."""
    return lines(matched.user_data, matched.notes)


def lines(user_data: Mapping[str, Any], notes: Sequence[Note]) -> list[KeyLine]:
    """The same of what was kept: Meta's user_data, and the notes."""
    return [_line(key, key.about, user_data, notes) for key in KEYS if key.about]


def _line(key: Key, about: str, user_data: Mapping[str, Any], notes: Sequence[Note]) -> KeyLine:
    why = _why(key.meta, about, notes)
    if key.meta not in user_data:
        return KeyLine(key.meta, about, "refused" if why else "missing", why)
    if key.meta == "external_id" and user_data["external_id"] == user_data.get("ph", ())[:1]:
        why = _PHONE_STANDS_IN
    return KeyLine(key.meta, about, "used", why)


def _why(meta: str, about: str, notes: Sequence[Note]) -> str | None:
    sources = (about, *_ALSO_ABOUT.get(meta, ()))
    return " ".join(note.text for note in notes if note.about in sources) or None
