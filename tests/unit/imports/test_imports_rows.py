"""What a row reports: columns by name, spoiled cells, dates and amounts."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.events.faults import Fault
from konversi.imports import cells, dates
from konversi.imports.cells import amount, phone, several, text
from konversi.imports.columns import guess
from konversi.imports.dates import Order, moment, order_of
from konversi.imports.faults import UnusableColumns
from konversi.imports.mapping import Wishes, from_json, mapped, zone_of
from konversi.imports.rows import read

JAKARTA = ZoneInfo("Asia/Jakarta")
DAY, MONTH = Order.DAY_FIRST, Order.MONTH_FIRST


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("Tanggal;No. HP;Nama Pelanggan;Layanan;Total Harga;Kode Booking", "occurred_at phone name service value booking_id"),
        ("Tgl Transaksi;Nomor WhatsApp;Nama Lengkap;Jasa;Nominal (Rp);No Nota", "occurred_at phone name service value booking_id"),
        ("Date;Time;Phone Number;First Name;Last Name;Email;Amount;Currency", "occurred_at time phone first_name last_name email value currency"),
        ("order_id;completed_at;customer_email;City;State;Zip Code;Country", "booking_id occurred_at email city region postal_code country"),
        ("Kota/Kabupaten;Provinsi;Kode Pos;Jenis Kelamin;Tgl Lahir;Cabang", "city region postal_code gender birth_date source"),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names_in_english_and_indonesian(header, fields):
    titles = header.split(";")
    assert guess(titles, []) == {field: index for index, field in enumerate(fields.split())}


@pytest.mark.parametrize(
    ("header", "cells", "name", "category"),
    [
        ("Layanan;Kategori", ["Peeling", "Facial"], "Peeling", "Facial"),
        ("Product Category;Product", ["Facial", "Peeling"], "Peeling", "Facial"),
        ("Kategori Layanan;Cabang", ["Facial", "Bandung"], "Facial", "Facial"),
        ("Layanan;Kategori", ["Peeling", ""], "Peeling", None),
    ],
)
def test_a_service_has_its_category_and_its_name_where_nothing_else_is_said(header, cells, name, category):
    titles, row = ["Tanggal", "HP", *header.split(";")], ["13/11/2026", "081234567890", *cells]
    reading = mapped(titles, [row], Wishes(), country="ID", currency="IDR")
    (service,) = read(2, row, reading, JAKARTA).conversion.services
    assert (service.name, service.category) == (name, category)


def test_a_category_that_is_a_formula_refuses_its_row():
    row = ["13/11/2026", "081234567890", "Peeling", "=1+1"]
    reading = mapped(["Tanggal", "HP", "Layanan", "Kategori"], [row], Wishes(), country="ID", currency="IDR")
    assert [fault.code for fault in read(2, row, reading, JAKARTA).faults] == ["formula"]


def test_a_column_without_a_telling_name_is_known_by_what_stands_in_it():
    sample = [["0812-3456-7890", "budi@example.com", "x"], ["+62 813 0000 1111", "ani@example.co.id", "y"]]
    assert guess(["A", "B", "C"], sample) == {"phone": 0, "email": 1}


def test_several_phones_and_addresses_come_from_one_cell_and_from_second_columns():
    header = ["Tanggal", "No HP", "HP 2", "Email", "Email 2", "Bahasa"]
    row = [
        "13/11/2026",
        "0812-3456-7890 / 0813-1111-2222",
        "6.281234567891E+12",
        "a@x.id; b@x.id",
        "c@x.id",
        "Indonesia",
    ]
    reading = mapped(header, [row], Wishes(), country="ID", currency="IDR")
    customer = read(2, row, reading, JAKARTA).conversion.customer
    assert customer.phone == ["0812-3456-7890", "0813-1111-2222", "6281234567891"]
    assert customer.email == ["a@x.id", "b@x.id", "c@x.id"]
    assert customer.language == "Indonesia"


@pytest.mark.parametrize("cell", ["021/5551234", "0812-3456-7890", "+62 812 3456 7890, Budi"])
def test_a_cell_that_holds_one_phone_stays_whole(cell):
    assert several(cell, "phone") == [cell]


def test_the_users_own_columns_win():
    header, sample = ["Tanggal", "HP", "HP Istri"], [["13/11/2026", "0812", "0813"]]
    reading = mapped(header, sample, Wishes(columns={"phone": "hp istri"}), country="ID", currency="IDR")
    assert reading.columns == {"occurred_at": 0, "phone": 2}


@pytest.mark.parametrize(
    ("header", "wishes", "said"),
    [
        (["Tanggal", "Catatan"], Wishes(), "phone"),
        (["HP", "Catatan"], Wishes(), "when"),
        (["HP", "Tanggal"], Wishes(columns={"phone": "Nomor"}), "no column 'Nomor'"),
        (["HP", "Tanggal"], Wishes(columns={"shoe": "HP"}), "no field"),
        (["HP", "Tanggal"], Wishes(time_zone="Bandung"), "no time zone"),
    ],
)
def test_columns_that_do_not_do_are_refused_by_what_is_missing(header, wishes, said):
    with pytest.raises(UnusableColumns, match=said):
        mapped(header, [], wishes, country="ID", currency="IDR")


def test_a_country_with_several_time_zones_needs_a_word():
    assert (zone_of(None, "ID"), zone_of(None, "SG")) == ("Asia/Jakarta", "Asia/Singapore")
    with pytest.raises(UnusableColumns):
        zone_of(None, "US")


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        ("0812-3456-7890", "0812-3456-7890"),
        (81234567890.0, "81234567890"),  # a lost zero: the country's plan puts it back
        ("81234567890.0", "81234567890"),
        ('="081234567890"', "081234567890"),
        ("'081234567890", "081234567890"),
        ("6.281234567890E+12", "6281234567890"),
        ("6,281234567890E12", "6281234567890"),
        ("", ""),
    ],
)
def test_a_spoiled_phone_is_repaired_where_that_is_certain(cell, digits):
    assert phone(cell) == digits


@pytest.mark.parametrize("cell", ["6.28123E+12", "6,28E+12", "6E+12"])
def test_a_phone_that_lost_digits_is_refused(cell):
    assert phone(cell).code == "phone_cut_by_spreadsheet"


@pytest.mark.parametrize("cell", ['=HYPERLINK("http://evil")', "=1+1", "=cmd|' /C calc'!A0"])
def test_a_formula_is_never_run_and_never_sent(cell):
    assert text(cell, "source").code == "formula"


@pytest.mark.parametrize(
    ("cell", "rupiah", "dollars"),
    [
        (150000, 150000, 150000),
        ("150000", 150000, 150000),
        ("Rp 150.000", 150000, None),
        ("Rp150.000,-", 150000, None),
        ("IDR 1.500.000", 1500000, 1500000),
        ("1,500,000.50", 1500000.5, 1500000.5),
        ("1.500.000,50", 1500000.5, 1500000.5),
        ("99.50", 99.5, 99.5),
        ("99,5", 99.5, 99.5),
        ("1.500", 1500, None),  # fifteen hundred, or one and a half
        ("1 500 000", 1500000, 1500000),
        (12.5, 12.5, 12.5),
        ("-5", None, None),
        ("lunas", None, None),
        ("1e400", None, None),
        (float("nan"), None, None),
        (True, None, None),
    ],
)
def test_an_amount_is_read_where_there_is_one_way_to_read_it(cell, rupiah, dollars):
    for decimals, meant in ((0, rupiah), (2, dollars)):
        found = amount(cell, decimals)
        assert (None if isinstance(found, Fault) else found) == meant


@given(st.integers(min_value=0, max_value=10**15), st.sampled_from([".", ",", " "]))
def test_grouping_never_changes_an_amount_of_rupiah(value, mark):
    assert amount(f"{value:,}".replace(",", mark), 0) == value


@given(st.text(max_size=30))
def test_whatever_stands_in_a_cell_is_read_or_refused(said):
    for reader in (lambda: amount(said, 0), lambda: phone(said), lambda: moment(said, said, DAY, JAKARTA)):
        reader()


def at(*parts):
    return int(datetime(*parts, tzinfo=JAKARTA).timestamp())


@pytest.mark.parametrize(
    ("day", "clock", "order", "meant"),
    [
        ("13/11/2026", None, DAY, at(2026, 11, 13, 12)),
        ("5/11/2026", None, DAY, at(2026, 11, 5, 12)),
        ("5/11/2026", None, MONTH, at(2026, 5, 11, 12)),
        ("5/11/26 14.30", None, DAY, at(2026, 11, 5, 14, 30)),
        ("2026-11-05", None, MONTH, at(2026, 11, 5, 12)),
        ("2026-11-05 14:30:15", None, DAY, at(2026, 11, 5, 14, 30, 15)),
        ("2026-11-05", "14:30", DAY, at(2026, 11, 5, 14, 30)),
        ("5 Nopember 2026", None, DAY, at(2026, 11, 5, 12)),
        ("Kamis, 5 Agustus 2026 pukul 09.15 WIB", None, DAY, at(2026, 8, 5, 9, 15)),
        ("5-Mei-2026", "2:05 pm", DAY, at(2026, 5, 5, 14, 5)),
        (datetime.fromisoformat("2026-11-05 14:30"), None, DAY, at(2026, 11, 5, 14, 30)),
        (datetime.fromisoformat("2026-11-05"), time(8, 30), DAY, at(2026, 11, 5, 8, 30)),
        (date(2026, 11, 5), timedelta(hours=8), DAY, at(2026, 11, 5, 8)),
        ("2026-11-05T14:30:00+07:00", None, DAY, "2026-11-05T14:30:00+07:00"),
        ("", None, DAY, None),
    ],
)
def test_a_date_is_read_in_the_columns_order_and_the_files_zone(day, clock, order, meant):
    assert moment(day, clock, order, JAKARTA) == meant


@pytest.mark.parametrize("day", ["31/2/2026", "13/13/2026", "kemarin", 46000.5, "5/11/2026 25:00", "99999"])
def test_what_is_no_date_is_refused(day):
    assert moment(day, None, DAY, JAKARTA).code == "bad_time"


def test_one_date_settles_the_order_of_the_whole_column():
    assert order_of(["5/6/2026", "6/13/2026"], DAY) is MONTH
    assert order_of(["5/6/2026", "13/6/2026"], MONTH) is DAY
    assert order_of(["5/6/2026", "2026-06-13", None], DAY) is DAY


def reading(header, **wishes):
    return mapped(header.split(";"), [], Wishes(**wishes), country="ID", currency="IDR")


def test_a_row_becomes_a_conversion_in_a_shop():
    columns = reading("Tanggal;HP;Nama;Layanan;Total;Kode Booking;Cabang")
    row = read(
        2, ["13/11/2026", "0812-3456-7890", "Budi", "Repaint", "Rp 150.000", "BK-1", "Bandung"], columns, JAKARTA
    )
    told = row.conversion
    assert (told.event, told.channel, told.value, told.currency) == ("Purchase", "store", 150000, "IDR")
    assert (told.booking_id, told.source, told.services[0].name) == ("BK-1", "Bandung", "Repaint")
    assert told.occurred_at == datetime(2026, 11, 13, 5, tzinfo=UTC).timestamp()
    assert (told.customer.phone, told.customer.name, row.faults) == ("0812-3456-7890", "Budi", ())


def test_a_cell_that_is_far_too_long_is_refused_and_not_remembered():
    text = "9" * 100_000
    before = cells._written.cache_info(), dates._written.cache_info()
    assert amount(text, 0).code == "bad_amount"
    assert moment(text, None, DAY, JAKARTA).code == "bad_time"
    assert (cells._written.cache_info(), dates._written.cache_info()) == before
    assert moment("2026-11-23", text, DAY, JAKARTA) == moment("2026-11-23", "no time", DAY, JAKARTA)


def test_without_amounts_rows_are_leads_and_the_files_own_event_wins():
    assert reading("Tanggal;HP").event == "Lead"
    assert (
        read(2, ["13/11/2026", "0812", "Schedule"], reading("Tanggal;HP;Event"), JAKARTA).conversion.event == "Schedule"
    )


def test_a_spoiled_cell_about_the_customer_is_left_out_and_said():
    row = read(2, ["13/11/2026", "6.28E+12", "budi@example.com"], reading("Tanggal;HP;Email"), JAKARTA)
    assert (row.conversion.customer.phone, row.conversion.customer.email) == (None, "budi@example.com")
    assert [fault.code for fault in row.faults] == ["phone_cut_by_spreadsheet"]


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        (["", "0812", "1"], "occurred_at"),
        (["13/11/2026", "0812", "gratis"], "value"),
        (["13/11/2026", "0812", "1", "=A1"], "booking_id"),
        (["13/11/2026", "0812", "1", "x" * 201], "booking_id"),
        (["13/11/2026"], None),
    ],
)
def test_a_row_without_a_date_or_with_a_bad_amount_is_refused_by_field(cells, field):
    row = read(2, cells, reading("Tanggal;HP;Total;Kode Booking"), JAKARTA)
    assert [fault.field for fault in row.faults] == ([field] if field else [])


def test_a_reading_is_kept_and_read_again_as_it_was():
    one = reading("Tanggal;HP;Total", event="Purchase", dataset="123456")
    assert from_json(one.as_json()) == one
