"""The datasets' tables."""

from __future__ import annotations

from sqlalchemy import Column, Double, LargeBinary, String, Table, Text

from konversi.database.metadata import metadata

datasets = Table(
    "datasets",
    metadata,
    Column("id", String(25), primary_key=True),  # Meta's own: digits
    Column("name", String(200), nullable=False),
    Column("token", LargeBinary, nullable=False),  # encrypted
    Column("app_secret", LargeBinary),  # encrypted
    Column("on_in_doubt", String(10)),  # resend or hold; the setting's where unset
    Column("added_at", Double, nullable=False),
    Column("checked_at", Double),
    Column("fault", Text),  # what the last check found, in plain words
)

token_expiries = Table(
    "token_expiries",
    metadata,
    Column("dataset", String(25), primary_key=True),  # Meta's id: also of the one that only the settings know
    Column("expires_at", Double),  # nothing: it does not expire
    Column("seen_at", Double, nullable=False),  # when Meta said so
)

accounts = Table(
    "accounts",
    metadata,
    Column("channel", String(20), primary_key=True),
    Column("account", String(60), primary_key=True),  # WABA, Page or Instagram account
    Column("dataset", String(25), nullable=False),
    Column("linked_at", Double, nullable=False),
)

lines = Table(
    "lines",
    metadata,
    Column("line", String(60), primary_key=True),  # a phone_number_id, or a number with its `+`
    Column("account", String(60), nullable=False),  # the WhatsApp Business Account it belongs to
)
