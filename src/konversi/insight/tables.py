"""Sums of events by the hour and the day (of UTC) in which they were accepted, and how far they follow what happened.

A long period is read by days, with the hours of its first one, so that it costs little however finely it is told apart.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from konversi.database.metadata import key, metadata

HOUR, DAY = 3_600, 86_400


def _parts(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("start", BigInteger, primary_key=True, autoincrement=False),  # Unix seconds
        Column("dataset", key(200), primary_key=True),
        Column("event_name", key(50), primary_key=True),
        Column("channel", key(40), primary_key=True),
        Column("accepted", BigInteger, nullable=False),
        Column("delivered", BigInteger, nullable=False),  # of those accepted in this time, whenever that was
    )


def _waits(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("start", BigInteger, primary_key=True, autoincrement=False),
        Column("bucket", Integer, primary_key=True, autoincrement=False),  # of seconds to Meta: see `waits.py`
        Column("events", BigInteger, nullable=False),
    )


hourly_totals = Table(
    "hourly_totals",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("accepted", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
)
parts = {HOUR: _parts("hourly_parts"), DAY: _parts("daily_parts")}
waits = {HOUR: _waits("hourly_waits"), DAY: _waits("daily_waits")}

keysets = Table(
    "daily_keysets",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("dataset", key(200), primary_key=True),
    Column("event_name", key(50), primary_key=True),
    Column("channel", key(40), primary_key=True),
    Column("keys", key(400), primary_key=True),  # the match keys that Meta gets, in order, with commas
    Column("events", BigInteger, nullable=False),
)
delays = Table(
    "daily_delays",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("dataset", key(200), primary_key=True),
    Column("event_name", key(50), primary_key=True),
    Column("bucket", Integer, primary_key=True, autoincrement=False),  # of seconds from when it happened: `waits.py`
    Column("events", BigInteger, nullable=False),
)

summed = Table(
    "summed",
    metadata,
    Column("history", String(20), primary_key=True),  # events, attempts, keys
    Column("upto", BigInteger, nullable=False),  # the last id that was looked at
    Column("open", Text, nullable=False),  # attempts up to there that had not ended
)
