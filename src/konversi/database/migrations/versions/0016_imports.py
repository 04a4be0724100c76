"""Files of conversions: how far each is, the file while it is needed, and a verdict on each of its rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, only

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    counts = ("rows", "bytes_read", "accepted", "repeated", "known", "refused")
    op.create_table(
        "imports",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("uploaded_at", sa.Double, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("rehearsal", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("reading", sa.Text, nullable=False),
        sa.Column("held_until", sa.Double, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
        sa.Column("results", sa.Integer, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_imports_open", "imports", ["id"], **only("state IN ('waiting', 'running')"))
    op.create_index("ix_imports_digest", "imports", ["digest"])
    for table, column in (("import_parts", "sealed"), ("import_results", "body")):
        op.create_table(
            table,
            sa.Column("import", sa.BigInteger, nullable=False, autoincrement=False),
            sa.Column("part", sa.Integer, nullable=False, autoincrement=False),
            sa.Column(column, sa.LargeBinary, nullable=False),
            sa.PrimaryKeyConstraint("import", "part", name=f"pk_{table}"),
        )
