"""An import as people and programs see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from konversi.imports.store import Import


def described(found: Import) -> dict[str, Any]:
    """As JSON. `read` is the share of the file that was read, from 0 to 1."""
    reading = found.reading
    return {
        "import": found.id,
        "name": found.name,
        "state": found.state,
        "dry_run": found.rehearsal,
        "can_start": found.rehearsal and found.state == "ended" and found.has_file,
        "size": found.size,
        "uploaded_at": found.uploaded_at,
        "ended_at": found.ended_at,
        "rows": found.rows,
        "read": 1.0 if found.state == "ended" else min(0.999, found.bytes_read / found.size) if found.size else 0.0,
        **found.counts,
        "reason": found.reason or None,
        "event": reading.event if reading else None,
        "dataset": reading.dataset if reading else None,
        "currency": reading.currency if reading else None,
        "time_zone": reading.time_zone if reading else None,
        "dates": reading.order.value if reading else None,
        "columns": {field: reading.header[index] for field, index in reading.columns.items()} if reading else {},
        "left_out": [
            title for index, title in enumerate(reading.header) if title and index not in reading.columns.values()
        ]
        if reading
        else [],
    }
