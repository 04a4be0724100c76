"""From a customer to Meta's user_data, with a note on every value that was dropped."""

import hashlib
import uuid

import pytest

from konversi.events.conversion import Click, Client, Customer
from konversi.matching.match import match
from konversi.matching.report import report

SEEN_MS = 1_790_000_000_123
PHONE = "6281234567890"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def matched(customer=None, **others):
    return match(customer or Customer(), **{"country": "ID", "seen_ms": SEEN_MS} | others)


def codes(result):
    return [(note.about, note.code) for note in result.notes]


def test_the_guides_event_sends_phone_name_and_the_phone_as_external_id():
    result = matched(Customer(phone="628123456789", name="Test Customer"))
    assert result.user_data == {
        "ph": [sha256("628123456789")],
        "fn": [sha256("test")],
        "ln": [sha256("customer")],
        "external_id": [sha256("628123456789")],
    }
    assert result.notes == ()


def test_the_customers_own_external_id_comes_before_the_phone():
    result = matched(Customer(phone=PHONE, external_id=[" Cust 1", "CUST1", "b2"]))
    assert result.user_data["external_id"] == [sha256("cust1"), sha256("b2")]


def test_the_default_country_is_never_sent_as_the_customers():
    assert "country" not in matched(Customer(phone="0812-3456-7890")).user_data


def test_nothing_known_gives_nothing_and_no_notes():
    result = matched()
    assert (result.user_data, result.notes) == ({}, ())


def test_a_blank_value_is_a_missing_one():
    result = matched(Customer(phone=" ", name="", email=["", "  "], city="\u00a0", lead_id=" "), client=Client(ip=" "))
    assert (result.user_data, result.notes) == ({}, ())


def test_spellings_of_one_phone_are_sent_once_in_the_order_given():
    result = matched(Customer(phone=["+14155552671", "0812-3456-7890", "+62 812 3456 7890"]))
    assert result.user_data["ph"] == [sha256("14155552671"), sha256(PHONE)]


def test_one_bad_value_is_dropped_with_a_note_and_the_rest_stays():
    result = matched(Customer(phone=["911", "+62 812 3456 7890"], email="nobody", name="Budi"))
    assert set(result.user_data) == {"ph", "fn", "external_id"}
    assert codes(result) == [("customer.email", "email_not_valid"), ("customer.phone", "phone_not_valid")]


def test_the_same_complaint_is_noted_once():
    assert codes(matched(Customer(email=["a", "b"]))) == [("customer.email", "email_not_valid")]


def test_notes_stand_in_the_order_of_the_fields_whatever_they_are_about():
    customer = Customer(region="..", phone="911", name="..", email="nobody", country="Nowhere", city="..", gender="?")
    about = ["city", "country", "email", "gender", "name", "phone", "region"]
    assert [note.about for note in matched(customer).notes] == [f"customer.{field}" for field in about]


def test_customers_of_one_city_share_its_keys_and_nothing_else():
    first = matched(Customer(city="Bandung", email="budi@example.com")).user_data
    second = matched(Customer(city="Bandung", phone=PHONE)).user_data
    assert (set(first), set(second)) == ({"ct", "st", "em"}, {"ct", "st", "ph", "external_id"})
    assert first["ct"] == second["ct"] == [sha256("bandung")]


def test_no_note_quotes_a_value():
    secret = "s3cret-value"
    customer = Customer(**dict.fromkeys(set(Customer.model_fields) - {"preferences"}, secret))
    result = match(
        customer,
        click=Click(fbc=secret, fbp=secret, fbclid="s3cret value", ctwa_clid="s3cret value"),
        client=Client(ip=secret),
        country="ID",
        seen_ms=SEEN_MS,
    )
    assert len(result.notes) > 15
    assert "s3cret" not in repr(result.notes)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Budi", "budi", None),
        ("Budi Santoso", "budi", "santoso"),
        ("  Budi   Santoso Putra ", "budi", "santosoputra"),
        ("I Gusti Ngurah", "i", "gustingurah"),
        ("😀 Budi Santoso", "budi", "santoso"),
        ("Budi 😀", "budi", None),
        ("~ . Budi", "budi", None),
    ],
)
def test_a_full_name_is_its_first_word_and_the_rest(name, first, last):
    expected = {"fn": [sha256(first)]} | ({"ln": [sha256(last)]} if last else {})
    assert matched(Customer(name=name)).user_data == expected


def test_a_name_in_parts_is_not_overruled_by_the_full_name():
    assert matched(Customer(name="Somebody Else", first_name="I Gusti")).user_data == {"fn": [sha256("igusti")]}


def test_a_name_without_letters_leaves_a_note_about_the_name():
    assert codes(matched(Customer(name="😀 ..."))) == [("customer.name", "name_no_letters")]


def test_a_hashed_full_name_cannot_be_split():
    assert codes(matched(Customer(name=sha256("budi santoso")))) == [("customer.name", "name_hashed")]


@pytest.mark.parametrize("field", ["phone", "email", "first_name", "city", "external_id", "doby"])
def test_a_hash_is_passed_on_and_not_hashed_again(field):
    hashed = sha256("anything")
    key = {"phone": "ph", "email": "em", "first_name": "fn", "city": "ct"}.get(field, field)
    assert matched(Customer(**{field: f" {hashed.upper()} "})).user_data[key] == [hashed]


@pytest.mark.parametrize("appendix", ["AQ", "Bg", "AQQCAQIB"])
def test_a_hash_with_metas_appendix_is_passed_on_byte_for_byte(appendix):
    value = f"{sha256('budi').upper()}.{appendix}"
    assert matched(Customer(email=value)).user_data == {"em": [value]}


@pytest.mark.parametrize("appendix", ["XX", "AQQ", "aq", "AQQCAQIBA"])
def test_a_hash_with_another_appendix_is_none(appendix):
    assert matched(Customer(email=f"{sha256('budi')}.{appendix}")).user_data == {}


def test_an_md5_hash_is_left_out_of_identities():
    md5 = hashlib.md5(b"budi@example.com").hexdigest()
    result = matched(Customer(email=md5, phone=md5, first_name=md5, city=md5))
    assert result.user_data == {}
    assert {note.code for note in result.notes} == {"hash_not_sha256"}


def test_a_uuid_without_dashes_is_a_fine_external_id():
    value = uuid.UUID(int=2**127 + 12345).hex
    assert matched(Customer(external_id=value)).user_data == {"external_id": [sha256(value)]}


def test_metas_own_ids_are_sent_as_they_are():
    result = matched(
        Customer(
            lead_id="l:123456789012345",
            fb_login_id="1234567890",
            page_id=" 1020 ",
            page_scoped_user_id="77",
            ig_account_id="88",
            ig_sid="99",
            whatsapp_business_account_id="102290129340398",
            subscription_id="Sub-1",
            anon_id="XZ-1",
            madid="38400000-8cf0-11bd-b23e-10b96e40000d",
        )
    )
    assert result.user_data == {
        "lead_id": 123456789012345,
        "fb_login_id": 1234567890,
        "page_id": "1020",
        "page_scoped_user_id": "77",
        "ig_account_id": "88",
        "ig_sid": "99",
        "whatsapp_business_account_id": "102290129340398",
        "subscription_id": "Sub-1",
        "anon_id": "XZ-1",
        "madid": "38400000-8cf0-11bd-b23e-10b96e40000d",
    }
    assert result.notes == ()


def test_the_crms_own_number_is_no_lead_id():
    result = matched(Customer(lead_id=4711))
    assert codes(result) == [("customer.lead_id", "lead_id_not_metas")]


@pytest.mark.parametrize("field", ["page_id", "ig_sid", "fb_login_id", "whatsapp_business_account_id"])
def test_a_name_in_place_of_an_id_is_left_out(field):
    assert codes(matched(Customer(**{field: "my page"}))) == [(f"customer.{field}", "id_not_digits")]


def test_an_advertising_id_of_zeros_finds_nobody():
    assert codes(matched(Customer(madid=str(uuid.UUID(int=0))))) == [("customer.madid", "madid_limited")]


@pytest.mark.parametrize(
    ("ip", "sent"),
    [
        ("36.68.1.1", "36.68.1.1"),
        (" 2404:8000::1 ", "2404:8000::1"),
        ("::ffff:36.68.1.1", "36.68.1.1"),
        ("10.0.0.1", None),
        ("192.168.1.1", None),
        ("127.0.0.1", None),
        ("100.64.0.1", None),
        ("169.254.1.1", None),
        ("224.0.0.1", None),
        ("::1", None),
        ("fe80::1", None),
        ("2404:8000::1%eth0", None),
        ("::ffff:10.0.0.1", None),
        ("36.68.1.1, 10.0.0.1", None),
        ("36.68.1.1:443", None),
    ],
)
def test_only_a_public_address_is_sent(ip, sent):
    result = matched(client=Client(ip=ip, user_agent=" Mozilla/5.0 "))
    assert result.user_data.get("client_ip_address") == sent
    assert result.user_data["client_user_agent"] == "Mozilla/5.0"
    assert bool(result.notes) is (sent is None)


def test_the_report_tells_each_keys_fate():
    result = matched(
        Customer(phone=["0812-3456-7890", "911"], email="nobody", name="Budi"),
        click=Click(fbclid="a b", ctwa_clid="ARx"),
    )
    lines = {line.key: line for line in report(result)}
    assert (lines["ph"].state, lines["ph"].why is not None) == ("used", True)
    assert (lines["em"].state, lines["em"].about) == ("refused", "customer.email")
    assert (lines["fn"].state, lines["fn"].why) == ("used", None)
    assert (lines["ln"].state, lines["ln"].why) == ("missing", None)
    assert lines["fbc"].state == "refused"
    assert lines["ctwa_clid"].state == "used"
    assert lines["external_id"].state == "used"
    assert "stands in" in (lines["external_id"].why or "")
