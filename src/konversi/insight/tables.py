"""Sums of events by the hour in which they were accepted, and how far they follow what happened."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from konversi.database.metadata import key, metadata

hourly = Table(
    "hourly",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),  # Unix seconds at which it begins
    Column("dataset", key(200), primary_key=True),
    Column("event_name", key(50), primary_key=True),
    Column("channel", key(40), primary_key=True),
    Column("accepted", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),  # of those accepted in this hour, whenever that was
)

hourly_waits = Table(
    "hourly_waits",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("bucket", Integer, primary_key=True, autoincrement=False),  # of seconds to Meta: see `waits.py`
    Column("events", BigInteger, nullable=False),
)

summed = Table(
    "summed",
    metadata,
    Column("history", String(20), primary_key=True),  # events, attempts
    Column("upto", BigInteger, nullable=False),  # the last id that was looked at
    Column("open", Text, nullable=False),  # attempts up to there that had not ended
)
