"""The tables of imports: each file's progress, the file itself while it is needed, and a verdict on each row."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, String, Table, Text

from konversi.database.metadata import Id, metadata, only

imports = Table(
    "imports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False),  # of the file, as its sender named it
    Column("digest", LargeBinary(32), nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes
    Column("uploaded_at", Double, nullable=False),
    Column("state", String(10), nullable=False),
    Column("rehearsal", Boolean(create_constraint=False), nullable=False),
    Column("reading", Text, nullable=False),
    Column("held_until", Double, nullable=False),  # by the process that works on it
    Column("rows", BigInteger, nullable=False),  # done, the empty ones too
    Column("bytes_read", BigInteger, nullable=False),  # to get there
    Column("accepted", BigInteger, nullable=False),
    Column("repeated", BigInteger, nullable=False),
    Column("known", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
    Column("results", Integer, nullable=False),  # parts
    Column("ended_at", Double),
    Column("reason", Text, nullable=False),
    Index("ix_imports_open", "id", **only("state IN ('waiting', 'running')")),
    Index("ix_imports_digest", "digest"),
    sqlite_autoincrement=True,
)

import_parts = Table(
    "import_parts",
    metadata,
    Column("import", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),  # encrypted, and gone when the import has ended
)

import_results = Table(
    "import_results",
    metadata,
    Column("import", BigInteger, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),  # lines of CSV, compressed; they name no customer
)
