"""The rules that were kept on the dashboard, and what came of bookings: sums, with nobody in them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, String, Table, Text

from konversi.database.metadata import Id, key, metadata

value_rules = Table(  # the newest counts
    "value_rules",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kept_at", Double, nullable=False),
    Column("kept_by", String(60), nullable=False),
    Column("text", Text, nullable=False),  # TOML; empty where they were taken away
    sqlite_autoincrement=True,
)

value_sums = Table(  # of bookings that are old enough to have been paid; amounts in units of 1/SCALE
    "value_sums",
    metadata,
    Column("start", BigInteger, primary_key=True, autoincrement=False),  # of the 30 days in which they happened
    Column("service", key(200), primary_key=True),  # empty: none was named, or several
    Column("ad", key(60), primary_key=True),  # empty: none is known
    Column("currency", key(3), primary_key=True),  # of the booking, else of its payment; empty: neither is known
    Column("bookings", BigInteger, nullable=False),
    Column("shown", BigInteger, nullable=False),  # of them that were paid or done
    Column("payments", BigInteger, nullable=False),  # of those whose payment is in `currency`
    Column("paid", BigInteger, nullable=False),  # the sum of these
    Column("priced", BigInteger, nullable=False),  # of these whose price was given, in the same currency
    Column("price", BigInteger, nullable=False),  # the sum of those prices
    Column("price_paid", BigInteger, nullable=False),  # and of what was paid for them
)
