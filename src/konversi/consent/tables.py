"""The tables of consent: what was said under each key of a person, and never who that is."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, LargeBinary, Table, UniqueConstraint

from konversi.database.metadata import Id, key, metadata, only

consents = Table(
    "consents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", LargeBinary(16), nullable=False),  # keyed hash of one identity: see `people.py`
    Column("purpose", key(40), nullable=False),
    Column("state", key(10), nullable=False),
    Column("at", Double, nullable=False),  # when it was said
    Column("source", key(40), nullable=False),
    Column("recorded_at", Double, nullable=False),
    UniqueConstraint("key", "purpose", "at", "state", "source"),  # said once, however often it is told
    Index("ix_consents_refused", "recorded_at", **only("state <> 'granted'")),
    sqlite_autoincrement=True,
)
