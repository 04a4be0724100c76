"""What ads cost and what came of them: spend per ad and day as Meta says it, and daily sums of results per ad."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import key

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "ad_spend",
        sa.Column("account", key(40), nullable=False),
        sa.Column("day", key(10), nullable=False),
        sa.Column("ad_id", key(60), nullable=False),
        sa.Column("ad_name", sa.String(200), nullable=False),
        sa.Column("adset_id", sa.String(60), nullable=False),
        sa.Column("adset_name", sa.String(200), nullable=False),
        sa.Column("campaign_id", sa.String(60), nullable=False),
        sa.Column("campaign_name", sa.String(200), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("spend", sa.BigInteger, nullable=False),
        sa.Column("impressions", sa.BigInteger, nullable=False),
        sa.Column("clicks", sa.BigInteger, nullable=False),
        sa.Column("meta_conversations", sa.BigInteger, nullable=False),
        sa.Column("meta_bookings", sa.BigInteger, nullable=False),
        sa.Column("meta_payments", sa.BigInteger, nullable=False),
        sa.Column("meta_booking_value", sa.BigInteger, nullable=False),
        sa.Column("meta_payment_value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", "day", "ad_id", name="pk_ad_spend"),
    )
    op.create_index("ix_ad_spend_day", "ad_spend", ["day"])
    op.create_table(
        "spend_pulls",
        sa.Column("account", key(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("pulled_at", sa.Double, nullable=False),
        sa.Column("tried_at", sa.Double, nullable=False),
        sa.Column("claimed_until", sa.Double, nullable=False),
        sa.Column("since", sa.String(10), nullable=False),
        sa.Column("fault", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_spend_pulls"),
    )
    op.create_table(
        "ad_results",
        sa.Column("start", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("ad_id", key(60), nullable=False),
        sa.Column("result", key(20), nullable=False),
        sa.Column("currency", key(3), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("start", "ad_id", "result", "currency", name="pk_ad_results"),
    )
