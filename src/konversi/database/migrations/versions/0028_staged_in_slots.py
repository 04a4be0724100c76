"""Events that came alone are staged beside the database (decision 0050), not in a table.

On SQLite what a killed process left in the table goes to its place first; its one process is stopped for an upgrade.
On PostgreSQL no process ever reads or writes the table, so nobody has to be gone before it is.
"""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0027"

_COLUMNS = (
    "id, dataset, event_name, event_id, booking_id, event_time, accepted_at, deadline, digest, body, notes,"
    " journey, touch, given, customer, match_keys, worth"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM staged_events ORDER BY id")  # noqa: S608
        op.execute(
            "INSERT INTO queue"
            " (id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts, reason)"
            " SELECT id, lane, 'waiting', accepted_at, deadline, 1000, length(CAST(body AS BLOB)), 0, 0, '', ''"
            " FROM staged_events ORDER BY id"
        )
        op.execute(
            "INSERT INTO totals (step, slot, events)"
            " SELECT 'accept', 0, number FROM (SELECT count(*) AS number FROM staged_events) WHERE number > 0"
            " ON CONFLICT (step, slot) DO UPDATE SET events = events + excluded.events"
        )
    op.drop_table("staged_events")
