"""The alerts' tables: one row for each cause that is or was open, and what still has to be told."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, String, Table, Text

from konversi.database.metadata import Id, key, metadata

alerts = Table(
    "alerts",
    metadata,
    Column("cause", key(300), primary_key=True),
    Column("rule", String(40), nullable=False),
    Column("dataset", String(200), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("what", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),  # when it was last found
    Column("told_at", Double, nullable=False),  # when it was last put on the way to somebody
    Column("resolved_at", Double),
)

notices = Table(
    "alert_notices",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String(10), nullable=False),
    Column("name", String(40), nullable=False),  # the same whenever it is tried: the receiver can tell a repeat
    Column("body", Text, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Index("ix_alert_notices_due_at", "due_at"),
    sqlite_autoincrement=True,
)
