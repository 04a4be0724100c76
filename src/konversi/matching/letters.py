"""Text reduced to its letters: lower-case, no punctuation, no spaces, no emoji, in one Unicode spelling."""

from __future__ import annotations

from unicodedata import category, normalize

_ASCII_NOT_ALPHANUMERIC = {code: None for code in range(128) if not chr(code).isalnum()}
_ASCII_NOT_A_LETTER = {code: None for code in range(128) if not chr(code).isalpha()}
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo"})
_MARKS = frozenset({"Mn", "Mc"})


def _selects_a_variant(character: str) -> bool:
    """Invisible marks that choose the picture of an emoji or an ideograph."""
    return (
        "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
        or "\u180b" <= character <= "\u180f"
    )


def _kept(text: str, wanted: frozenset[str]) -> str:
    """The wanted characters, and the marks that stand on them."""
    kept: list[str] = []
    for character in text:
        kind = category(character)
        if kind in wanted or (kind in _MARKS and kept and not _selects_a_variant(character)):
            kept.append(character)
    return "".join(kept)


def _fold(text: str, wanted: frozenset[str]) -> str:
    """NFKC, so that an accent typed in two ways and the fancy letters of chat profiles give one hash.

    Filtered before as well as after: NFKC turns signs into letters (the trade mark sign into TM).
    """
    plain = normalize("NFKC", _kept(text, wanted)).lower()
    return normalize("NFC", _kept(plain, wanted))


def letters_and_digits(text: str) -> str:
    if text.isascii():
        return text.lower() if text.isalnum() else text.lower().translate(_ASCII_NOT_ALPHANUMERIC)
    return _fold(text, _LETTERS | {"Nd"})


def letters(text: str) -> str:
    if text.isascii():
        return text.lower() if text.isalpha() else text.lower().translate(_ASCII_NOT_A_LETTER)
    return _fold(text, _LETTERS)
