"""The payments' table. Whoever paid is hashed match keys here, as Meta would get them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Table, Text, UniqueConstraint

from konversi.database.metadata import Id, key, metadata, only

SOME_GONE = "gone <> 0 OR told_gone <> 0"

payments = Table(
    "payments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", key(50), nullable=False),
    Column("payment_id", key(200), nullable=False),
    Column("other_id", key(200)),
    Column("reference", String(200)),
    Column("booking_id", key(200)),
    Column("journey", BigInteger),
    Column("stage", Integer, nullable=False),
    Column("amount", String(40)),  # decimal, in major units
    Column("currency", String(3)),
    Column("paid_at", BigInteger),  # Unix seconds
    Column("seen_at", Double, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("user_data", Text, nullable=False),  # JSON: match keys, hashed
    Column("purchase", key(200)),  # the event's id
    Column("purchase_value", String(40)),
    Column("purchase_currency", String(3)),
    Column("purchase_at", BigInteger),
    Column("event", BigInteger),  # the event's number
    Column("due_at", Double),
    Column("flag", String(30), nullable=False),
    Column("why", Text, nullable=False),
    Column("reversals", Text, nullable=False),  # JSON: [key, kind, rank, amount, at] of each
    Column("touch", BigInteger),  # the ad click of the event
    # What of the Purchase went back, and how much of that the sums by ad have been told: in units of 1/`SCALE`.
    Column("gone", BigInteger, nullable=False, server_default="0"),
    Column("told_gone", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("payment_id", "provider"),
    Index("ix_payments_other_id", "other_id", **only("other_id IS NOT NULL")),
    Index("ix_payments_booking_id", "booking_id", **only("booking_id IS NOT NULL")),
    Index("ix_payments_journey", "journey", **only("journey IS NOT NULL")),
    Index("ix_payments_purchase", "purchase", **only("purchase IS NOT NULL")),
    Index("ix_payments_due_at", "due_at", **only("due_at IS NOT NULL")),
    Index("ix_payments_gone", "gone", **only(SOME_GONE)),
    Index("ix_payments_flag", "flag", **only("flag <> ''")),
    sqlite_autoincrement=True,
)
