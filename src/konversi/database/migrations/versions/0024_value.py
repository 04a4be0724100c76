"""The value rules that were kept on the dashboard, and the sums of what came of bookings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, key

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table(
        "value_rules",
        sa.Column("id", Id, nullable=False),
        sa.Column("kept_at", sa.Double, nullable=False),
        sa.Column("kept_by", sa.String(60), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_value_rules"),
        sqlite_autoincrement=True,
    )
    numbers = ("bookings", "shown", "payments", "paid", "priced", "price", "price_paid")
    op.create_table(
        "value_sums",
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("service", key(200), nullable=False),
        sa.Column("ad", key(60), nullable=False),
        sa.Column("currency", key(3), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in numbers),
        sa.PrimaryKeyConstraint("start", "service", "ad", "currency", name="pk_value_sums"),
    )
