"""Phone numbers: digits with the country code, no plus, no leading zeros.

An international number needs a possible length; a number without country code must be valid in the default country,
since Meta would otherwise look for somebody else's. Nothing is guessed in silence: where digits can be read in two
ways, a note says which was taken. Source: Meta, Conversions API: customer information parameters (`ph`).
"""

from __future__ import annotations

import re
from unicodedata import normalize

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from konversi.matching.phone_plans import LONGEST, SHORTEST, Home, calling_code, home, lengths_without_trunk
from konversi.matching.reading import Reading, Remark, Setting

_PUNCTUATION = dict.fromkeys(map(ord, " -().\t/[]"))
_OTHER_PUNCTUATION = re.compile(r"[\s\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060-\u2069\u2212\u30fc~*_]")
_WHATSAPP_ID = re.compile(r"([0-9]+)(?::[0-9]+)?@(?:s\.whatsapp\.net|c\.us)", re.ASCII)
_LABEL = re.compile(r"[A-Za-z][A-Za-z .]*:", re.ASCII)
_EXTENSION = re.compile(r"(?:ext|x\s*[0-9]|;|#).*", re.IGNORECASE | re.ASCII | re.DOTALL)
_FORMER_MOBILE_PREFIX = {"52": "1"}  # Mexico gave it up in 2019; WhatsApp ids still carry it

_NO_COUNTRY = Remark(
    None,
    "phone_no_country",
    "The number has no country code and no default country is set, so it is left out. Send it as +6281234567890, or "
    "set the dataset's default country.",
)
_NOT_A_NUMBER = Remark(
    None, "phone_not_a_number", "This is not one phone number, so it is left out. Send digits, best as +6281234567890."
)
_IMPOSSIBLE = Remark(
    None, "phone_not_possible", "No phone number of that country has this length, so it is left out. Check the number."
)
_NOT_VALID = Remark(
    None,
    "phone_not_valid",
    "It is no number of the default country, nor one with a country code, so it is left out. Send it with + and the "
    "country code.",
)
_AS_INTERNATIONAL = "It came without + and was read as beginning with a country code. Send it with + to be sure."
_AS_NATIONAL = (
    "It was read as a number of the default country, though it could begin with a country code. Send it with +."
)
_MOBILE_PREFIX_DROPPED = "The mobile prefix that this country gave up was dropped. Nothing is to be done."


def phone(text: str, setting: Setting) -> Reading:
    plain, digits = text, text[1:]
    if text[:1] == "+" and digits.isdigit() and text.isascii() and len(digits) in lengths_without_trunk(digits[:4]):
        return digits  # nearly all that come with a plus
    if (
        not _is_plain(text)
        and not _is_plain(plain := text.translate(_PUNCTUATION))
        and not _is_plain(plain := _bare(text))
    ):
        return _NOT_A_NUMBER
    if plain[0] == "+":
        return _international(plain[1:])
    if plain[:2] == "00":
        return _international(plain[2:])
    plan = home(setting.phone_country) if setting.phone_country else None
    if plan is None or setting.phone_country is None:
        return _homeless(plain)
    return _from_home(plain, plan, setting.phone_country.upper())


def _is_plain(text: str) -> bool:
    return text.isascii() and (text.isdigit() or (text[:1] == "+" and text[1:].isdigit()))


def _bare(text: str) -> str:
    """Digits with or without a plus, out of `whatsapp:+62 812…`, chat ids, extensions and other scripts' digits."""
    text = normalize("NFKC", text).strip()
    text = "".join(str(int(character)) if character.isdecimal() else character for character in text)
    if chat := _WHATSAPP_ID.fullmatch(text):
        return "+" + chat[1]
    text = _EXTENSION.sub("", _LABEL.sub("", text, count=1))
    return _OTHER_PUNCTUATION.sub("", text.translate(_PUNCTUATION))


def _international(digits: str) -> Reading:
    """From the digits after + or 00."""
    plan = calling_code(digits[:3]) if len(digits) >= SHORTEST else None
    if plan is None or (digits[-1] == "0" and len(digits.rstrip("0")) <= plan.digits):
        return _IMPOSSIBLE
    national = digits[plan.digits :]
    if national[0] in plan.trunk_begins and plan.trunk_prefix(national):
        return _possible(digits) or _IMPOSSIBLE
    if len(national) in plan.lengths and len(digits) <= LONGEST:
        return digits
    return _without_former_prefix(digits, plan.digits, plan.lengths)


def _without_former_prefix(digits: str, code_length: int, lengths: frozenset[int]) -> Reading:
    code, national = digits[:code_length], digits[code_length:]
    prefix = _FORMER_MOBILE_PREFIX.get(code)
    if prefix and national.startswith(prefix) and len(national) - len(prefix) in lengths:
        return Remark(code + national[len(prefix) :], "phone_mobile_prefix_dropped", _MOBILE_PREFIX_DROPPED)
    return _IMPOSSIBLE


def _from_home(digits: str, plan: Home, country: str) -> Reading:
    """Digits without plus, as people in `country` write them."""
    code, mobile = plan.calling_code, plan.mobile
    if digits.startswith(code) and mobile and mobile.fullmatch(digits, len(code)):
        return digits
    usual = plan.usual if digits[0] == "0" and plan.trunk_zero else None
    if usual and usual.fullmatch(digits, 1) and not plan.goes_abroad(digits):
        return code + digits[1:]
    national = _valid(digits, country)
    own = digits.lstrip("0").startswith(code)
    international = _valid("+" + digits.lstrip("0"), None) if own or digits[0] != "0" else None
    if international is None:
        return national or _NOT_VALID
    if national is None:
        return international if digits.startswith(code) else _as_international(international)
    if own and digits[0] != "0":
        return _as_international(international)
    return national if digits[0] == "0" else Remark(national, "phone_read_as_national", _AS_NATIONAL)


def _as_international(digits: str) -> Remark:
    return Remark(digits, "phone_read_as_international", _AS_INTERNATIONAL)


def _homeless(digits: str) -> Reading:
    """Digits without plus, and no country to read them in."""
    international = None if digits[:1] == "0" else _valid("+" + digits, None)
    if international is None:
        return _NO_COUNTRY
    return _as_international(international)


def _parsed(number: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, country)
    except NumberParseException:
        return None


def _digits_of(number: phonenumbers.PhoneNumber) -> str | None:
    digits = phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
    return digits if SHORTEST <= len(digits) <= LONGEST else None


def _valid(number: str, country: str | None) -> str | None:
    parsed = _parsed(number, country)
    return _digits_of(parsed) if parsed and phonenumbers.is_valid_number(parsed) else None


def _possible(digits: str) -> str | None:
    """An international number with a trunk prefix in it, +62 (0)812…, or one that begins like it."""
    parsed = _parsed("+" + digits, None)
    if parsed is None or phonenumbers.is_possible_number_with_reason(parsed) != ValidationResult.IS_POSSIBLE:
        return None
    begins_with_zero = phonenumbers.national_significant_number(parsed).startswith("0")
    return None if begins_with_zero and not phonenumbers.is_valid_number(parsed) else _digits_of(parsed)


def national(digits: str) -> str:
    """A number with its country code as it is written within its country, digits only; empty where that is unknown."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except NumberParseException:
        return ""
    return "".join(filter(str.isdigit, phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)))
