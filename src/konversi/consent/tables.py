"""The tables of consent: what was said under each key of a person, and never who that is."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, String, Table, Text, UniqueConstraint

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

tombstones = Table(  # who asked to be forgotten: everything about them is refused
    "tombstones",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),  # as in `consents`
    Column("at", Double, nullable=False),
    Column("erasure", BigInteger, nullable=False),
    Index("ix_tombstones_at", "at"),
    sqlite_with_rowid=False,
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", Id, primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("asked_by", String(60), nullable=False),
    Column("state", String(10), nullable=False),
    Column("ended_at", Double),
    Column("held_until", Double, nullable=False),  # by the process that works on it
    Column("sealed", LargeBinary),  # who it is, encrypted, and gone when it is done
    Column("removed", Text, nullable=False),  # JSON: how much of what
    Column("meta_has", Text, nullable=False),  # JSON: events that Meta has, for asking Meta to delete them
    Column("waits_for", Text, nullable=False),  # JSON: in plain words
    Column("found_elsewhere", Text, nullable=False),  # JSON: columns in which the person still stands
    Index("ix_erasures_open", "id", **only("state <> 'done'")),
    sqlite_autoincrement=True,
)
