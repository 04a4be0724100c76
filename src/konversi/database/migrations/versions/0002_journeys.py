"""Journeys: conversations, ad clicks, tool calls and turns; datasets with their accounts; webhooks to be forwarded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from konversi.database.metadata import Id, only

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("dataset", sa.String(25), nullable=False),
        sa.Column("linked_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("channel", "account", name="pk_accounts"),
    )
    op.create_table(
        "automatic",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.LargeBinary(16), nullable=False),
        sa.Column("journey", sa.BigInteger),
        sa.Column("event_name", sa.String(50), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_automatic"),
        sa.UniqueConstraint("key", name="uq_automatic_key"),
    )
    op.create_index("ix_automatic_journey", "automatic", ["journey"])
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(25), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.Column("app_secret", sa.LargeBinary),
        sa.Column("on_in_doubt", sa.String(10)),
        sa.Column("added_at", sa.Double, nullable=False),
        sa.Column("checked_at", sa.Double),
        sa.Column("fault", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
    )
    op.create_table(
        "forwards",
        sa.Column("id", Id, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_forwards"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_forwards_due_at", "forwards", ["due_at"])
    op.create_table(
        "journey_keys",
        sa.Column("key", sa.LargeBinary(16), nullable=False),
        sa.Column("journey", sa.BigInteger, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "journey", name="pk_journey_keys"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_journey_keys_journey", "journey_keys", ["journey"])
    op.create_table(
        "journeys",
        sa.Column("id", Id, nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("line", sa.String(60)),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("last_at", sa.Double, nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("tail", sa.String(20), nullable=False),
        sa.Column("user_data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journeys"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "lines",
        sa.Column("line", sa.String(60), nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("line", name="pk_lines"),
    )
    op.create_table(
        "messages",
        sa.Column("key", sa.LargeBinary(16), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("journey", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_messages"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_messages_at", "messages", ["at"])
    op.create_table(
        "tool_uses",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.LargeBinary(16)),
        sa.Column("journey", sa.BigInteger),
        sa.Column("conversation", sa.LargeBinary(16)),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("tool", sa.String(100), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("error_kind", sa.String(100)),
        sa.Column("seconds", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_tool_uses"),
        sa.UniqueConstraint("key", name="uq_tool_uses_key"),
    )
    op.create_index("ix_tool_uses_at", "tool_uses", ["at"])
    op.create_index("ix_tool_uses_journey", "tool_uses", ["journey"], **only("journey IS NOT NULL"))
    op.create_table(
        "touches",
        sa.Column("id", Id, nullable=False),
        sa.Column("journey", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("account", sa.String(60), nullable=False),
        sa.Column("line", sa.String(60)),
        sa.Column("click_id", sa.Text),
        sa.Column("ad_id", sa.String(60)),
        sa.Column("source_type", sa.String(40)),
        sa.Column("source_url", sa.Text),
        sa.Column("headline", sa.Text),
        sa.Column("ref", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_touches"),
    )
    op.create_index("ix_touches_ad_id", "touches", ["ad_id", "at"], **only("ad_id IS NOT NULL"))
    op.create_index("ix_touches_journey", "touches", ["journey", "at"])
    op.create_table(
        "turns",
        sa.Column("id", Id, nullable=False),
        sa.Column("key", sa.LargeBinary(16)),
        sa.Column("journey", sa.BigInteger),
        sa.Column("conversation", sa.LargeBinary(16)),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("tools", sa.Integer, nullable=False),
        sa.Column("booked", sa.Boolean, nullable=False),
        sa.Column("claimed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.UniqueConstraint("key", name="uq_turns_key"),
    )
    op.create_index("ix_turns_at", "turns", ["at"])
    op.create_index("ix_turns_journey", "turns", ["journey"], **only("journey IS NOT NULL"))
    op.add_column("events", sa.Column("journey", sa.BigInteger))
    op.add_column("events", sa.Column("touch", sa.BigInteger))
    op.create_index("ix_events_journey", "events", ["journey"], **only("journey IS NOT NULL"))
