"""Where Meta's own Python SDK is right, we give the same hash. (It is wrong for national phones and punctuated names.)"""

import hashlib
import warnings

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from konversi.matching.explain import explain

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pycountry
    from facebook_business.adobjects.serverside.normalize import Normalize

ALPHA_2 = sorted(country.alpha_2 for country in pycountry.countries)


def theirs(key, value):
    return Normalize.normalize_field(key, value)


def ours(key, value):
    return explain(key, value, "ID").sha256


@settings(deadline=None)  # metadata is read on first use
@given(
    st.from_regex(r"[A-Za-z0-9._+-]{1,20}@[A-Za-z0-9]{1,12}\.[A-Za-z]{2,6}", fullmatch=True),
    st.sampled_from(["", " ", "\t"]),
)
def test_the_same_hash_for_an_address(address, space):
    assert ours("em", space + address + space) == theirs("em", space + address + space)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_same_hash_for_a_full_international_number(region):
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is None:
        number = phonenumbers.example_number(region)
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    digits = text[1:]
    if len(digits) < 8:  # the SDK wants more digits than some islands have
        assert ours("ph", text) == hashlib.sha256(digits.encode()).hexdigest()
    else:
        assert ours("ph", text) == theirs("ph", text)


@settings(deadline=None)  # metadata is read on first use
@given(st.sampled_from(["fn", "ln"]), st.from_regex(r" ?[A-Za-z]{1,30} ?", fullmatch=True))
def test_the_same_hash_for_a_plain_name(key, name):
    assert ours(key, name) == theirs(key, name)


@settings(deadline=None)  # metadata is read on first use
@given(st.from_regex(r"[A-Za-z][A-Za-z .()0-9-]{0,30}", fullmatch=True))
def test_the_same_hash_for_a_city(city):
    assert ours("ct", city) == theirs("ct", city)


@pytest.mark.parametrize("code", ALPHA_2)
def test_the_same_hash_for_a_country_code(code):
    assert ours("country", code) == theirs("country", code)


@pytest.mark.parametrize("country", list(pycountry.countries), ids=lambda country: country.alpha_3)
def test_every_iso_alpha_3_code_is_known(country):
    assert explain("country", country.alpha_3, None).normalized == country.alpha_2.lower()


@settings(deadline=None)  # metadata is read on first use
@given(st.from_regex(r"[A-Z0-9]{1,10}( [A-Z0-9]{1,4})?(-[0-9]{1,4})?", fullmatch=True))
def test_the_same_hash_for_a_postal_code(code):
    assert ours("zp", code) == theirs("zp", code)


@settings(deadline=None)  # metadata is read on first use
@given(st.integers(1, 31), st.integers(1, 12), st.integers(1900, 2025))
def test_the_same_hash_for_parts_of_a_birth_date(day, month, year):
    assert ours("dobd", str(day)) == theirs("dobd", str(day))
    assert ours("dobm", str(month)) == theirs("dobm", str(month))
    assert ours("doby", str(year)) == theirs("doby", str(year))
