"""What the gateway wrote down in English, said in the visitor's language, sentence by sentence.

Reasons are kept as they were written: they stand in logs, answers and alerts as well. A phrase book translates whole
sentences for the pages; `{n}` and the like stand for what differs. A sentence that isn't in it is shown as it is.
`reasons.*.toml` has what becomes of requests and pages, `remarks.*.toml` what the rules say of an event.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_SENTENCES = re.compile(r"(?<=[.!?]);?\s+(?=\S)")
_NUMBER = re.compile(r" \((code -?\d+(?:, subcode -?\d+)?|HTTP \d+)\)(?=\.$)")  # what Meta's answer had
_FIELD = re.compile(r"([a-z_]+(?:\.\w+)*): (?=\S)")  # whose fault it is
_BLANK = re.compile(r"{(\w+)}")
_WITHIN = r"(?:(?![.!?]\s).)+?"  # a blank that is text ends with its sentence
_INNER = "said"  # a blank that holds a sentence of the book itself
_SEVERAL = "reasons"  # one that holds some, with semicolons between them
_FILES = {"id": ("reasons.id.toml", "remarks.id.toml")}


class _Book(NamedTuple):
    exact: dict[str, str]
    blanks: list[tuple[re.Pattern[str], str]]


@cache
def phrases(code: str) -> dict[str, str]:
    """The book of a language; empty for English."""
    folder = files("konversi.dashboard") / "words"
    read = [tomllib.loads((folder / name).read_text("utf-8")) for name in _FILES.get(code, ())]
    return {text: told for part in read for text, told in part.items()}


@cache
def _book(code: str) -> _Book:
    said = phrases(code)
    blanks = [(re.compile(_pattern(text), re.DOTALL), told) for text, told in said.items() if blanks_in(text)]
    return _Book({text: told for text, told in said.items() if not blanks_in(text)}, blanks)


def blanks_in(text: str) -> set[str]:
    """The names of what differs in a phrase."""
    return set(_BLANK.findall(text))


def _pattern(text: str) -> str:
    parts = _BLANK.split(text)  # text, name, text, name, text
    return "".join(
        f"(?P<{part}>{'.+?' if part.startswith(_INNER) else _WITHIN})" if place % 2 else re.escape(part)
        for place, part in enumerate(parts)
    )


def reason(code: str, text: str | None) -> str:
    """The text in the language, as far as its sentences are known. It is made of whole sentences."""
    if not text or code not in _FILES:
        return text or ""
    whole = _sentence(code, text)
    return whole if whole is not None else " ".join(_known(code, one) for one in _SENTENCES.split(text))


def _known(code: str, sentence: str) -> str:
    found = _sentence(code, sentence)
    if found is not None:
        return found
    if number := _NUMBER.search(sentence):
        told = _sentence(code, sentence.replace(number.group(), ""))
        return sentence if told is None else f"{told.removesuffix('.')}{number.group().replace('(code', '(kode')}."
    if field := _FIELD.match(sentence):
        return f"{field.group()}{_known(code, sentence[field.end() :])}"
    return sentence


def _sentence(code: str, sentence: str) -> str | None:
    book = _book(code)
    if sentence in book.exact:
        return book.exact[sentence]
    for pattern, told in book.blanks:
        if found := pattern.fullmatch(sentence):
            return told.format(**{name: _blank(code, name, text) for name, text in found.groupdict().items()})
    return None


def _blank(code: str, name: str, text: str) -> str:
    if name.startswith(_INNER):
        return reason(code, text)
    return "; ".join(_known(code, one) for one in text.split("; ")) if name == _SEVERAL else text
