"""The tables of who may look, and of what was changed by whom."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, String, Table, Text

from konversi.database.metadata import Id, key, metadata

users = Table(
    "users",
    metadata,
    Column("name", key(40), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("password", Text, nullable=False),  # argon2id, with its own salt and parameters
    Column("created_at", Double, nullable=False),
    Column("last_login", Double),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", key(64), primary_key=True),  # SHA-256 of what the cookie holds, in hexadecimal
    Column("name", key(40), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),  # to the minute
    Column("address", String(60), nullable=False),
    Column("browser", String(200), nullable=False),
)
Index("ix_sessions_name", sessions.c.name)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", key(12), primary_key=True),
    Column("name", String(60), nullable=False),
    Column("scope", String(20), nullable=False),
    Column("prefix", String(12), nullable=False),  # the beginning, to know it again
    Column("digest", key(64), nullable=False, unique=True),  # SHA-256, in hexadecimal
    Column("created_at", Double, nullable=False),
    Column("created_by", String(60), nullable=False),
    Column("used_at", Double),  # to the minute
)

login_tries = Table(
    "login_tries",
    metadata,
    Column("what", key(64), primary_key=True),  # a hash of the name or the address
    Column("since", Double, nullable=False),
    Column("tries", Integer, nullable=False),
)

welcome_links = Table(
    "welcome_links",
    metadata,
    Column("digest", key(64), primary_key=True),  # SHA-256, in hexadecimal
    Column("until", Double, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Double, nullable=False),
    Column("actor", String(60), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("address", String(60), nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("details", Text, nullable=False),  # JSON
    sqlite_autoincrement=True,
)
Index("ix_audit_at", audit.c.at)
