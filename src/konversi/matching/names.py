"""Names of persons: lower-case, without punctuation and spaces, UTF-8.

Honorifics stay: no sender strips them, so neither does what Meta compares with. Source: Meta, Conversions API: customer
information parameters (`fn`, `ln`); the `f5first`, `f5last` and `fi` keys are in Meta's SDKs only.
"""

from __future__ import annotations

from konversi.matching.letters import letters_and_digits
from konversi.matching.reading import Reading, Remark, Setting

_NO_LETTERS = Remark(
    None, "name_no_letters", "The name holds no letters, so it is left out. Send the name as people write it."
)


def has_letters(text: str) -> bool:
    return text.isalpha() or any(map(str.isalpha, text))


def person_name(text: str, _setting: Setting) -> Reading:
    if text.isascii() and text.isalpha():  # nearly all
        return text.lower()
    normal = letters_and_digits(text)
    return normal if has_letters(normal) else _NO_LETTERS


def first_five(text: str, setting: Setting) -> Reading:
    return _beginning(text, 5, setting)


def initial(text: str, setting: Setting) -> Reading:
    return _beginning(text, 1, setting)


def _beginning(text: str, length: int, setting: Setting) -> Reading:
    normal = person_name(text, setting)
    return person_name(normal[:length], setting) if isinstance(normal, str) else normal


def split(full_name: str) -> tuple[str, str]:
    """First name (the first word that holds letters) and last name (the rest, "" where there is none)."""
    first, _, rest = full_name.strip().partition(" ")
    while rest and not has_letters(first):
        first, _, rest = rest.lstrip().partition(" ")
    return first, (rest if has_letters(rest) else "")
