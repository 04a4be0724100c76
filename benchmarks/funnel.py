"""What the AI metrics and the journeys' list cost with ten thousand chats and with many, over SQLite and PostgreSQL.

python benchmarks/funnel.py [THOUSANDS OF CHATS] [sqlite|postgresql]

A chat has a click, two tool calls, an answer and, one in four, an event: four to five rows.
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
from konversi.insight.journey_search import Wanted
from konversi.insight.periods import period
from konversi.insight.reading import Insight
from konversi.insight.standing import Stage
from overview import _ROWS
from postgres import database, databases

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import Connection

_FEW = 10_000
_DAYS = 28
_LOOKS = 40
_TABLES = {
    "journeys": (
        "id, channel, account, opened_at, last_at, messages, tail, user_data",
        "n, 'whatsapp', '1', {at}, {at}, 3, '', '{{}}'",
    ),
    "touches": (
        "journey, at, account, click_id, ad_id, headline",
        "n, CAST({at} AS BIGINT), '1', 'c' || n, 'ad' || (n % 200), 'An ad'",
    ),
    "tool_uses": (
        "journey, at, tool, outcome, seconds",
        "n, {at}, 'find_slots', CASE WHEN n % 9 = 0 THEN 'error' ELSE 'succeeded' END, 0.2",
    ),
    "tool_uses ": (
        "journey, at, tool, outcome, error_kind, seconds",
        "n, {at}, 'create_booking', CASE WHEN n % 3 = 0 THEN 'succeeded' ELSE 'failed' END, 'SlotTaken', 0.7",
    ),
    "turns": ("journey, at, tools, booked, claimed", "n, {at}, 1, n % 3 = 0, n % 40 = 0"),
    "stirred": ("journey", "n"),
    "told": (
        "at, tool, outcome, error_kind, seconds, number",
        "{at}, 'create_booking', CASE WHEN n % 3 = 0 THEN 'succeeded' ELSE 'failed' END, 'SlotTaken', 0.7, 1",
    ),
    "told ": ("at, tool, outcome, seconds, number", "{at}, 'find_slots', 'succeeded', 0.2, 1"),
    "events": (
        "id, dataset, event_name, event_id, event_time, accepted_at, deadline, digest, body, notes, journey",
        "n, 'default', 'Lead', 'e' || n, 0, {at}, 0, '', '{{}}', '', n * 4",
    ),
    "queue": (
        "id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts, reason",
        "n, 'default|live|chat', 'delivered', 0, 0, 1000, 2, 1, 0, '', ''",
    ),
}


def _fill(connection: Connection, count: int, now: float) -> None:
    rows = _ROWS[connection.dialect.name]
    start = now - _DAYS * 86_400
    for name, (columns, values) in _TABLES.items():
        number = count // 4 if name in ("events", "queue") else count
        at = f"({start} + n * {(_DAYS * 86_400.0 - 60) / number})"
        source = rows.replace("{count}", str(number))
        statement = f"INSERT INTO {name.strip()} ({columns}) {source} SELECT {values.format(at=at)} FROM s"
        connection.execute(text(statement.replace(":", "\\:")))


async def _cost(url: str, count: int) -> tuple[list[float], float]:
    """Milliseconds of the median view of each page, and seconds it took to sum the history up."""
    opened = await open_database(url)
    try:
        now = time.time()
        await opened.write(lambda connection: _fill(connection, count, now))
        if opened.shared:
            await opened.write(lambda connection: connection.execute(text("ANALYZE")))
        insight = Insight(opened)
        began = time.perf_counter()
        while await insight.follow():
            pass
        summed = time.perf_counter() - began
        if opened.shared:
            await opened.write(lambda connection: connection.execute(text("ANALYZE")))
        month = period("28d", now, ZoneInfo("UTC"))
        pages = (
            lambda: insight.funnel(month),
            lambda: insight.journeys(Wanted(), None, 50),
            lambda: insight.journeys(Wanted(ad="ad7", stage=Stage.DELIVERED, since=month.start), None, 50),
        )
        return [await _median(page) for page in pages], summed
    finally:
        await opened.aclose()


async def _median(page: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(_LOOKS):
        began = time.perf_counter()
        await page()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1_000


def main() -> None:
    many = int(float(sys.argv[1] if len(sys.argv) > 1 else 500) * 1_000)
    wanted = sys.argv[2] if len(sys.argv) > 2 else None
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(databases()) if wanted != "sqlite" else ""
        for kind in ("sqlite", "postgresql"):
            if wanted not in (None, kind):
                continue
            costs = []
            for count in (_FEW, many):
                url = (
                    f"sqlite:///{folder / str(count)}.db" if kind == "sqlite" else stack.enter_context(database(server))
                )
                pages, summed = asyncio.run(_cost(url, count))
                costs.append(pages)
                said = ", ".join(
                    f"{name} {cost:.1f} ms"
                    for name, cost in zip(("AI metrics", "journeys", "filtered"), pages, strict=True)
                )
                print(f"{kind}, {count:,} chats: {said}; summed up in {summed:.1f} s", flush=True)
            print(f"{kind}: " + ", ".join(f"{b / a:.2f} x" for a, b in zip(*costs, strict=True)), flush=True)


if __name__ == "__main__":
    main()
