"""What ads cost is pulled from the local Meta into every store: again and again, without counting twice."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from konversi.events.money import SCALE
from konversi.insight import spend_tables
from konversi.insight.spending import Spending
from konversi.meta.ad_insights import ACTION_TYPES
from konversi.meta.graph import GraphClient
from konversi.outbox.store import open_outbox
from konversi.sandbox import Sandbox

ACCOUNT = "act_555566667777"
NOON = datetime(2026, 11, 28, 5, tzinfo=UTC).timestamp()  # the 28th in Jakarta as well
TODAY = "2026-11-28"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def meta(sandbox):
    sandbox.clear()
    return sandbox


def row(ad, day=TODAY, spend="100"):
    return {"day": day, "ad_id": ad, "spend": spend}


def tell(meta, *rows):
    meta.spend({"account": ACCOUNT.removeprefix("act_"), "currency": "IDR", "rows": list(rows)})


@asynccontextmanager
async def opened(url, meta, token="a-token-for-ads"):
    outbox = await open_outbox(url)
    try:
        yield spending(outbox.database, meta, token), outbox.database
    finally:
        await outbox.aclose()


def spending(database, meta, token):
    return Spending(
        database,
        accounts=[ACCOUNT],
        credentials=(token, None),
        open_graph=lambda: GraphClient(meta.graph_url, "v26.0"),
        types=ACTION_TYPES,
        now=lambda: NOON,
    )


async def total(database):
    asked = select(func.sum(spend_tables.ad_spend.c.spend), func.count())
    spent, rows = await database.read(lambda connection: connection.execute(asked).one())
    return int(spent or 0) // SCALE, rows


def test_a_second_pull_counts_nothing_twice_and_drops_what_left(run, url, meta):
    async def scene():
        async with opened(url, meta) as (spend, database):
            tell(meta, row("1"), row("2"), row("1", "2026-10-01", "7"))
            first = await spend.pull(ACCOUNT, days=90)
            assert (first.state, first.rows, first.currency) == ("pulled", 3, "IDR")
            assert await total(database) == (207, 3)
            tell(meta, row("1", spend="150"))
            again = await spend.pull(ACCOUNT)
            assert (again.since, again.until) == ("2026-11-01", TODAY)
            assert await total(database) == (157, 2)  # ad 2 left today; October is older than what was pulled

    run(scene())


def test_many_pages_make_one_pull(run, url, meta):
    async def scene():
        async with opened(url, meta) as (spend, database):
            days = [(datetime(2026, 11, 28, tzinfo=UTC) - timedelta(days=back)).date() for back in range(9)]
            tell(meta, *(row(str(ad), day.isoformat(), "1") for ad in range(1, 61) for day in days))
            assert (await spend.pull(ACCOUNT)).rows == 540
            assert await total(database) == (540, 540)
            pages = [seen for seen in meta.requests() if seen["path"].endswith("/insights")]
            assert len(pages) == 6  # four weeks, of which one has three pages

    run(scene())


def test_what_was_known_stays_where_a_pull_fails(run, url, meta):
    async def scene():
        async with opened(url, meta) as (spend, database):
            tell(meta, row("1"))
            await spend.pull(ACCOUNT)
            meta.fault("rate_limit", edge="insights")
            failed = await spend.pull(ACCOUNT)
            assert failed.state == "failed"
            assert await total(database) == (100, 1)
            (known,) = await spend.known()
            assert known.fault == failed.fault != ""
            assert known.pulled_at == NOON

    run(scene())


def test_a_token_without_the_right_says_what_to_do(run, url, meta):
    async def scene():
        async with opened(url, meta, token="limited-to-events") as (spend, _):
            tell(meta, row("1"))
            failed = await spend.pull(ACCOUNT)
            assert "META_ADS_TOKEN" in failed.fault
            assert "limited-to-events" not in failed.fault

    run(scene())


def test_of_many_at_a_time_one_pulls(run, url, meta):
    async def scene():
        async with opened(url, meta) as (spend, database):
            tell(meta, row("1"))
            others = [spending(database, meta, "a-token-for-ads") for _ in range(4)]
            done = await asyncio.gather(*(one.pull(ACCOUNT, unless_within=60) for one in (spend, *others)))
            assert sorted(one.state for one in done) == ["busy"] * 4 + ["pulled"]

    run(scene())
