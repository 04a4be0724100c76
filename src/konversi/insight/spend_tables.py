"""What ads cost, by the day, as Meta said it last; and what came of their chats, in money, by the day."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, String, Table, Text

from konversi.database.metadata import key, metadata

# Money is in ten-thousandths of the currency's major unit: `meta/ad_insights.py`.
ad_spend = Table(
    "ad_spend",
    metadata,
    Column("account", key(40), primary_key=True),  # act_...
    Column("day", key(10), primary_key=True),  # YYYY-MM-DD, in the account's time zone
    Column("ad_id", key(60), primary_key=True),
    Column("ad_name", String(200), nullable=False),
    Column("adset_id", String(60), nullable=False),
    Column("adset_name", String(200), nullable=False),
    Column("campaign_id", String(60), nullable=False),
    Column("campaign_name", String(200), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("spend", BigInteger, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("meta_conversations", BigInteger, nullable=False),
    Column("meta_bookings", BigInteger, nullable=False),
    Column("meta_payments", BigInteger, nullable=False),
    Column("meta_booking_value", BigInteger, nullable=False),
    Column("meta_payment_value", BigInteger, nullable=False),
    Index("ix_ad_spend_day", "day"),
)

spend_pulls = Table(
    "spend_pulls",
    metadata,
    Column("account", key(40), primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("pulled_at", Double, nullable=False),  # Unix seconds, when it last succeeded; 0 before that
    Column("tried_at", Double, nullable=False),
    Column("claimed_until", Double, nullable=False),  # somebody is at it
    Column("since", String(10), nullable=False),  # the first day that was pulled last
    Column("fault", Text, nullable=False),  # why the last try failed; empty where it did not
)

ad_results = Table(
    "ad_results",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),  # the day of UTC on which it happened
    Column("ad_id", key(60), primary_key=True),  # empty: no ad is known
    Column("result", key(20), primary_key=True),  # conversations, bookings, payments
    Column("currency", key(3), primary_key=True),  # empty: without a value
    Column("number", BigInteger, nullable=False),
    Column("value", BigInteger, nullable=False),
)
