"""What the quality page shows without visiting events: daily sums of the match keys sent, and of how late they came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import key

revision = "0011"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "daily_keysets",
        sa.Column("start", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("dataset", key(200), nullable=False),
        sa.Column("event_name", key(50), nullable=False),
        sa.Column("channel", key(40), nullable=False),
        sa.Column("keys", key(400), nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("start", "dataset", "event_name", "channel", "keys", name="pk_daily_keysets"),
    )
    op.create_table(
        "daily_delays",
        sa.Column("start", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("dataset", key(200), nullable=False),
        sa.Column("event_name", key(50), nullable=False),
        sa.Column("bucket", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("start", "dataset", "event_name", "bucket", name="pk_daily_delays"),
    )
