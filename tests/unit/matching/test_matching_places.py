"""Places in Indonesia: what people write, and the one name that goes to Meta."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.events.conversion import Customer
from konversi.matching import indonesia
from konversi.matching.letters import letters
from konversi.matching.match import match
from konversi.matching.places import city, region
from konversi.matching.reading import Remark, Setting

HOME = Setting(phone_country="ID")


def normal(reading):
    return reading.normal if isinstance(reading, Remark) else reading


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Jaksel", "jakartaselatan"),
        ("JAKSEL", "jakartaselatan"),
        ("Kota Jakarta Selatan", "jakartaselatan"),
        ("Kota Administrasi Jakarta Selatan", "jakartaselatan"),
        ("South Jakarta", "jakartaselatan"),
        ("Tangsel", "tangerangselatan"),
        ("Jogja", "yogyakarta"),
        ("Kota Yogya", "yogyakarta"),
        ("Solo", "surakarta"),
        ("Kota Bandung", "bandung"),
        ("Kab. Bandung", "bandung"),
        ("KAB BANDUNG", "bandung"),
        ("Kabupaten Sleman", "sleman"),
        ("Badung Regency", "badung"),
        ("Bandung City", "bandung"),
        ("Bandung, Jawa Barat", "bandung"),
        ("Malang, Jatim, Indonesia", "malang"),
        ("Ujung Pandang", "makassar"),
    ],
)
def test_a_city_is_understood_however_it_is_written(written, meant):
    assert normal(city(written, HOME)) == meant


@pytest.mark.parametrize(
    "name", ["Kotabaru", "Kotamobagu", "Kabanjahe", "Kota Agung", "Kota", "Kab", "Kuala Lumpur", "Ubud"]
)
def test_a_name_that_only_looks_like_a_kind_of_place_stays_as_it_is(name):
    assert city(name, HOME) == letters(name)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("DKI", "dkijakarta"),
        ("DKI Jakarta", "dkijakarta"),
        ("Jakarta", "dkijakarta"),
        ("DIY", "diyogyakarta"),
        ("Jabar", "jawabarat"),
        ("Prov. Jawa Barat", "jawabarat"),
        ("Provinsi Jateng", "jawatengah"),
        ("West Java Province", "jawabarat"),
        ("ID-JI", "jawatimur"),
        ("Sumut", "sumaterautara"),
        ("Sumatra Utara", "sumaterautara"),
        ("NTB", "nusatenggarabarat"),
        ("Kepri", "kepulauanriau"),
        ("Bali", "bali"),
        ("Provence", "provence"),
        ("California", "ca"),
    ],
)
def test_a_province_is_understood_however_it_is_written(written, meant):
    assert normal(region(written, HOME)) == meant


@pytest.mark.parametrize(
    "setting", [Setting(), Setting(phone_country="US"), Setting(phone_country="ID", customer_country="ph")]
)
def test_elsewhere_the_same_letters_are_another_place(setting):
    assert (city("Solo", setting), region("DIY", setting)) == ("solo", "diy")


def test_a_customer_in_indonesia_is_understood_wherever_the_business_is():
    assert normal(city("Jaksel", Setting(phone_country="US", customer_country="id"))) == "jakartaselatan"


def test_there_are_38_provinces_and_98_cities_each_under_one_name():
    assert len(indonesia.PROVINCES) == 38
    names = [name for province, others in indonesia.PROVINCES.items() for name in (province, *others)]
    cities = [city for some in indonesia.CITIES.values() for city in some]
    for every in (names, cities):
        assert len(every) == len(set(every))
        assert all(name == letters(name) for name in every)
    assert set(indonesia.CITIES) <= set(indonesia.PROVINCES)
    assert set(indonesia.CALLED.values()) <= set(cities)
    assert set(indonesia.CALLED).isdisjoint(cities)
    assert indonesia.OF_SEVERAL_PROVINCES.isdisjoint(cities)


def matched(country="ID", **given):
    return match(Customer(phone="+6281234567890", **given), country=country, seen_ms=0)


def test_a_city_tells_a_region_that_was_not_given():
    found = matched(city="Jaksel")
    assert found.user_data["st"] == [sha256(b"dkijakarta").hexdigest()]
    assert {note.code for note in found.notes} == {"place_spelled_out"}


@pytest.mark.parametrize("city", ["Banjar", "Depok", "Tebing Tinggi", "Ubud", "Singapore"])
def test_a_city_that_could_be_in_several_regions_tells_none(city):
    assert "st" not in matched(city=city).user_data


def test_what_stands_after_the_comma_tells_the_region_of_any_city():
    assert matched(city="Banjar, Kalsel").user_data["st"] == [sha256(b"kalimantanselatan").hexdigest()]


def test_a_region_that_was_given_stands_even_where_it_does_not_go_with_the_city():
    found = matched(city="Bandung", region="Jatim")
    assert found.user_data["st"] == [sha256(b"jawatimur").hexdigest()]


def test_a_city_tells_no_region_of_a_customer_elsewhere():
    at_home = Customer(phone="+6281234567890", city="Malang", country="NO")
    assert "st" not in match(at_home, country="ID", seen_ms=0).user_data
    assert "st" not in matched(city="Malang", country="NO").user_data


@given(st.text(max_size=60))
def test_any_text_is_read_to_a_normal_form_that_stays_when_it_is_read_again(text):
    place = indonesia.city(text)
    assert place.name == letters(place.name)
    again = indonesia.city(place.name)
    assert (
        again.name == place.name
        or place.name.startswith(("kota", "kabupaten"))
        or place.name.endswith(("city", "regency"))
    )
    assert place.province is None or place.province in indonesia.PROVINCES
    assert indonesia.province(text) in {None, *indonesia.PROVINCES}


@given(
    st.sampled_from(sorted({city for some in indonesia.CITIES.values() for city in some})),
    st.sampled_from(["{}", "Kota {}", "KOTA {}", "Kab. {}", "Kabupaten {}", "{}, Indonesia", " {} "]),
)
def test_every_city_is_the_same_with_and_without_its_kind(name, written):
    assert indonesia.city(written.format(name)).name == name
