"""City, region and postal code. Source: Meta, Conversions API: customer information parameters (`ct`, `st`, `zp`).

Letters beyond ASCII stay, as the page says and Meta's Python SDK does; its parameter builder drops them.
"""

from __future__ import annotations

from konversi.matching.letters import letters, letters_and_digits
from konversi.matching.reading import Reading, Remark, Setting
from konversi.matching.us_states import US_STATES

_US = "us"
_ZIP = 5
_ZIP_PLUS_4 = 9

_NO_LETTERS = Remark(None, "place_no_letters", "The place holds no letters, so it is left out. Send its name.")
_NO_POSTAL_CODE = Remark(
    None, "postal_code_not_valid", "This holds no postal code, so it is left out. Send the code alone."
)


def city(text: str, _setting: Setting) -> Reading:
    return letters(text) or _NO_LETTERS


def region(text: str, setting: Setting) -> Reading:
    """A state of the USA becomes its two letters, unless the customer lives elsewhere (Montana is in Bulgaria too)."""
    normal = letters(text)
    if setting.customer_country in (None, _US):
        normal = US_STATES.get(normal, normal)
    return normal or _NO_LETTERS


def postal_code(text: str, setting: Setting) -> Reading:
    """What stands before the dash: Meta's SDKs cut there for every country, not only a ZIP+4."""
    normal = letters_and_digits(text.partition("-")[0])
    if setting.customer_country == _US and len(normal) == _ZIP_PLUS_4 and normal.isdigit():
        normal = normal[:_ZIP]
    return normal or _NO_POSTAL_CODE
