"""The outbox: accepted events, where they stand, the attempts to send them, and running totals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, key, only

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", Id, primary_key=True),
        sa.Column("dataset", key(200), nullable=False),
        sa.Column("event_name", sa.String(50), nullable=False),
        sa.Column("event_id", key(200), nullable=False),
        sa.Column("booking_id", sa.String(200)),
        sa.Column("event_time", sa.BigInteger, nullable=False),
        sa.Column("accepted_at", sa.Double, nullable=False),
        sa.Column("deadline", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.UniqueConstraint("event_id", "event_name", "dataset", name="uq_events_event_id_event_name_dataset"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_booking_id", "events", ["booking_id"], **only("booking_id IS NOT NULL"))
    op.create_table(
        "queue",
        sa.Column("id", Id, primary_key=True, autoincrement=False),
        sa.Column("lane", key(400), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("deadline", sa.BigInteger, nullable=False),
        sa.Column("batch_limit", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("in_doubt", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ix_queue_due", "queue", ["lane", "due_at"], **only("state = 'waiting'"))
    op.create_index(
        "ix_queue_rare",
        "queue",
        ["state", "id"],
        **only("state NOT IN ('waiting', 'sending', 'delivered')"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", Id, primary_key=True),
        sa.Column("lane", key(400), nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.Column("members", sa.Text, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("verdict", sa.String(20)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("http_status", sa.Integer),
        sa.Column("code", sa.Integer),
        sa.Column("subcode", sa.Integer),
        sa.Column("fbtrace_id", sa.String(100)),
        sa.Column("events_received", sa.Integer),
        sa.Column("answer", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_open", "attempts", ["lease_until"], **only("ended_at IS NULL"))
    op.create_table(
        "totals",
        sa.Column("step", sa.String(20), primary_key=True),
        sa.Column("events", sa.BigInteger, nullable=False),
    )
