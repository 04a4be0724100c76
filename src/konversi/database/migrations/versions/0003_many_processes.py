"""What many processes share: totals without a row that all wait for, how each lane is doing, which secret is theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import key, only

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.drop_index("ix_queue_due", "queue")
    op.create_index("ix_queue_due", "queue", ["lane", "due_at", "id"], **only("state = 'waiting'"))
    op.rename_table("totals", "totals_before")
    op.create_table(
        "totals",
        sa.Column("step", sa.String(20), nullable=False),
        sa.Column("slot", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("step", "slot", name="pk_totals_slots"),
    )
    op.execute("INSERT INTO totals (step, slot, events) SELECT step, 0, events FROM totals_before")
    op.drop_table("totals_before")
    op.create_table(
        "lane_courses",
        sa.Column("lane", key(400), nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("at_once", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("rests", sa.Integer, nullable=False),
        sa.Column("open_until", sa.Double, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("lane", name="pk_lane_courses"),
    )
    op.create_table(
        "installation",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_installation"),
    )
