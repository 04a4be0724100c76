"""What the numbering plans say, taken once per country from phonenumbers' own metadata.

With it most numbers need no full parse, which costs ten times as much. Each answer here equals what the full parse
gives; whatever is in doubt is left to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata

SHORTEST = 7  # digits of an international number, calling code and all
LONGEST = 15  # E.164
_LONGEST_CALLING_CODE = 3


class CallingCode(NamedTuple):
    """The numbering plan behind a country calling code."""

    digits: int  # how many the calling code has
    lengths: frozenset[int]  # possible lengths of a national significant number
    trunk: re.Pattern[str] | None  # what may stand before it when dialled at home
    trunk_begins: str  # the digits that a trunk prefix may begin with

    def trunk_prefix(self, national: str) -> bool:
        """Whether it begins with what may be a trunk prefix, and so needs the full parse."""
        found = self.trunk.match(national) if self.trunk else None
        return found is not None and found.end() > 0


class Home(NamedTuple):
    """How numbers are written inside one country."""

    calling_code: str
    mobile: re.Pattern[str] | None  # national significant numbers of mobile phones
    usual: re.Pattern[str] | None  # those of mobile phones and of fixed lines
    trunk_zero: bool  # a single 0 before the number, and nothing else
    abroad: re.Pattern[str] | None  # what is dialled for a line abroad

    def goes_abroad(self, dialled: str) -> bool:
        return self.abroad is not None and self.abroad.match(dialled) is not None


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return re.compile(pattern) if pattern else None


@lru_cache(maxsize=1_000)
def calling_code(first_three: str) -> CallingCode | None:
    """The plan for an international number that starts with these digits. No calling code is another's beginning."""
    for digits in range(1, _LONGEST_CALLING_CODE + 1):
        code = int(first_three[:digits])
        if first_three[0] == "0" or code not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            continue
        main_region = phonenumbers.region_code_for_country_code(code)
        plan: PhoneMetadata | None = PhoneMetadata.metadata_for_region_or_calling_code(code, main_region)
        if plan is None or plan.general_desc is None:
            continue
        trunk = plan.national_prefix_for_parsing or ""
        begins = trunk[:1] if not trunk or trunk.isdigit() else "0123456789"
        return CallingCode(digits, frozenset(plan.general_desc.possible_length), _compiled(trunk), begins)
    return None


@lru_cache(maxsize=10_000)
def lengths_without_trunk(first_four: str) -> frozenset[int]:
    """How many digits an international number has that starts with these, where none of them can be a trunk prefix.

    Empty where they need a closer look, or begin no number. Remembered: four digits are still nobody's.
    """
    plan = calling_code(first_four[:3]) if len(first_four) > _LONGEST_CALLING_CODE else None
    if plan is None or first_four[plan.digits] in plan.trunk_begins + "0":
        return frozenset()
    every = (plan.digits + length for length in plan.lengths)
    return frozenset(length for length in every if SHORTEST <= length <= LONGEST)


@lru_cache(maxsize=300)
def home(country: str) -> Home | None:
    """The plan of a country by its ISO alpha-2 code; None where there is no such country."""
    plan = PhoneMetadata.metadata_for_region(country.upper(), None)
    if plan is None or plan.country_code is None:
        return None
    mobile = plan.mobile.national_number_pattern if plan.mobile else None
    fixed = plan.fixed_line.national_number_pattern if plan.fixed_line else None
    usual = "|".join(f"(?:{pattern})" for pattern in (mobile, fixed) if pattern)
    shares_its_code = phonenumbers.region_code_for_country_code(plan.country_code) != country.upper()
    return Home(
        calling_code=str(plan.country_code),
        mobile=_compiled(mobile),
        usual=_compiled(usual),
        trunk_zero=plan.national_prefix_for_parsing == "0" and not shares_its_code,
        abroad=_compiled(plan.international_prefix),
    )
