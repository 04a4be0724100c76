"""The rules of every key: rows measured against Meta's own software, and worked examples with their hashes."""

import pytest

from konversi.events.conversion import Customer
from konversi.matching.explain import explain
from konversi.matching.match import match

ROWS = [
    ("ph", "0812-3456-7890", "6281234567890"),
    ("ph", "+62 0812 3456 7890", "6281234567890"),
    ("ph", "+44 (0)20 7183 8750", "442071838750"),
    ("ph", "006281234567890", "6281234567890"),
    ("ph", "whatsapp:+6281234567890", "6281234567890"),
    ("ph", "+1-555-123-4567 ext. 123", "15551234567"),
    ("ph", "12345", None),
    ("ph", "911", None),
    ("ph", "+٦٢ ٨١٢ ٣٤٥٦ ٧٨٩٠", "6281234567890"),
    ("ph", "٠٨١٢٣٤٥٦٧٨٩٠", "6281234567890"),
    ("fn", "O'Connor", "oconnor"),
    ("fn", "Mary Jane", "maryjane"),
    ("fn", "VALÉRY", "val\u00e9ry"),
    ("fn", "VALE\u0301RY", "val\u00e9ry"),
    ("fn", "John😀", "john"),
    ("fn", "Mary–Jane", "maryjane"),
    ("fn", "Dr. Budi", "drbudi"),
    ("db", "2/16/1997", "19970216"),
    ("db", "02-03-1990", "19900203"),
    ("ge", "Male", "m"),
    ("ct", "São Paulo", "s\u00e3opaulo"),
    ("ct", "東京", "東京"),
    ("ct", "Yogyakarta 55281", "yogyakarta"),
    ("st", "California", "ca"),
    ("st", "Jawa Barat", "jawabarat"),
    ("zp", "M1 1AE", "m11ae"),
    ("zp", "94035-1234", "94035"),
    ("zp", "01310-100", "01310"),
    ("country", "Indonesia", "id"),
    ("country", "Republic of Indonesia", "id"),
    ("country", "UK", "gb"),
    ("country", "Wakanda", None),
    ("external_id", " Cust 1", "cust1"),
    ("em", "tést@gmail.com", None),
    ("em", "John <j@x.com>", None),
]

WORKED = [
    (
        "em",
        "John_Smith@gmail.com",
        "john_smith@gmail.com",
        "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
    ),
    (
        "em",
        "  Budi.Santoso@Gmail.COM ",
        "budi.santoso@gmail.com",
        "ef8861d0bf266232cfe5e2d72bae0ea17822505e14fa484ff55efa2d426e3c10",
    ),
    ("ph", "0812-3456-7890", "6281234567890", "dd752605096029a73495a91862983963e1947a834a4300808074185af10bb725"),
    ("ph", "+62 812-3456-7890", "6281234567890", "dd752605096029a73495a91862983963e1947a834a4300808074185af10bb725"),
    ("ph", "+62 (0)812 3456 7890", "6281234567890", "dd752605096029a73495a91862983963e1947a834a4300808074185af10bb725"),
    ("fn", "Mary", "mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
    ("fn", "정", "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    ("fn", "Valéry", "valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
    ("fn", "Budi", "budi", "24263bfaefb124c488c2f5e63d1d30b418f51d0d6f5b380aa1956ec40ea57278"),
    ("fn", "O'Connor", "oconnor", "7a0fbfdf40cbeb97429bdb88f512cecd27f0d44b7e57986ab578423bb61936ac"),
    ("fn", "I Gusti Ngurah", "igustingurah", "b4e9d08ee0d8b70d239eb89e345469a055d1ed8da5b99b86324e7b5f5dfa78c3"),
    ("ln", "van der Berg", "vanderberg", "aad607ca3121d5d843c2cd64e8c73c2a24fa3a4cb890ed8d40a1efa8af7a14d5"),
    ("ge", "Male", "m", "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a"),
    ("ge", "F", "f", "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"),
    ("db", "2/16/1997", "19970216", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
    ("db", "1990-03-05", "19900305", "a7663f6fe2f644ca345cc01fb4e805e7f2fcbe7c8bb50e8a56b313229cc53563"),
    ("ct", "New York", "newyork", "350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5"),
    ("ct", "Jakarta Selatan", "jakartaselatan", "cbbdd67afe7769ef5c217e5ffb72ce10ae8b9765010f41ac1adcb647c93a9df2"),
    ("ct", "Denpasar", "denpasar", "9fd732854cf6c6fb115280ce249ebc91469fba9bde54a3902f3f479538abbc4a"),
    ("ct", "São Paulo", "sãopaulo", "3eda1428ae1aece064071f8d40f08fe2bc59ffa66c171a163caf15122ec4d7f0"),
    ("st", "California", "ca", "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126"),
    ("st", "DKI Jakarta", "dkijakarta", "fa274ec18046f967149d2f50fad3c8b823f8edaf17e82738f33cb544d1770bdb"),
    ("st", "Bali", "bali", "c0a46612b21b1d9ea3c212a9c8b40a90b7aa629dc36ab8f36cd9f31e40bc9ed6"),
    ("zp", "94035-1234", "94035", "1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e"),
    ("zp", "12190", "12190", "1a29cb216b6e4e040bb1b3cefd9aabd234672de9853d5ef12e4b7127fc1f1607"),
    ("zp", "M1 1AE", "m11ae", "1dc694c2070e697769fb959b50671d76cafd430d8ca191fbdd0affcaea344ac5"),
    ("country", "Indonesia", "id", "a56145270ce6b3bebd1dd012b73948677dd618d496488bc608a3cb43ce3547dd"),
    ("country", "United States", "us", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
    ("external_id", " Cust_1234 ", "cust_1234", "a633811faa0a14d0ec8f379bc8efb21d3aeed9cc17935f4f4604eeb7eac5f88c"),
    ("f5first", "George", "georg", "d6e075ad15048c12f2974d121a25c3d9fc5898072c7a4236fe5245d342a41c7d"),
    ("f5last", "Washington", "washi", "9d2d55c43c373dd682cd3825b74f8de58c3ca0ba011471230d7a5eff939bd544"),
    ("fi", "George", "g", "cd0aa9856147b6c5b4ff2b7dfee5da20aa38253099ef1b4a64aced233c9afe29"),
    ("dobd", "5", "05", "c97550ce8213ef5cf6ed4ba48790c137df3ef6a5da20b48961001a634b6cead2"),
    ("dobm", "3", "03", "0b8efa5a3bf104413a725c6ff0459a6be12b1fd33314cbb138745baf39504ae5"),
    ("doby", "1990", "1990", "a7be8e1fe282a37cd666e0632b17d933fa13f21addf4798fc0455bc166e2488c"),
]


@pytest.mark.parametrize(("key", "value", "normal"), ROWS)
def test_each_value_gets_the_gateways_normal_form(key, value, normal):
    assert explain(key, value, "ID").normalized == normal


@pytest.mark.parametrize(("key", "value", "normal", "sha256"), WORKED)
def test_each_worked_example_gives_its_hash(key, value, normal, sha256):
    explained = explain(key, value, "ID")
    assert (explained.normalized, explained.sha256, explained.note is None) == (normal, sha256, True)


def test_a_local_american_number_gives_the_hash_of_the_worked_example():
    explained = explain("phone", "(650)555-1212", "US")
    assert explained.normalized == "16505551212"
    assert explained.sha256 == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"


@pytest.mark.parametrize(("key", "value", "normal"), [row for row in ROWS if row[2] is None])
def test_a_refused_value_says_why_and_what_to_do_without_quoting_it(key, value, normal):
    explained = explain(key, value, "ID")
    assert explained.sha256 is None
    assert explained.note
    assert "left out" in explained.note
    assert value not in explained.note


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("19900305", "19900305"),
        ("1990/3/5", "19900305"),
        ("1990-03-05T00:00:00Z", "19900305"),
        ("16/02/1997", "19970216"),
        ("03.03.1990", "19900303"),
        ("1899-12-31", None),
        ("1990-02-30", None),
        ("31/31/1990", None),
        ("199035", None),
        ("5 March 1990", None),
        ("1990", None),
    ],
)
def test_dates_of_birth_are_read_or_refused(value, normal):
    assert explain("birth_date", value, None).normalized == normal


def test_a_date_that_could_be_read_both_ways_leaves_a_note():
    assert "month first" in (explain("birth_date", "02-03-1990", None).note or "")
    assert explain("birth_date", "16-03-1990", None).note is None
    assert explain("birth_date", "03-03-1990", None).note is None


def test_nobody_is_born_after_the_conversion():
    seen_ms = 1_790_000_000_000  # September 2026
    assert match(Customer(birth_date="2026-09-01"), country=None, seen_ms=seen_ms).user_data
    (note,) = match(Customer(birth_date="2027-01-01", doby="2027"), country=None, seen_ms=seen_ms).notes[:1]
    assert (note.about, note.code) == ("customer.birth_date", "birth_date_not_valid")


@pytest.mark.parametrize("word", ["male", "M", "Laki-laki", "laki laki", "PRIA", "l", "Cowok", "Mr."])
def test_words_for_men_become_m(word):
    assert explain("gender", word, None).normalized == "m"


@pytest.mark.parametrize("word", ["female", "F", "Perempuan", "wanita", "P", "Ms", "Mrs."])
def test_words_for_women_become_f(word):
    assert explain("gender", word, None).normalized == "f"


def test_an_unknown_gender_is_left_out():
    assert "Send m or f" in (explain("gender", "unknown", None).note or "")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("IDN", "id"),
        ("usa", "us"),
        ("United Kingdom", "gb"),
        ("Amerika Serikat", "us"),
        ("Cote d'Ivoire", "ci"),
        ("Côte d’Ivoire", "ci"),
        ("Curacao", "cw"),
        ("South Korea", "kr"),
        ("Korea Selatan", "kr"),
        ("Niger", "ne"),
        ("Nigeria", "ng"),
        ("Türkiye", "tr"),
        ("U.S.A.", "us"),
        ("EU", None),
        ("ZZ", None),
        ("XK", None),
        ("Indonesia Raya", None),
    ],
)
def test_countries_are_known_by_code_or_whole_name_only(value, code):
    assert explain("country", value, None).normalized == code


def test_a_namesake_of_an_american_state_elsewhere_keeps_its_name():
    in_bulgaria = match(Customer(region="Montana", country="BG"), country="ID", seen_ms=0).user_data["st"]
    assert in_bulgaria == [explain("first_name", "montana", None).sha256]
    assert in_bulgaria != match(Customer(region="Montana", country="USA"), country="ID", seen_ms=0).user_data["st"]


def test_an_american_postal_code_of_nine_digits_keeps_five():
    american = match(Customer(postal_code="940351234", country="US"), country=None, seen_ms=0).user_data["zp"]
    assert american == [explain("zp", "94035", None).sha256]
    elsewhere = match(Customer(postal_code="940351234", country="BR"), country=None, seen_ms=0).user_data["zp"]
    assert elsewhere == [explain("zp", "940351234", None).sha256]


@pytest.mark.parametrize("name", ["😀😀", "...", "6281234567890", "~"])
def test_a_name_without_letters_is_left_out(name):
    assert explain("first_name", name, None).sha256 is None


@pytest.mark.parametrize(
    ("fancy", "plain"),
    [
        ("𝓑𝓾𝓭𝓲", "budi"),
        ("Budi❤️", "budi"),
        ("Budi™", "budi"),
        ("Ｂｕｄｉ", "budi"),
        ("1️⃣ Budi", "1budi"),
        ("Bu\u200bdi", "budi"),
    ],
)
def test_the_fancy_letters_of_chat_profiles_become_plain_ones(fancy, plain):
    assert explain("first_name", fancy, None).normalized == plain


@pytest.mark.parametrize(
    "address",
    ["a@b", "a b@c.com", "@c.com", "a@@c.com", "a@c..com", "a@c.com,b@c.com", "a@-c.com", "x" * 250 + "@c.com"],
)
def test_what_is_not_one_plain_address_is_left_out(address):
    assert explain("email", address, None).sha256 is None
