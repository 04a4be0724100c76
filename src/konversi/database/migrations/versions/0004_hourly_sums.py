"""What the overview shows without visiting events: sums by hour, and how far they have followed the history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import key, only

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "hourly_totals",
        sa.Column("start", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("start", name="pk_hourly_totals"),
    )
    for every in ("hourly", "daily"):
        op.create_table(
            f"{every}_parts",
            sa.Column("start", sa.BigInteger, nullable=False, autoincrement=False),
            sa.Column("dataset", key(200), nullable=False),
            sa.Column("event_name", key(50), nullable=False),
            sa.Column("channel", key(40), nullable=False),
            sa.Column("accepted", sa.BigInteger, nullable=False),
            sa.Column("delivered", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("start", "dataset", "event_name", "channel", name=f"pk_{every}_parts"),
        )
        op.create_table(
            f"{every}_waits",
            sa.Column("start", sa.BigInteger, nullable=False, autoincrement=False),
            sa.Column("bucket", sa.Integer, nullable=False, autoincrement=False),
            sa.Column("events", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("start", "bucket", name=f"pk_{every}_waits"),
        )
    op.create_table(
        "summed",
        sa.Column("history", sa.String(20), nullable=False),
        sa.Column("upto", sa.BigInteger, nullable=False),
        sa.Column("open", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("history", name="pk_summed"),
    )
    op.create_index("ix_attempts_fbtrace_id", "attempts", ["fbtrace_id"], **only("fbtrace_id IS NOT NULL"))
