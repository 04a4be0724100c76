"""What the overview costs with ten thousand events and with millions, over SQLite and PostgreSQL.

python benchmarks/overview.py [MILLIONS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import text

from konversi.database.opening import open_database
from konversi.insight.periods import period
from konversi.insight.reading import Insight
from konversi.outbox import looking
from postgres import database, databases

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from konversi.database.port import Database

_FEW, _MILLION = 10_000, 1_000_000
_DAYS = 28
_LOOKS = 60
_NAMES = "CASE n % 4 WHEN 0 THEN 'Lead' WHEN 1 THEN 'Purchase' WHEN 2 THEN 'Schedule' ELSE 'InitiateCheckout' END"
_ROWS = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {count}) ",
    "postgresql": "WITH s(n) AS (SELECT * FROM generate_series(1, {count})) ",
}


def _fill(connection: Connection, count: int, now: float) -> None:
    """Delivered events over 28 days, in attempts of a hundred; a hundred that need a person, a thousand that wait."""
    rows = _ROWS[connection.dialect.name]
    start = now - _DAYS * 86_400
    at = f"({start} + n * {_DAYS * 86_400.0} / {count})"
    state = f"CASE WHEN n > {count - 1_000} THEN 'waiting' WHEN n % {count // 100} = 0 THEN 'dead' ELSE 'delivered' END"
    few = rows.replace("{count}", str(count // 100))
    event_rows = (
        "INSERT INTO events (id, dataset, event_name, event_id, event_time, accepted_at, deadline, digest, body, notes)"
        f" {rows} SELECT n, 'ds' || (n % 30), {_NAMES}, 'e' || n, {start}, {at}, {now + 1e6}, '', '{{}}', '' FROM s"
    )
    queue_rows = (
        "INSERT INTO queue (id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts, reason)"
        f" {rows} SELECT n, 'ds' || (n % 30) || '|live|' || CASE n % 2 WHEN 0 THEN 'chat' ELSE 'website' END, {state},"
        f" {at}, {now + 1e6}, 1000, 2, 1, 0, '', '' FROM s"
    )
    attempt_rows = (
        "INSERT INTO attempts (lane, started_at, lease_until, members, events, ended_at, verdict, reason)"
        f" {few} SELECT 'ds0|live|chat', {start}, {start}, (n * 100 - 99) || '-' || (n * 100), 100,"
        f" {start} + n * 100 * {_DAYS * 86_400.0} / {count} + 0.5, 'delivered', '' FROM s"
    )
    for statement in (event_rows, queue_rows, attempt_rows):
        connection.execute(text(statement.replace("{count}", str(count))))


async def _cost(url: str, count: int) -> tuple[float, float]:
    """Milliseconds of the median view, and seconds it took to sum the history up."""
    opened: Database = await open_database(url)
    try:
        now = time.time()
        await opened.write(lambda connection: _fill(connection, count, now))
        if opened.shared:
            await opened.write(lambda connection: connection.execute(text("ANALYZE")))
        insight = Insight(opened)
        began = time.perf_counter()
        while await insight.sums.follow(10):
            pass
        summed = time.perf_counter() - began
        times = []
        for _ in range(_LOOKS):
            began = time.perf_counter()
            await insight.overview(period("28d", now, ZoneInfo("UTC")))
            await opened.read(lambda connection: looking.counts(connection)[0])
            times.append(time.perf_counter() - began)
        return statistics.median(times) * 1_000, summed
    finally:
        await opened.aclose()


def main() -> None:
    many = int(float(sys.argv[1] if len(sys.argv) > 1 else 3) * _MILLION)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(databases())
        for kind in ("SQLite", "PostgreSQL"):
            costs = []
            for count in (_FEW, many):
                url = (
                    f"sqlite:///{folder / str(count)}.db" if kind == "SQLite" else stack.enter_context(database(server))
                )
                milliseconds, summed = asyncio.run(_cost(url, count))
                costs.append(milliseconds)
                print(
                    f"{kind}, {count:,} events: {milliseconds:.1f} ms a view; summed up in {summed:.1f} s", flush=True
                )
            print(f"{kind}: {costs[1] / costs[0]:.2f} x", flush=True)


if __name__ == "__main__":
    main()
