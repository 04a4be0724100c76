"""What the gateway wrote down in English, said in the visitor's language, sentence by sentence.

Reasons are kept as they were written: they stand in logs, answers and alerts as well. A phrase book translates whole
sentences for the pages; `{n}` and the like stand for what differs. A sentence that isn't in it is shown as it is.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=\S)")
_NUMBER = re.compile(r" \((code -?\d+(?:, subcode -?\d+)?|HTTP \d+)\)(?=\.$)")  # what Meta's answer had
_BLANK = re.compile(r"\\\{(\w+)\\\}")
_INNER = "said"  # a blank that holds a sentence of the book itself
_BOOKS = frozenset({"id"})


class _Book(NamedTuple):
    exact: dict[str, str]
    blanks: list[tuple[re.Pattern[str], str]]


@cache
def phrases(code: str) -> dict[str, str]:
    """The book of a language; empty for English."""
    if code not in _BOOKS:
        return {}
    return tomllib.loads((files("konversi.dashboard") / "words" / f"reasons.{code}.toml").read_text("utf-8"))


@cache
def _book(code: str) -> _Book:
    said = phrases(code)
    blanks = [(re.compile(_pattern(text), re.DOTALL), told) for text, told in said.items() if "{" in text]
    return _Book({text: told for text, told in said.items() if "{" not in text}, blanks)


def _pattern(text: str) -> str:
    return _BLANK.sub(r"(?P<\1>.+?)", re.escape(text))


def reason(code: str, text: str | None) -> str:
    """The text in the language, as far as its sentences are known. It is made of whole sentences."""
    if not text or code not in _BOOKS:
        return text or ""
    whole = _sentence(code, text)
    return whole if whole is not None else " ".join(_known(code, one) for one in _SENTENCES.split(text))


def _known(code: str, sentence: str) -> str:
    found = _sentence(code, sentence)
    if found is not None:
        return found
    number = _NUMBER.search(sentence)
    if number is None:
        return sentence
    told = _sentence(code, sentence.replace(number.group(), ""))
    return sentence if told is None else f"{told.removesuffix('.')}{number.group().replace('(code', '(kode')}."


def _sentence(code: str, sentence: str) -> str | None:
    book = _book(code)
    if sentence in book.exact:
        return book.exact[sentence]
    for pattern, told in book.blanks:
        if found := pattern.fullmatch(sentence):
            parts = found.groupdict()
            if _INNER in parts:
                parts[_INNER] = reason(code, parts[_INNER])
            return told.format(**parts)
    return None
