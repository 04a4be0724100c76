"""What of a payment's Purchase went back, for the sums by ad."""

from __future__ import annotations

import json
from decimal import Decimal

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import only

revision = "0022"
down_revision = "0021"

_SCALE = 10_000
_PAID = (2, 4)  # the stages in which the money is there


def upgrade() -> None:
    op.add_column("payments", sa.Column("touch", sa.BigInteger))
    for column in ("gone", "told_gone"):
        op.add_column("payments", sa.Column(column, sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_payments_gone", "payments", ["gone"], **only("gone <> 0 OR told_gone <> 0"))
    _note_what_went_back()


def _note_what_went_back() -> None:
    """Of the payments that are known already, each by itself."""
    connection = op.get_bind()
    asked = "SELECT id, stage, purchase_value, amount, reversals FROM payments WHERE purchase IS NOT NULL"
    for id_, stage, value, amount, reversals in connection.execute(sa.text(asked)).all():
        back = sum((Decimal(one[3]) for one in json.loads(reversals)), Decimal(0))
        gone = min(back if stage in _PAID else Decimal(amount), Decimal(amount), Decimal(value))
        if gone:
            update = sa.text("UPDATE payments SET gone = :gone WHERE id = :id")
            connection.execute(update, {"gone": int(gone * _SCALE), "id": id_})
