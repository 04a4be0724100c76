"""The events of a filter, or those that were selected, as a file, row by row as they are read."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import StreamingResponse

from konversi.imports.safe_cells import cell
from konversi.insight.describe import event
from konversi.intake.event_filters import filter_of
from konversi.outbox.port import event_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from konversi.dashboard.asked import Asked

_AT_ONCE = 500
_MOST_CHOSEN = 1_000  # receipts of an address
_MOST = 100_000  # rows of one file
_COLUMNS = (
    "receipt", "state", "event", "event_id", "booking_id", "journey", "dataset", "action_source", "occurred_at",
    "accepted_at", "deadline", "next_try_at", "tries", "in_doubt", "reason",
)  # fmt: skip


async def as_csv(asked: Asked) -> StreamingResponse:
    """For a spreadsheet."""
    return _file(asked, "csv", "text/csv; charset=utf-8", _csv, head=_csv([dict(zip(_COLUMNS, _COLUMNS, strict=True))]))


async def as_ndjson(asked: Asked) -> StreamingResponse:
    """For programs: one event a line."""
    return _file(asked, "ndjson", "application/x-ndjson", _ndjson)


def _file(
    asked: Asked, ending: str, kind: str, written: Callable[[Sequence[dict[str, Any]]], bytes], head: bytes = b""
) -> StreamingResponse:
    name = f'attachment; filename="konversi-events.{ending}"'

    async def parts() -> AsyncIterator[bytes]:
        yield head
        async for rows in _pages(asked):
            yield written(rows)

    return StreamingResponse(parts(), media_type=kind, headers={"content-disposition": name})


async def _pages(asked: Asked) -> AsyncIterator[list[dict[str, Any]]]:
    chosen = asked.request.query_params.getlist("receipt")[:_MOST_CHOSEN]
    if chosen or asked.query("chosen"):
        found = [await asked.gateway.outbox.find(number) for one in chosen if (number := event_of(one)) is not None]
        yield [event(stored) for stored in found if stored is not None]
        return
    wanted = filter_of(asked.query, asked.gateway).wanted
    before: int | None = None
    for _ in range(_MOST // _AT_ONCE):
        page = await asked.gateway.insight.events(wanted, before, _AT_ONCE)
        yield [event(row) for row in page.rows]
        if page.next is None:
            return
        before = page.next


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([cell(row[name]) for name in _COLUMNS] for row in rows)
    return text.getvalue().encode()


def _ndjson(rows: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)
