"""City, region and postal code. Source: Meta, Conversions API: customer information parameters (`ct`, `st`, `zp`).

Letters beyond ASCII stay, as the page says and Meta's Python SDK does; its parameter builder drops them. Which of a
place's names Meta knows is nowhere said; so that one place has one hash, Indonesian ones are spelled out
(`konversi.matching.indonesia`).
"""

from __future__ import annotations

from konversi.matching import indonesia
from konversi.matching.letters import letters, letters_and_digits
from konversi.matching.reading import Reading, Remark, Setting
from konversi.matching.us_states import US_STATES

_US = "us"
_INDONESIA = "id"
_ZIP = 5
_ZIP_PLUS_4 = 9

_NO_LETTERS = Remark(None, "place_no_letters", "The place holds no letters, so it is left out. Send its name.")
_NO_POSTAL_CODE = Remark(
    None, "postal_code_not_valid", "This holds no postal code, so it is left out. Send the code alone."
)
_SPELLED_OUT = "An abbreviation, or another name of the place, was read as its full name. Nothing is to be done."


def city(text: str, setting: Setting) -> Reading:
    """A city of Indonesia by its own name, without the word for its kind or what follows it."""
    if not _in_indonesia(setting):
        return letters(text) or _NO_LETTERS
    place = indonesia.city(text)
    return Remark(place.name, "place_spelled_out", _SPELLED_OUT) if place.spelled_out else place.name or _NO_LETTERS


def region_of(city_text: str, setting: Setting) -> str | None:
    """The region in which the city certainly is, in normal form."""
    return indonesia.city(city_text).province if _in_indonesia(setting) else None


def _in_indonesia(setting: Setting) -> bool:
    """Whether the customer lives there; where no country is told, whether the business has its customers there."""
    if setting.customer_country is not None:
        return setting.customer_country == _INDONESIA
    return (setting.phone_country or "").lower() == _INDONESIA


def region(text: str, setting: Setting) -> Reading:
    """A state of the USA becomes its two letters, unless the customer lives elsewhere (Montana is in Bulgaria too)."""
    normal = letters(text)
    if _in_indonesia(setting) and (province := indonesia.province(text)):
        return province if province in normal else Remark(province, "place_spelled_out", _SPELLED_OUT)
    if setting.customer_country in (None, _US):
        normal = US_STATES.get(normal, normal)
    return normal or _NO_LETTERS


def postal_code(text: str, setting: Setting) -> Reading:
    """What stands before the dash: Meta's SDKs cut there for every country, not only a ZIP+4."""
    normal = letters_and_digits(text.partition("-")[0])
    if setting.customer_country == _US and len(normal) == _ZIP_PLUS_4 and normal.isdigit():
        normal = normal[:_ZIP]
    return normal or _NO_POSTAL_CODE
