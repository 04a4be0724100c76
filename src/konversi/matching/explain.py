"""How one value is normalised and hashed, step by step: for people who wonder why somebody isn't matched."""

from __future__ import annotations

from dataclasses import dataclass

from konversi.matching.digest import digest
from konversi.matching.hashed import SHORTEST, already_hashed
from konversi.matching.keys import BY_NAME, Key
from konversi.matching.names import person_name, split
from konversi.matching.reading import Remark, Setting

_NAME = "name"
_BLANK = "There is no value."
_SPLIT = "A full name is sent as two keys, fn and ln. Ask for first_name and last_name to see their hashes."


@dataclass(frozen=True, slots=True)
class Explained:
    """What Meta would get of one value."""

    normalized: str | None  # the normal form; for keys never hashed, the value that is sent. None: nothing is sent
    sha256: str | None  # None for keys never hashed
    note: str | None
    steps: tuple[str, ...] = ()  # in plain words, without the value


def explain(field: str, value: str, country: str | None) -> Explained:
    """Explain a field by our name (`phone`) or Meta's (`ph`). `country` is where national phone numbers are read.

    Never raises: an unknown field is said in the note.
    """
    setting = Setting(phone_country=country)
    if field == _NAME:
        return _full_name(value, setting)
    key = BY_NAME.get(field.rpartition(".")[2])
    if key is None:
        return Explained(None, None, f"There is no such field. Use one of: {', '.join(sorted({*BY_NAME, _NAME}))}.")
    if not value.strip():
        return Explained(None, None, _BLANK, (_belongs(key),))
    return _hashed(key, value, setting) if key.hashed else _clear(key, value, setting)


def _belongs(key: Key) -> str:
    return f"{key.field} is sent as Meta's key {key.meta}."


def _hashed(key: Key, value: str, setting: Setting) -> Explained:
    found = digest(key, value, setting)
    hashed, note = (found.normal, found.text) if isinstance(found, Remark) else (found, None)
    if hashed is None:
        return Explained(None, None, note, (_belongs(key), f"Normal form: {key.words}.", "Refused: nothing is sent."))
    if len(value) >= SHORTEST and already_hashed(value):
        return Explained(hashed, hashed, note, (_belongs(key), "It is a SHA-256 hash already: it is sent as it is."))
    reading = key.rule(value, setting)
    normal = reading if isinstance(reading, str) else reading.normal
    return Explained(
        normal, hashed, note, (_belongs(key), f"Normal form: {key.words}.", "Hashed with SHA-256, without salt.")
    )


def _clear(key: Key, value: str, setting: Setting) -> Explained:
    reading = key.rule(value, setting)
    steps = (_belongs(key), f"Form: {key.words}.")
    if isinstance(reading, str):
        return Explained(reading, None, None, (*steps, "Never hashed: sent in the clear."))
    return Explained(None, None, reading.text, (*steps, "Refused: nothing is sent."))


def _full_name(value: str, setting: Setting) -> Explained:
    first, last = split(value)
    if not last or already_hashed(value):
        return explain("first_name", value, setting.phone_country)
    parts = [person_name(part, setting) for part in (first, last)]
    return Explained(
        " ".join(part for part in parts if isinstance(part, str)), None, _SPLIT, ("Split after the first word.",)
    )
