"""When each dataset's token expires, where Meta said it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "token_expiries",
        sa.Column("dataset", sa.String(25), nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("dataset", name="pk_token_expiries"),
    )
