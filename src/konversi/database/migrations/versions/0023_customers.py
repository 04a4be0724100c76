"""Who has booked or bought before: customers as keyed hashes, and the keys on each event that they follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import key

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("events", sa.Column("customer", sa.String(128)))
    op.create_table(
        "customers",
        sa.Column("key", key(32), nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("booking_id", sa.String(200)),
        sa.PrimaryKeyConstraint("key", name="pk_customers"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_customers_last_at", "customers", ["last_at"])
