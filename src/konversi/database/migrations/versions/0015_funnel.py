"""How far each conversation came, sums of it and of the agent's work, and what is not in them yet.

All that is known already is stirred once, so that the sums begin with the history.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, key, only

revision = "0015"
down_revision = "0014"

_COUNTS = ("clicks", "chats", "called", "succeeded", "delivered", "paid", "unfounded", "found_only")
_USES = (
    "INSERT INTO told (at, tool, outcome, error_kind, seconds, number)"
    " SELECT at, tool, outcome, error_kind, seconds, 1 FROM tool_uses"
)
# What was said of a booking lately is only told from what comes: of old answers, those that booked nothing count.
_TURNS = (
    "INSERT INTO told (at, tool, outcome, number) SELECT at, '',"
    " CASE WHEN booked THEN 'booked' WHEN claimed THEN 'unfounded' ELSE 'answered' END, 1 FROM turns"
)


def upgrade() -> None:
    op.create_table(
        "standings",
        sa.Column("journey", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("ad", key(60), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("clicks", sa.Integer, nullable=False),
        sa.Column("stage", sa.SmallInteger, nullable=False),
        sa.Column("unfounded", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("found_slots", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("click", sa.String(12), nullable=False),
        sa.Column("clicked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("journey", name="pk_standings"),
    )
    op.create_index("ix_standings_at", "standings", ["at", "journey"])
    op.create_index("ix_standings_ad", "standings", ["ad", "at", "journey"])
    op.create_index("ix_standings_unfounded", "standings", ["at"], **only("unfounded"))
    _create_sums()
    op.create_table(
        "stirred",
        sa.Column("id", Id, nullable=False),
        sa.Column("journey", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stirred"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "told",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("tool", sa.String(100), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("error_kind", sa.String(100)),
        sa.Column("seconds", sa.Double),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_told"),
        sqlite_autoincrement=True,
    )
    for statement in ("INSERT INTO stirred (journey) SELECT id FROM journeys ORDER BY id", _USES, _TURNS):
        op.execute(statement)


def _create_sums() -> None:
    def counts() -> list[sa.Column[int]]:
        return [sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS]

    def start() -> sa.Column[int]:
        return sa.Column("start", sa.BigInteger, nullable=False, autoincrement=False)

    op.create_table(
        "funnel_totals",
        start(),
        sa.Column("of_ads", sa.Integer, nullable=False, autoincrement=False),
        *counts(),
        sa.PrimaryKeyConstraint("start", "of_ads", name="pk_funnel_totals"),
    )
    for every in ("hourly", "daily"):
        op.create_table(
            f"{every}_funnel",
            start(),
            sa.Column("ad", key(60), nullable=False),
            *counts(),
            sa.PrimaryKeyConstraint("start", "ad", name=f"pk_{every}_funnel"),
        )
        op.create_table(
            f"{every}_tools",
            start(),
            sa.Column("tool", key(100), nullable=False),
            sa.Column("outcome", key(20), nullable=False),
            sa.Column("error_kind", key(100), nullable=False),
            sa.Column("uses", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("start", "tool", "outcome", "error_kind", name=f"pk_{every}_tools"),
        )
        op.create_table(
            f"{every}_tool_times",
            start(),
            sa.Column("tool", key(100), nullable=False),
            sa.Column("bucket", sa.Integer, nullable=False, autoincrement=False),
            sa.Column("uses", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("start", "tool", "bucket", name=f"pk_{every}_tool_times"),
        )
