"""What was given as an event's worth, where the business's value rules told Meta otherwise."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("events", sa.Column("given", sa.Text))
