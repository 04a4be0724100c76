"""Events that came alone, on SQLite: written to a table of their own first, since that is one page instead of seven."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, key

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "staged_events",
        sa.Column("id", Id, nullable=False, autoincrement=False),
        sa.Column("dataset", key(200), nullable=False),
        sa.Column("event_name", sa.String(50), nullable=False),
        sa.Column("event_id", key(200), nullable=False),
        sa.Column("booking_id", sa.String(200)),
        sa.Column("event_time", sa.BigInteger, nullable=False),
        sa.Column("accepted_at", sa.Double, nullable=False),
        sa.Column("deadline", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("journey", sa.BigInteger),
        sa.Column("touch", sa.BigInteger),
        sa.Column("given", sa.Text),
        sa.Column("customer", sa.String(128)),
        sa.Column("match_keys", sa.String(400)),
        sa.Column("worth", sa.String(40)),
        sa.Column("lane", key(400), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staged_events"),
    )
