"""Languages: ISO 639-1, lower-case, from a tag (`id-ID`) or a name in English, Indonesian or the language itself.

Meta has no match key for it; it goes with the custom data.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from babel import Locale

from konversi.matching.letters import letters

if TYPE_CHECKING:
    from collections.abc import Mapping

_LETTERS = 2  # of a code
_FORMER = {"in": "id", "iw": "he", "ji": "yi"}  # as Java wrote them
_WORDS = ("bahasa", "basa", "language")


@cache
def _codes() -> dict[str, str]:
    codes: dict[str, str] = {}
    for language in ("en", "id"):
        named: Mapping[str, str] = Locale(language).languages
        for code, name in named.items():
            if len(code) == _LETTERS:
                codes[code] = code
                codes.setdefault(letters(name), code)
    for code in ("zh", "ja", "ko", "ar", "th", "vi", "ru", "fr", "de", "es", "pt", "nl", "jv", "su", "ms", "hi", "ta"):
        codes.setdefault(letters(Locale(code).languages.get(code, code)), code)
    return codes | _FORMER


def language(text: str) -> str | None:
    """The code, or nothing where no language is called so."""
    tag = text.replace("_", "-").partition("-")[0].strip().lower()
    if len(tag) == _LETTERS and tag in _codes():
        return _codes()[tag]
    said = letters(text)
    every = (said, *(said.removeprefix(word).removesuffix(word) for word in _WORDS))
    return next((_codes()[one] for one in every if one in _codes()), None)
