"""What the pages ask, on every database."""

from contextlib import asynccontextmanager

import pytest

from konversi.insight import event_search
from konversi.insight.event_search import Wanted
from konversi.insight.reading import Insight
from konversi.outbox.states import State, Step
from konversi.outbox.store import open_outbox
from outboxes import LATER, LIVE, OTHER, all_of, ended, new_event, new_events


@asynccontextmanager
async def filled(url):
    """Five refused Leads, one Purchase that waits."""
    outbox = await open_outbox(url)
    try:
        await outbox.append(new_events(5))
        batch = await outbox.claim(LIVE, LATER, LATER, all_of)
        await outbox.settle(batch, ended(Step.REFUSE, "refused", reason="Too few.", fbtrace_id="Trace"))
        await outbox.append([new_event("P:1", name="Purchase", lane=OTHER, booking_id="BK-1")])
        yield Insight(outbox.database)
    finally:
        await outbox.aclose()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [6, 5, 4, 3, 2, 1]),
        (Wanted(state=State.DEAD), [5, 4, 3, 2, 1]),
        (Wanted(state=State.DELIVERED), []),
        (Wanted(event="Purchase"), [6]),
        (Wanted(channel="website"), [6]),
        (Wanted(channel="%"), []),
        (Wanted(reason="Too few."), [5, 4, 3, 2, 1]),
        (Wanted(word="BK-1"), [6]),
        (Wanted(word="Lead:3"), [4]),
        (Wanted(word="rc_000000000002"), [2]),
        (Wanted(word="Trace", state=State.DEAD), [5, 4, 3, 2, 1]),
        (Wanted(word="nothing"), []),
        (Wanted(since=LATER), []),
        (Wanted(until=1.0), []),
        (Wanted(since=1.0), [6, 5, 4, 3, 2, 1]),
    ],
)
def test_a_filter_finds_its_events_newest_first(run, url, wanted, found):
    async def scene():
        async with filled(url) as insight:
            assert [row.id for row in (await insight.events(wanted, None, 50)).rows] == found

    run(scene())


def test_pages_follow_one_another_without_a_gap(run, url):
    async def scene():
        async with filled(url) as insight:
            seen, cursor = [], None
            while True:
                page = await insight.events(Wanted(), cursor, 4)
                seen += [row.id for row in page.rows]
                cursor = page.next
                if cursor is None:
                    return seen

    assert run(scene()) == [6, 5, 4, 3, 2, 1]


def test_a_page_that_no_index_leads_to_looks_at_so_many_and_says_where_it_stopped(run, url, monkeypatch):
    for window in ("_WINDOW", "_NEAR"):
        monkeypatch.setattr(event_search, window, 3)

    async def scene():
        async with filled(url) as insight:
            first = await insight.events(Wanted(event="Lead"), None, 50)
            assert [row.id for row in first.rows] == [5, 4]
            assert first.upto is not None
            second = await insight.events(Wanted(event="Lead"), first.next, 50)
            assert [row.id for row in second.rows] == [3, 2, 1]
            assert second.next is None

    run(scene())


def test_a_decision_counts_only_what_can_take_its_step(run, url):
    async def scene():
        async with filled(url) as insight:
            assert await insight.deciding(Wanted(), Step.REPLAY, 2) == (5, [1, 2])
            assert await insight.deciding(Wanted(), Step.DISCARD, 50) == (6, [1, 2, 3, 4, 5, 6])
            assert await insight.deciding(Wanted(state=State.DELIVERED), Step.DISCARD, 50) == (0, [])

    run(scene())


def test_events_that_need_a_person_are_told_by_their_cause(run, url):
    async def scene():
        async with filled(url) as insight:
            (cause,) = await insight.causes()
            assert (cause.state, cause.reason, cause.events, cause.newest) == (State.DEAD, "Too few.", 5, 5)

    run(scene())
