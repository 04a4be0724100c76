"""What the sums ask of each event, beside its body: reading that JSON again for each sum cost more than the rest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("events", sa.Column("match_keys", sa.String(400)))
    op.add_column("events", sa.Column("worth", sa.String(40)))
