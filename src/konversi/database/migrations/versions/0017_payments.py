"""Payments: what a provider told of each, and the Purchase that it led to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, key, only

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "payments",
        sa.Column("id", Id, nullable=False),
        sa.Column("provider", key(50), nullable=False),
        sa.Column("payment_id", key(200), nullable=False),
        sa.Column("other_id", key(200)),
        sa.Column("reference", sa.String(200)),
        sa.Column("booking_id", key(200)),
        sa.Column("journey", sa.BigInteger),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("amount", sa.String(40)),
        sa.Column("currency", sa.String(3)),
        sa.Column("paid_at", sa.BigInteger),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.Column("user_data", sa.Text, nullable=False),
        sa.Column("purchase", key(200)),
        sa.Column("purchase_value", sa.String(40)),
        sa.Column("purchase_currency", sa.String(3)),
        sa.Column("purchase_at", sa.BigInteger),
        sa.Column("event", sa.BigInteger),
        sa.Column("due_at", sa.Double),
        sa.Column("flag", sa.String(30), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("reversals", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("payment_id", "provider", name="uq_payments_payment_id_provider"),
        sqlite_autoincrement=True,
    )
    for column in ("other_id", "booking_id", "journey", "purchase", "due_at"):
        op.create_index(f"ix_payments_{column}", "payments", [column], **only(f"{column} IS NOT NULL"))
    op.create_index("ix_payments_flag", "payments", ["flag"], **only("flag <> ''"))
