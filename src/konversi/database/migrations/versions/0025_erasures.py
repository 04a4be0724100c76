"""Erasures: who asked to be forgotten, as keyed hashes, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, only

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "tombstones",
        sa.Column("key", sa.LargeBinary(16), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("erasure", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_tombstones"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tombstones_at", "tombstones", ["at"])
    op.create_table(
        "erasures",
        sa.Column("id", Id, nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("asked_by", sa.String(60), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("held_until", sa.Double, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("removed", sa.Text, nullable=False),
        sa.Column("meta_has", sa.Text, nullable=False),
        sa.Column("waits_for", sa.Text, nullable=False),
        sa.Column("found_elsewhere", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_erasures_open", "erasures", ["id"], **only("state <> 'done'"))
