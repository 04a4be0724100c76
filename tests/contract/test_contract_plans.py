"""No page reads a history from one end to the other: what the databases say of each statement that the pages run."""

from contextlib import asynccontextmanager, contextmanager

import httpx2
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from konversi.dashboard import pages
from konversi.database.postgres import engine_of
from konversi.intake.http.app import application
from konversi.settings import load
from konversi.wiring import open_gateway
from outboxes import new_events, store

HISTORIES = {
    "events",
    "queue",
    "attempts",
    "journeys",
    "touches",
    "tool_uses",
    "turns",
    "messages",
    "standings",
    "payments",
}
# Of what is not finished, needs a person or was paid back; and what is read from its newest end on, up to a limit.
BOUNDED = {
    "ix_queue_due", "ix_queue_rare", "ix_attempts_open", "ix_payments_due_at", "ix_payments_flag", "ix_payments_gone",
    "ix_standings_at", "ix_tool_uses_at",
}  # fmt: skip
BODY = b'{"event_name":"Lead","action_source":"chat","user_data":{"ph":["a"]}}'
ADDRESSES = [
    "/overview.json?period=28d", "/ai.json?period=7d", "/attention.json", "/quality.json?period=28d",
    "/return.json?by=ad", "/system.json", "/datasets.json", "/metrics", "/v1/status",
    "/events.json", "/events.json?range=7d", "/events.json?q=Lead:1", "/events.json?q=BK-1", "/events.json?q=trace",
    "/events.json?state=dead", "/events.json?state=dead&reason=No", "/events.json?state=waiting",
    "/events.json?state=waiting&event=Lead", "/events.json?state=sending", "/events.json?state=delivered",
    "/events.json?dataset=default", "/events.json?event=Lead", "/events.json?channel=chat", "/events.json?doubt=1", "/events.json?slower=1.5",
    "/events/rc_000000000001.json", "/journeys.json", "/journeys.json?ad=ad1", "/journeys.json?ad=any&stage=paid",
    "/journeys.json?ad=none", "/journeys.json?stage=paid", "/journeys.json?click=no_click", "/journeys.json?q=BK-1",
    "/journeys.json?tool=book&error=SlotTaken", "/journeys.json?case=unfounded", "/journeys.json?case=found_only",
]  # fmt: skip


@contextmanager
def heard():
    """The statements that are run in this block, with their values."""
    ran = {}

    def hear(_connection, _cursor, statement, values, _context, many):
        if statement.lstrip("( ").startswith(("SELECT", "WITH")) and not many:
            ran[statement] = values

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield ran
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


@asynccontextmanager
async def served(url, folder):
    """A gateway that sends nothing, and a client of it."""
    settings = load(database_url=url, data_dir=folder, pixel_id=None, token=None)
    opened = []

    @asynccontextmanager
    async def gateway():
        async with open_gateway(settings) as one:
            opened.append(one)
            yield one

    door = application(gateway, None, pages=pages())
    async with door._inner.router.lifespan_context(door._inner):
        transport = httpx2.ASGITransport(door, client=("127.0.0.1", 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield opened[0], client


async def everything(url, folder):
    async with served(url, folder) as (gateway, client):
        await store(gateway.outbox, *new_events(4, body=BODY))
        ids = {}
        with heard() as ran:
            for address in ADDRESSES:
                answer = await client.get(address)
                assert answer.status_code in (200, 404), (address, answer.text)
                ids |= {statement: address for statement in ran if statement not in ids}
            await gateway.alerts.look()
            await gateway.outbox.expire(1.0)
        return {statement: (ids.get(statement, "upkeep"), values) for statement, values in ran.items()}


def in_sqlite(connection, statement, values):
    """Each way along a whole table or index."""
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
        words = row[3].split()
        if words[0] == "SCAN":
            yield words[1], words[-1] if "INDEX" in words else "no index"


def in_postgres(connection, statement, values):
    """As in SQLite; what ends at a limit goes along an index for as long as it has to."""
    (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).one()
    nodes = [(plan[0]["Plan"], False)]
    while nodes:
        node, limited = nodes.pop()
        limited = node["Node Type"] == "Limit" or (limited and node["Node Type"] not in ("Sort", "Aggregate"))
        nodes += [(inner, limited) for inner in node.get("Plans", ())]
        if node["Node Type"] == "Seq Scan":
            yield node["Relation Name"], "no index"
        elif "Relation Name" in node and "Index Name" in node and "Index Cond" not in node and not limited:
            yield node["Relation Name"], node["Index Name"]


def test_no_page_reads_a_history_from_end_to_end(run, url, tmp_path):
    ran = run(everything(url, tmp_path), 60)
    assert len(ran) > 60
    postgres = url.startswith("postgresql")
    engine = engine_of(url) if postgres else create_engine(url)
    with engine.connect() as connection:
        if postgres:
            connection.exec_driver_sql("SET enable_seqscan = off")  # of few rows it would be the quickest
        scans = {
            (table, index, address, statement)
            for statement, (address, values) in ran.items()
            for table, index in (in_postgres if postgres else in_sqlite)(connection, statement, values)
            if table in HISTORIES and index not in BOUNDED
        }
    engine.dispose()
    assert not scans
