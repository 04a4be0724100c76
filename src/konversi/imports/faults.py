"""What makes a whole file unreadable."""

from __future__ import annotations

from konversi.errors import KonversiError


class UnreadableFile(KonversiError):
    """The file can't be read as a table.

    Send CSV, TSV or XLSX with a first row of column names.
    """

    code = "unreadable_file"
    status = 422


class UnusableColumns(KonversiError):
    """The columns don't tell who converted, or when.

    Name the columns yourself: phone=HP, occurred_at=Tanggal.
    """

    code = "unusable_columns"
    status = 422
