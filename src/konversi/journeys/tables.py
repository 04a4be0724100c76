"""The journeys' tables: conversations, who they are with, what brought them, and what the agent did in them.

People are keyed hashes here, and what is kept of them for matching is what Meta would get: SHA-256.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, String, Table, Text

from konversi.database.metadata import Id, key, metadata, only

journeys = Table(
    "journeys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", String(20), nullable=False),
    Column("account", String(60), nullable=False),  # empty where the platform doesn't tell
    Column("line", String(60)),  # the one last written to
    Column("opened_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("tail", String(20), nullable=False),  # the customer, masked
    Column("user_data", Text, nullable=False),  # JSON: match keys, hashed as Meta gets them
    sqlite_autoincrement=True,
)

journey_keys = Table(
    "journey_keys",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("journey", BigInteger, primary_key=True, autoincrement=False),
    Index("ix_journey_keys_journey", "journey"),
    sqlite_with_rowid=False,
)

touches = Table(
    "touches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("journey", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),  # Unix seconds
    Column("account", String(60), nullable=False),
    Column("line", String(60)),
    Column("click_id", Text),
    Column("ad_id", String(60)),
    Column("source_type", String(40)),
    Column("source_url", Text),
    Column("headline", Text),
    Column("ref", Text),
    Index("ix_touches_journey", "journey", "at"),
    Index("ix_touches_ad_id", "ad_id", "at", **only("ad_id IS NOT NULL")),
)

messages = Table(
    "messages",
    metadata,
    Column("key", LargeBinary(16), primary_key=True),
    Column("at", Double, nullable=False),  # when it came, by our clock
    Column("journey", BigInteger, nullable=False),
    Index("ix_messages_at", "at"),
    sqlite_with_rowid=False,
)

automatic = Table(
    "automatic",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", LargeBinary(16), nullable=False, unique=True),
    Column("journey", BigInteger),
    Column("event_name", String(50), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_automatic_journey", "journey"),
)

tool_uses = Table(
    "tool_uses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", LargeBinary(16), unique=True),  # of the call, where it has an id: told twice, it is kept once
    Column("journey", BigInteger),
    Column("conversation", LargeBinary(16)),
    Column("at", Double, nullable=False),
    Column("tool", String(100), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("error_kind", String(100)),
    Column("seconds", Double),
    Index("ix_tool_uses_journey", "journey", **only("journey IS NOT NULL")),
    Index("ix_tool_uses_at", "at"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", LargeBinary(16), unique=True),  # of the turn, where the bot named it
    Column("journey", BigInteger),
    Column("conversation", LargeBinary(16)),
    Column("at", Double, nullable=False),
    Column("tools", Integer, nullable=False),
    Column("booked", Boolean(create_constraint=False), nullable=False),
    Column("claimed", Boolean(create_constraint=False), nullable=False),
    Index("ix_turns_journey", "journey", **only("journey IS NOT NULL")),
    Index("ix_turns_at", "at"),
)

forwards = Table(
    "forwards",
    metadata,
    Column("id", Id, primary_key=True),
    Column("received_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # headers and body: encrypted, and gone once delivered
    Column("reason", Text, nullable=False),
    Index("ix_forwards_due_at", "due_at"),
    sqlite_autoincrement=True,
)

customers = Table(  # who has booked or bought
    "customers",
    metadata,
    Column("key", key(32), primary_key=True),  # keyed hash of an identity
    Column("first_at", BigInteger, nullable=False),  # Unix seconds of the first booking or purchase
    Column("last_at", BigInteger, nullable=False),
    Column("booking_id", String(200)),  # of the first
    Index("ix_customers_last_at", "last_at"),
    sqlite_with_rowid=False,
)

stirred = Table(  # conversations in which something happened since their standing was last looked at
    "stirred",
    metadata,
    Column("id", Id, primary_key=True),
    Column("journey", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

told = Table(  # what the agent did and is not in the sums yet; an outcome that changed is taken out, and told anew
    "told",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Double, nullable=False),
    Column("tool", String(100), nullable=False),  # empty for an answer of the agent
    Column("outcome", String(20), nullable=False),
    Column("error_kind", String(100)),
    Column("seconds", Double),
    Column("number", Integer, nullable=False),  # 1, or -1 where it is taken out
    sqlite_autoincrement=True,
)
