"""Consent: what customers said, under keyed hashes of their identities."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, key, only

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.LargeBinary(16), nullable=False),
        sa.Column("purpose", key(40), nullable=False),
        sa.Column("state", key(10), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("source", key(40), nullable=False),
        sa.Column("recorded_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.UniqueConstraint("key", "purpose", "at", "state", "source", name="uq_consents_key_purpose_at_state_source"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_consents_refused", "consents", ["recorded_at"], **only("state <> 'granted'"))
