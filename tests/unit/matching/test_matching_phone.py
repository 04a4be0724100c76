"""Phone numbers, judged by phonenumbers itself over every country it knows."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, ValidationResult

from konversi.matching.phone import phone
from konversi.matching.reading import Remark, Setting

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
IN_INDONESIA = Setting(phone_country="ID")
ANYWHERE = Setting()


def examples(region):
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE):
        if number := phonenumbers.example_number_for_type(region, kind):
            yield number


def normal(reading):
    return reading.normal if isinstance(reading, Remark) else reading


def code(reading):
    return reading.code if isinstance(reading, Remark) else None


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("setting", [ANYWHERE, IN_INDONESIA], ids=["anywhere", "in Indonesia"])
def test_an_international_number_of_any_country_keeps_its_digits(region, setting):
    for number in examples(region):
        digits = phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
        spelling = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        assert phone(f"+{digits}", setting) == digits
        assert phone(f"00{digits}", setting) == digits
        assert phone(spelling, setting) == digits


@pytest.mark.parametrize("region", REGIONS)
def test_a_national_number_gets_the_default_country(region):
    for number in examples(region):
        digits = phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
        spelling = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        assert normal(phone(spelling, Setting(phone_country=region))) == digits


@pytest.mark.parametrize("region", REGIONS)
def test_a_mobile_number_that_begins_with_the_default_countrys_code_needs_no_plus(region):
    if number := phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE):
        digits = phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:]
        assert normal(phone(digits, Setting(phone_country=region))) == digits


CALLING_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@settings(deadline=None)  # metadata is read on first use
@given(st.sampled_from(CALLING_CODES), st.from_regex(r"[0-9]{2,13}", fullmatch=True))
def test_the_fast_path_says_what_phonenumbers_says(calling_code, rest):
    text = f"+{calling_code}{rest}"
    got = phone(text, ANYWHERE)
    parsed = phonenumbers.parse(text)
    if normal(got) is None:
        placeholder = not rest.strip("0") or phonenumbers.national_significant_number(parsed).startswith("0")
        length = len(phonenumbers.format_number(parsed, PhoneNumberFormat.E164)) - 1
        possible = phonenumbers.is_possible_number_with_reason(parsed) == ValidationResult.IS_POSSIBLE
        assert placeholder or not 7 <= length <= 15 or not possible
    elif code(got) is None:
        assert f"+{got}" == phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
        assert phonenumbers.is_possible_number(parsed)


@settings(deadline=None)  # metadata is read on first use
@given(st.sampled_from(REGIONS), st.from_regex(r"0[0-9]{6,12}", fullmatch=True))
def test_a_national_number_with_a_leading_zero_is_what_phonenumbers_makes_of_it(region, text):
    got = phone(text, Setting(phone_country=region))
    if text.startswith("00") or code(got) is not None:
        return
    parsed = phonenumbers.parse(text, region)
    read_at_home = (
        phonenumbers.is_valid_number(parsed) and phonenumbers.format_number(parsed, PhoneNumberFormat.E164) == f"+{got}"
    )
    assert read_at_home or got == text.lstrip("0")


ASCII = st.characters(codec="ascii")  # a pattern's digits are those of all scripts: most would be drawn in vain


@settings(deadline=None)  # metadata is read on first use
@given(st.sampled_from(REGIONS), st.data())
def test_mobile_numbers_with_a_leading_zero_are_what_phonenumbers_makes_of_them(region, data):
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if not (plan.mobile and plan.mobile.national_number_pattern):
        return
    national = data.draw(st.from_regex(f"(?:{plan.mobile.national_number_pattern})", fullmatch=True, alphabet=ASCII))
    text = f"0{national}"
    got = phone(text, Setting(phone_country=region))
    try:
        parsed = phonenumbers.parse(text, region)
    except NumberParseException:  # the zero and what follows are the way abroad there, as 02 is on the Seychelles
        assert code(got) is not None
        return
    if phonenumbers.is_valid_number(parsed) and not text.startswith("00") and code(got) is None:
        assert f"+{got}" == phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def test_the_zero_of_an_italian_landline_stays():
    assert phone("+39 06 1234 5678", IN_INDONESIA) == "390612345678"
    assert phone("+39 (0)6 1234 5678", IN_INDONESIA) == "390612345678"
    assert phone("06 1234 5678", Setting(phone_country="IT")) == "390612345678"


def test_the_guides_own_number_needs_no_note():
    assert phone("628123456789", IN_INDONESIA) == "628123456789"


@pytest.mark.parametrize("country", [None, "", "ZZ"])
def test_a_national_number_without_a_country_is_never_guessed(country):
    reading = phone("0812-3456-7890", Setting(phone_country=country))
    assert normal(reading) is None
    assert code(reading) == "phone_no_country"


def test_a_foreign_whatsapp_id_is_read_as_international_with_a_note():
    reading = phone("14155552671", IN_INDONESIA)
    assert (normal(reading), code(reading)) == ("14155552671", "phone_read_as_international")
    reading = phone("6281234567890", ANYWHERE)
    assert (normal(reading), code(reading)) == ("6281234567890", "phone_read_as_international")


def test_digits_that_can_be_read_in_two_ways_say_which_was_taken():
    reading = phone("819012345678", IN_INDONESIA)  # Japan's +81 90 1234 5678, or Indonesia's 0819 0123 45678
    assert (normal(reading), code(reading)) == ("62819012345678", "phone_read_as_national")


def test_the_own_country_code_beats_an_unlikely_national_reading():
    assert phone("62812345678", IN_INDONESIA) == "62812345678"  # a short mobile number, not a landline in 0628
    reading = phone("62215551234", IN_INDONESIA)
    assert (normal(reading), code(reading)) == ("62215551234", "phone_read_as_international")


def test_a_country_code_behind_a_needless_zero_is_found():
    reading = phone("0628123456789", IN_INDONESIA)
    assert (normal(reading), code(reading)) == ("628123456789", "phone_read_as_international")


def test_mexicos_former_mobile_prefix_is_dropped_with_a_note():
    reading = phone("+5215512345678", IN_INDONESIA)
    assert (normal(reading), code(reading)) == ("525512345678", "phone_mobile_prefix_dropped")


@pytest.mark.parametrize(
    "text",
    [
        "6281234567890@s.whatsapp.net",
        "6281234567890:12@s.whatsapp.net",
        "6281234567890@c.us",
        "tel:+62-812-3456-7890;ext=5",
        "＋６２ 812 3456 7890",
        "+62\u00a0812\u20113456\u20117890",
        "\u202a+62 812-3456-7890\u202c",
        "+62.812.3456.7890",
        "+62 812 3456 7890 x12",
    ],
)
def test_one_number_in_many_spellings_is_one_number(text):
    assert phone(text, ANYWHERE) == "6281234567890"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "budi@example.com",
        "0812 or 0813",
        "120363012345678901@g.us",
        "1-800-FLOWERS",
        "+62+812",
        "62 812 3456 7890 / +62 813",
    ],
)
def test_what_is_no_number_is_left_out(text):
    assert code(phone(text, IN_INDONESIA)) == "phone_not_a_number"


@pytest.mark.parametrize(
    "text", ["+62", "+620000000000", "+10000000000", "+999123456789", "00", "+62812345678901234", "+1 5551234"]
)
def test_what_cannot_be_dialled_is_left_out(text):
    assert code(phone(text, IN_INDONESIA)) == "phone_not_possible"


@pytest.mark.parametrize("text", ["0000000", "012", "1234567", "0812345678901234567"])
def test_what_is_no_number_of_the_country_is_left_out(text):
    assert normal(phone(text, IN_INDONESIA)) is None
