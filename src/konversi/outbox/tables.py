"""The outbox's tables: what an event is (wide, written once) and where it stands (narrow, changes while it waits)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from konversi.database.metadata import metadata

_Id = BigInteger().with_variant(Integer, "sqlite")

# The states with few events. SQLite uses a partial index only for a condition that reads as the index's own does.
RARE = text("state NOT IN ('waiting', 'sending', 'delivered')")

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("dataset", String(200), nullable=False),
    Column("event_name", String(50), nullable=False),
    Column("event_id", String(200), nullable=False),
    Column("booking_id", String(200)),
    Column("event_time", BigInteger, nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("journey", BigInteger),  # the conversation it came of
    Column("touch", BigInteger),  # and the ad click it is credited to
    UniqueConstraint("event_id", "event_name", "dataset"),  # in this order it also finds by event_id
    Index("ix_events_booking_id", "booking_id", sqlite_where=text("booking_id IS NOT NULL")),
    Index("ix_events_journey", "journey", sqlite_where=text("journey IS NOT NULL")),
    sqlite_autoincrement=True,  # an id is a receipt: it must never come twice
)

queue = Table(
    "queue",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("lane", String(400), nullable=False),
    Column("state", String(10), nullable=False),
    Column("due_at", Double, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("batch_limit", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("in_doubt", Integer, nullable=False),
    Column("attempts", Text, nullable=False),  # ids of its attempts, each followed by a comma
    Column("reason", Text, nullable=False),
    Index("ix_queue_due", "lane", "due_at", sqlite_where=text("state = 'waiting'")),
    Index("ix_queue_rare", "state", "id", sqlite_where=RARE),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("lane", String(400), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("members", Text, nullable=False),
    Column("events", Integer, nullable=False),
    Column("ended_at", Double),
    Column("verdict", String(20)),
    Column("reason", Text, nullable=False),
    Column("http_status", Integer),
    Column("code", Integer),
    Column("subcode", Integer),
    Column("fbtrace_id", String(100)),
    Column("events_received", Integer),
    Column("answer", Text),
    Index("ix_attempts_open", "lease_until", sqlite_where=text("ended_at IS NULL")),
    sqlite_autoincrement=True,
)

totals = Table(
    "totals",
    metadata,
    Column("step", String(20), primary_key=True),
    Column("events", BigInteger, nullable=False),
)
