"""Countries: ISO 3166-1 alpha-2, lower-case, from the code, the alpha-3 code or the exact name.

Whole names only: Meta's parameter builder looks for a country's name inside the text, and finds India in "Republic of
Indonesia". The names are CLDR's, in English and Indonesian.
Source: Meta, Conversions API: customer information parameters (`country`).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from babel import Locale
from babel.core import get_global

from konversi.matching.letters import letters
from konversi.matching.reading import Reading, Remark, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALPHA_2 = 2
_ALPHA_3 = 3
_LANGUAGES = ("en", "id")
_IN_CLDR_NOT_IN_ISO = frozenset(
    ("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ")
)
_ALSO_CALLED: dict[str, str] = {
    "uk": "gb", "greatbritain": "gb", "britain": "gb", "england": "gb", "scotland": "gb", "wales": "gb",
    "northernireland": "gb", "unitedkingdomofgreatbritainandnorthernireland": "gb", "inggris": "gb",
    "unitedstatesofamerica": "us", "theunitedstates": "us", "america": "us", "amerika": "us",
    "republicofindonesia": "id", "republikindonesia": "id", "negarakesatuanrepublikindonesia": "id",
    "uae": "ae", "bruneidarussalam": "bn", "burma": "mm", "myanmar": "mm", "caboverde": "cv", "czechrepublic": "cz",
    "easttimor": "tl", "holland": "nl", "thenetherlands": "nl", "hongkong": "hk", "macao": "mo", "macau": "mo",
    "ivorycoast": "ci", "palestine": "ps", "peoplesrepublicofchina": "cn", "prc": "cn", "republicofkorea": "kr",
    "russianfederation": "ru", "swaziland": "sz", "thephilippines": "ph", "turkey": "tr", "turki": "tr",
    "korsel": "kr", "vaticancity": "va", "republicofsingapore": "sg",
}  # fmt: skip

_UNKNOWN = Remark(
    None, "country_unknown", "No country has this code or name, so it is left out. Send the two-letter ISO code: ID."
)


def _folded(name: str) -> str:
    """Letters only, without accents, so that Curaçao and Curacao are one name."""
    return letters("".join(character for character in normalize("NFKD", name) if not "\u0300" <= character <= "\u036f"))


@cache
def _codes() -> dict[str, str]:
    """Every accepted spelling -> the code. Read once, since loading CLDR takes some 40 ms."""
    named: Mapping[str, str] = Locale("en").territories
    alpha_2 = {code for code in named if len(code) == _ALPHA_2 and code.isalpha()} - _IN_CLDR_NOT_IN_ISO
    codes = {code.lower(): code.lower() for code in alpha_2}
    aliases: Mapping[str, list[str]] = get_global("territory_aliases")
    for alias, targets in aliases.items():
        if len(alias) == _ALPHA_3 and alias.isalpha() and len(targets) == 1 and targets[0] in alpha_2:
            codes[alias.lower()] = targets[0].lower()
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if code in alpha_2:
                codes.setdefault(_folded(name), code.lower())
    return codes | _ALSO_CALLED


def country(text: str, _setting: Setting) -> Reading:
    return _codes().get(_folded(text), _UNKNOWN)
