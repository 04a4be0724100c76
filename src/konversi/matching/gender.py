"""Gender: `m` or `f`, from English and Indonesian words.

Source: Meta, Conversions API: customer information parameters (`ge`).
"""

from __future__ import annotations

from konversi.matching.letters import letters
from konversi.matching.reading import Reading, Remark, Setting

WORDS: dict[str, tuple[str, ...]] = {
    "m": ("m", "male", "man", "boy", "mr", "l", "laki", "lakilaki", "lk", "pria", "cowok"),
    "f": ("f", "female", "woman", "girl", "mrs", "ms", "p", "perempuan", "pr", "wanita", "cewek"),
}
_BY_WORD = {word: letter for letter, words in WORDS.items() for word in words}
_UNKNOWN = Remark(None, "gender_unknown", "This word for a gender is not known, so it is left out. Send m or f.")


def gender(text: str, _setting: Setting) -> Reading:
    return _BY_WORD.get(letters(text), _UNKNOWN)
