"""What tells who somebody is among data that isn't meant to, and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.matching.guard import OF_A_THING, tells_who
from konversi.matching.language import language


def told(name, value):
    return tells_who(name, value, "ID")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", "telp 081234567890"),
        ("note", "hp:081234567890."),
        ("note", "0812-3456-7890"),
        ("note", "0812 3456 7890 2 orang"),
        ("note", "+62 812 3456 7890"),
        ("note", "628123456789"),
        ("note", "(021) 555-1234"),
        ("note", "０８１２３４５６７８９０"),
        ("note", "٠٨١٢٣٤٥٦٧٨٩٠"),
        ("note", "0812\u200b3456\u200b7890"),
        ("note", "0812\u20133456\u20137890"),
        ("note", "https://wa.me/628123456789"),
        ("note", "628123456789@s.whatsapp.net"),
        ("phone", 628123456789),
        ("no_hp", "6281234567890"),
        ("customer_id", "628123456789"),
        ("order", "+6281234567890"),
        ("note", "budi.santoso@example.co.id"),
        ("order_id", "budi@example.com"),
        ("budi@example.com", True),
        ("081234567890", "vip"),
        ("notes", ["rapi", "0812 3456 7890"]),
        ("notes", {"deep": [{"er": "mail a.b@c.co"}]}),
        ("notes", {"budi@example.com": 1}),
    ],
)
def test_an_email_or_a_phone_is_found_in_values_and_names_however_deep(name, value):
    assert told(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("booking_id", "628123456789"),
        ("order_number", "081234567890"),
        ("ref", "628123456789"),
        ("note", "BK-628123456789"),
        ("note", "INV/2026/081234567890"),
        ("note", "x081234567890"),
        ("price", 628123456789),
        ("anything", 628123456789),
        ("note", "628.123.456.789"),
        ("note", "Rp 1.500.000"),
        ("note", "150000"),
        ("at", "1795000000"),
        ("note", "1795000000123"),
        ("note", "2026-11-29 10:30"),
        ("note", "29/11/2026 10:30"),
        ("hours", "08.00-17.00"),
        ("note", "3174012345678901"),
        ("handle", "@konversi.id"),
        ("note", "2 pcs @ 150.000"),
        ("map", "https://maps.example.com/a/081234567890"),
        ("plate", "B 1234 ABC"),
        ("vip", True),
        ("rating", 4.5),
        ("notes", ["Ani", {"size": "XL"}]),
        ("contact", "WhatsApp"),
    ],
)
def test_prices_times_and_numbers_of_things_are_no_phones(name, value):
    assert not told(name, value)


MOBILES = st.from_regex(r"8(?:1[1-9]|5[2-9]|7[78]|9[5-9])[0-9]{7}", fullmatch=True)
FORMS = ["+62{}", "+62 {}", "0{}", "62{}", "wa.me/62{}", "telp 0{}", "62{}@c.us", "(0{})", "hubungi 0{}, ya"]
WORDS = st.text(st.characters(codec="ascii", categories=["L", "Zs"]), max_size=20)


@given(MOBILES, st.sampled_from(FORMS), WORDS, WORDS)
def test_any_indonesian_mobile_number_is_found_in_any_usual_form(digits, form, before, after):
    assert told("note", f"{before} {form.format(digits)} {after}")
    assert told("notes", {"one": [form.format(digits)]})


@given(st.emails(), WORDS, WORDS)
def test_any_plain_email_address_is_found(address, before, after):
    if any(mark in address for mark in "'(),;:<>\"/") or not address.rpartition(".")[2].isalpha():
        return  # an address that no customer has
    assert told("note", f"{before} {address} {after}")


@given(st.integers(0, 10**15), st.sampled_from(sorted(OF_A_THING)), st.sampled_from(["{}", "BK-{}", "#{}", "INV{}"]))
def test_a_number_of_a_thing_is_never_taken_for_a_phone(number, name, form):
    assert not told(name, form.format(number))
    assert not told("whatever", number)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=30), ANYTHING, st.sampled_from([None, "ID", "US", "XX"]))
def test_anything_at_all_is_judged_without_a_fault(name, value, country):
    assert tells_who(name, value, country) in (True, False)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("id", "id"), ("id-ID", "id"), ("EN_us", "en"), ("in", "id"), ("Bahasa Indonesia", "id"), ("Indonesian", "id"),
        ("Inggris", "en"), ("日本語", "ja"), ("Bahasa Jawa", "jv"), ("xx", None), ("Klingon", None), ("", None),
    ],
)  # fmt: skip
def test_a_language_is_known_by_its_tag_and_by_its_names(said, code):
    assert language(said) == code
