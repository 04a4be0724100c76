"""Alembic's entry: runs the migrations on the connection that `konversi.database.schema` hands over."""

from __future__ import annotations

from alembic import context

from konversi.database.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
