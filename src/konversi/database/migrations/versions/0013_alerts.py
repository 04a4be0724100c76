"""Alerts: each cause that is open, and what still has to be told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, key

revision = "0013"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("cause", key(300), nullable=False),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("told_at", sa.Double, nullable=False),
        sa.Column("resolved_at", sa.Double),
        sa.PrimaryKeyConstraint("cause", name="pk_alerts"),
    )
    op.create_table(
        "alert_notices",
        sa.Column("id", Id, nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert_notices"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alert_notices_due_at", "alert_notices", ["due_at"])
