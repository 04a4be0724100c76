"""The rows of a file, whatever kind it is: told by its contents, not by its name.

CSV and TSV are read as they come, however large they are. A workbook has to be unpacked whole, so its size has bounds.
No formula is ever run: of a workbook only what its cells last showed is read.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from python_calamine import CalamineError, CalamineWorkbook

from konversi.imports.encodings import decoded, encoding_of
from konversi.imports.faults import UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date, datetime, time, timedelta

    Parts: TypeAlias = Callable[[], Iterable[bytes]]  # the file from its start, each time it is called
    Cell: TypeAlias = str | int | float | bool | date | datetime | time | timedelta

LARGEST_FILE = 256 * 1_048_576  # bytes of CSV
LARGEST_WORKBOOK = 16 * 1_048_576  # bytes of XLSX
_LARGEST_UNPACKED = 128 * 1_048_576
_MOST_COLUMNS = 200
_SAMPLE = 64 * 1_024  # characters
_DELIMITERS = "\t;|,"  # where several cut evenly: commas also stand in words and numbers
_WORKBOOK, _OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_LINES_TRIED = 20
_HINT = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own


def rows_of(parts: Parts) -> Iterator[list[Cell]]:
    """Each row's cells, the column names first; empty rows as empty lists. Raises `UnreadableFile`."""
    head = next(iter(parts()), b"")
    if head.startswith(_WORKBOOK):
        return _of_workbook(parts)
    if head.startswith(_OLD_WORKBOOK):
        raise UnreadableFile("It is a workbook of an Excel before 2007. Save it as XLSX or CSV.")
    return _of_text(parts)


def _of_text(parts: Parts) -> Iterator[list[Cell]]:
    encoding = encoding_of(parts())
    text = decoded(parts(), encoding)
    sample = ""
    while len(sample) < _SAMPLE and (piece := next(text, None)) is not None:
        sample += piece
    if "\0" in sample:
        raise UnreadableFile("It is neither text nor a workbook.")
    reader = csv.reader(_lines(sample, text), delimiter=delimiter_of(sample))
    try:
        for row in reader:
            if len(row) > _MOST_COLUMNS:
                raise UnreadableFile(f"Row {reader.line_num} has over {_MOST_COLUMNS} columns.")
            yield [*row] if any(map(str.strip, row)) else []
    except csv.Error as error:
        raise UnreadableFile(f"Line {reader.line_num}: {error}.") from None


def _lines(sample: str, rest: Iterable[str]) -> Iterator[str]:
    """With their ends, as `csv` wants them. A piece's last line may go on in the next piece."""
    begun = _without_hint(sample)
    for piece in rest:
        *whole, begun = _cut(begun + piece) or [""]
        yield from whole
    yield from _cut(begun)


def _cut(text: str) -> list[str]:
    """At the ends of lines only: `splitlines` also cuts at what may stand in a cell."""
    return io.StringIO(text, newline="").readlines()


def _without_hint(sample: str) -> str:
    return sample.partition("\n")[2] if _HINT.match(sample) else sample


def delimiter_of(sample: str) -> str:
    """What most evenly cuts the first lines into the most columns."""
    if hint := _HINT.match(sample):
        return hint[1]

    def evenness(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in islice(csv.reader(_cut(sample), delimiter=delimiter), _LINES_TRIED) if row]
        width = widths[0] if widths else 0
        return (widths.count(width) if width > 1 else 0), width

    return max(_DELIMITERS, key=evenness)


def _of_workbook(parts: Parts) -> Iterator[list[Cell]]:
    packed = io.BytesIO()
    for part in parts():
        packed.write(part)
        if packed.tell() > LARGEST_WORKBOOK:
            raise UnreadableFile(f"A workbook of over {LARGEST_WORKBOOK >> 20} MB is not taken. Save it as CSV.")
    try:
        with zipfile.ZipFile(packed) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _LARGEST_UNPACKED:
            raise UnreadableFile("The workbook is too large once it is unpacked. Save the sheet as CSV.")
        packed.seek(0)
        workbook = CalamineWorkbook.from_filelike(packed)
        for row in workbook.get_sheet_by_index(0).iter_rows():
            cells: list[Cell] = [*row[:_MOST_COLUMNS]]
            yield cells if any(str(cell).strip() for cell in cells) else []
    except (zipfile.BadZipFile, CalamineError, IndexError, NotImplementedError) as error:
        raise UnreadableFile(f"The workbook is damaged or locked ({type(error).__name__}).") from None
