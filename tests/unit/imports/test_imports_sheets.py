"""Files as spreadsheets and shops write them."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konversi.imports.encodings import encoding_of
from konversi.imports.faults import UnreadableFile
from konversi.imports.sheets import delimiter_of, rows_of

TABLE = [["Tanggal", "No HP", "Nama"], ["13/11/2026", "0812-3456-7890", "Citra Ayu…"], ["14/11/2026", "0813", "Zoë"]]


def cut(data, size):
    return lambda: (data[start : start + size] for start in range(0, len(data), size))


def written(rows, delimiter=";", end="\r\n"):
    return end.join(delimiter.join(row) for row in rows) + end


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_the_same_in_every_encoding_and_with_every_delimiter(encoding, delimiter):
    data = written(TABLE, delimiter).encode(encoding)
    assert list(rows_of(cut(data, 1 << 20))) == TABLE


@given(size=st.integers(min_value=4, max_value=70), end=st.sampled_from(["\r\n", "\n", "\r"]))
def test_where_a_file_is_cut_into_pieces_makes_no_difference(size, end):
    rows = [*TABLE, ["x", 'He said "no"', "two\nlines"]]
    text = end.join(";".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows)
    assert list(rows_of(cut(text.encode(), size))) == rows


def test_a_letter_far_down_tells_windows_from_utf_8():
    data = b"name\n" + b"Budi\n" * 50_000 + "Zoë\n".encode("cp1252")
    assert encoding_of(cut(data, 65_536)()) == "cp1252"
    assert list(rows_of(cut(data, 65_536)))[-1] == ["Zoë"]


def test_a_line_separator_of_unicode_is_no_end_of_a_row():
    assert list(rows_of(cut("a;b\nx\u2028y;\x85z\n".encode(), 1 << 20)))[1] == ["x\u2028y", "\x85z"]


def test_excels_hint_is_heeded_and_is_no_row():
    assert list(rows_of(cut(b"sep=|\r\na|b\r\n1|2;3\r\n", 1 << 20))) == [["a", "b"], ["1", "2;3"]]


def test_rows_without_anything_are_empty():
    assert list(rows_of(cut(b"a;b\n;\n  ; \n1;2\n", 1 << 20))) == [["a", "b"], [], [], ["1", "2"]]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,5\n", ","),
        ("name;total\nBudi;1,5\nAni;2,5\n", ";"),
        ("a\tb, c\n1\t2, 3\n", "\t"),
        ('"a, b";c\n"1, 2, 3";4\n', ";"),
    ],
)
def test_the_delimiter_is_what_cuts_evenly(text, delimiter):
    assert delimiter_of(text) == delimiter


@pytest.mark.parametrize(
    "data",
    [
        b"\xd0\xcf\x11\xe0 an old workbook",
        b"PK\x03\x04 no archive",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"a;b\n" + b";" * 300,
    ],
    ids=["an old workbook", "a broken archive", "a picture", "hundreds of columns"],
)
def test_what_is_no_table_is_refused_with_a_remedy(data):
    with pytest.raises(UnreadableFile) as refused:
        list(rows_of(cut(data, 1 << 20)))
    assert "Send CSV" in str(refused.value)


def test_a_quote_that_is_never_closed_swallows_a_little_and_no_more():
    with pytest.raises(UnreadableFile):
        list(rows_of(cut(b'a;b\n"x;' + b"y;z\n" * 100_000, 65_536)))


def workbook(cells, others=b""):
    """The smallest XLSX: inline cells only."""
    row = "".join(
        f'<c r="{chr(65 + index)}1" t="inlineStr"><is><t>{cell}</t></is></c>' for index, cell in enumerate(cells)
    )
    files = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
        "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">{row}</row><row r="2"><c r="A2"><v>6281234567890</v></c><c r="B2"><f>HYPERLINK("http://evil")</f><v>150000</v></c></row></sheetData></worksheet>',
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        if others:
            archive.writestr("xl/media/image1.bin", others)
    return packed.getvalue()


def test_a_workbook_gives_what_its_cells_show_and_runs_nothing():
    assert list(rows_of(cut(workbook(["HP", "Total"]), 1_000))) == [["HP", "Total"], [6281234567890.0, 150000.0]]


def test_a_workbook_that_unpacks_to_more_than_it_may_is_refused_before_it_is_unpacked():
    with pytest.raises(UnreadableFile, match="too large once it is unpacked"):
        list(rows_of(cut(workbook(["HP"], b"\0" * (129 << 20)), 1 << 20)))
