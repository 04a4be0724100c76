"""The outbox's tables: what an event is (wide, written once) and where it stands (narrow, changes while it waits)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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

from konversi.database.metadata import Id, key, metadata, only

# SQLite uses a partial index only for a condition that reads as the index's own does: no value that is given later.
_RARE = "state NOT IN ('waiting', 'sending', 'delivered')"
_WAITING = "state = 'waiting'"
RARE, WAITING = text(_RARE), text(_WAITING)  # the states with few events, and the one with a backlog

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dataset", key(200), nullable=False),
    Column("event_name", String(50), nullable=False),
    Column("event_id", key(200), nullable=False),
    Column("booking_id", String(200)),
    Column("event_time", BigInteger, nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("journey", BigInteger),  # the conversation it came of
    Column("touch", BigInteger),  # and the ad click it is credited to
    Column("given", Text),  # JSON: its value and currency before the business's rules, where those changed them
    Column("customer", String(128)),  # keys under which the customer is remembered, 32 letters each
    # What is summed of the body, and null in events of before there were these columns.
    Column("match_keys", String(400)),  # those that count, in order, with commas
    Column("worth", String(40)),  # "150000 IDR" as the business told it; empty where it told none
    UniqueConstraint("event_id", "event_name", "dataset"),  # in this order it also finds by event_id
    Index("ix_events_booking_id", "booking_id", **only("booking_id IS NOT NULL")),
    Index("ix_events_journey", "journey", **only("journey IS NOT NULL")),
    sqlite_autoincrement=True,  # an id is a receipt: it must never come twice
)

queue = Table(
    "queue",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("lane", key(400), nullable=False),
    Column("state", String(10), nullable=False),
    Column("due_at", Double, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    Column("batch_limit", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("in_doubt", Integer, nullable=False),
    Column("attempts", Text, nullable=False),  # ids of its attempts, each followed by a comma
    Column("reason", Text, nullable=False),
    Index("ix_queue_due", "lane", "due_at", "id", **only(_WAITING)),
    Index("ix_queue_rare", "state", "id", **only(_RARE)),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lane", key(400), nullable=False),
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
    Index("ix_attempts_open", "lease_until", **only("ended_at IS NULL")),
    Index("ix_attempts_fbtrace_id", "fbtrace_id", **only("fbtrace_id IS NOT NULL")),
    sqlite_autoincrement=True,
)

totals = Table(
    "totals",
    metadata,
    Column("step", String(20), primary_key=True),
    Column("slot", Integer, primary_key=True, server_default=text("0")),  # so that writers don't wait for each other
    Column("events", BigInteger, nullable=False),
)

lane_courses = Table(
    "lane_courses",
    metadata,
    Column("lane", key(400), primary_key=True),
    Column("changed_at", Double, nullable=False),
    Column("at_once", Integer, nullable=False),  # requests that may be under way
    Column("failures", Integer, nullable=False),
    Column("rests", Integer, nullable=False),
    Column("open_until", Double, nullable=False),
    Column("cause", Text, nullable=False),
    Column("paused", Boolean(create_constraint=False), nullable=False),
)
