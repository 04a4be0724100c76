"""Which column means what: told by its name in English or Indonesian, else by what stands in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from unicodedata import normalize

from konversi.imports.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAMES: dict[str, list[str]] = WORDS["columns"]
FIELDS = tuple(_NAMES)
NEEDED_ANY = ("phone", "email", "external_id", "lead_id")
_BY_NAME = {name: field for field, names in _NAMES.items() for name in names}
_FILLERS = frozenset(
    [
        "no",
        "nomor",
        "number",
        "num",
        "nr",
        "customer",
        "pelanggan",
        "konsumen",
        "client",
        "klien",
        "pembeli",
        "the",
        "data",
        "rp",
        "idr",
    ]
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?:whatsapp:)?(?:\+|00)?[0-9][0-9 ().\-]{7,18}[0-9]|6[0-9]{11,13}")
_ENOUGH = 0.8  # of the sampled cells


def guess(header: Sequence[object], sample: Sequence[Sequence[object]]) -> dict[str, int]:
    """The column (from 0) of each field that could be told."""
    found: dict[str, int] = {}
    for plainly in (str.strip, _without_fillers):
        for index, title in enumerate(header):
            field = _BY_NAME.get(plainly(_plain(str(title))))
            if field is not None and index not in found.values():
                found.setdefault(field, index)
    for field, pattern in (("email", _EMAIL), ("phone", _PHONE)):
        if field not in found and (column := _that_looks_like(pattern, header, sample, found)) is not None:
            found[field] = column
    return found


def chosen(header: Sequence[object], wanted: Mapping[str, str]) -> dict[str, int]:
    """What the user says, as field: column name; an empty name leaves the field out. Raises `ValueError`."""
    titles = [_plain(str(title)) for title in header]
    columns: dict[str, int] = {}
    for field, title in wanted.items():
        if field not in _NAMES:
            raise ValueError(f"{field[:40]!r} is no field: take one of {', '.join(FIELDS)}")
        if not title:
            continue
        if _plain(title) not in titles:
            raise ValueError(f"there is no column {title[:60]!r}")
        columns[field] = titles.index(_plain(title))
    return columns


def _plain(title: str) -> str:
    words = re.sub(r"[\W_]+", " ", normalize("NFKC", title).casefold())
    return words.strip()


def _without_fillers(title: str) -> str:
    return " ".join(word for word in title.split() if word not in _FILLERS)


def _that_looks_like(
    pattern: re.Pattern[str], header: Sequence[object], sample: Sequence[Sequence[object]], found: Mapping[str, int]
) -> int | None:
    for index, title in enumerate(header):
        if index in found.values() or _plain(str(title)) in _BY_NAME:
            continue
        cells = [str(row[index]).strip() for row in sample if index < len(row) and str(row[index]).strip()]
        if cells and sum(bool(pattern.fullmatch(cell)) for cell in cells) >= _ENOUGH * len(cells):
            return index
    return None
