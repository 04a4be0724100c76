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
async def opened(url):
    """An empty outbox."""
    outbox = await open_outbox(url)
    try:
        yield outbox
    finally:
        await outbox.aclose()


@asynccontextmanager
async def filled(url):
    """Five refused Leads, one Purchase that waits."""
    async with opened(url) as outbox:
        await outbox.append(new_events(5))
        batch = await outbox.claim(LIVE, LATER, LATER, all_of)
        await outbox.settle(batch, ended(Step.REFUSE, "refused", reason="Too few.", fbtrace_id="Trace"))
        await outbox.append([new_event("P:1", name="Purchase", lane=OTHER, booking_id="BK-1")])
        yield Insight(outbox.database)


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


async def delivered_after(outbox, *seconds):
    """Events that took so long to Meta, each counted from when it was accepted."""
    for number, took in enumerate(seconds):
        (one,) = await outbox.append([new_event(f"Took:{number}")])
        accepted = (await outbox.find(one.id)).accepted_at
        batch = await outbox.claim(LIVE, LATER, LATER, all_of)
        await outbox.settle(batch, ended(ended_at=accepted + took))


def test_what_took_longer_than_so_many_seconds_is_found_with_the_time_that_it_took(run, url):
    async def scene():
        async with opened(url) as outbox:
            insight = Insight(outbox.database)
            (waits,) = await outbox.append([new_event("Waits:1", lane=OTHER)])
            await delivered_after(outbox, 0.2, 3.0, 0.4)
            slow = [row.id for row in (await insight.events(Wanted(slower=0.3), None, 50)).rows]
            assert slow == [4, 3]
            assert [row.id for row in (await insight.events(Wanted(slower=5), None, 50)).rows] == []
            took = await insight.seconds_to_meta([waits.id, 2, 3, 4, 5])
            assert {event: round(seconds, 3) for event, seconds in took.items()} == {2: 0.2, 3: 3.0, 4: 0.4}

    run(scene())


def test_the_time_of_an_event_that_was_sent_several_times_ends_with_the_last_send(run, url):
    async def scene():
        async with opened(url) as outbox:
            insight = Insight(outbox.database)
            (one,) = await outbox.append([new_event("Took:long")])
            accepted = (await outbox.find(one.id)).accepted_at
            for _ in range(2):
                batch = await outbox.claim(LIVE, LATER, LATER, all_of)
                await outbox.settle(batch, ended(Step.RETRY, "failed", ended_at=accepted + 1, due_at=accepted))
            await outbox.settle(await outbox.claim(LIVE, LATER, LATER, all_of), ended(ended_at=accepted + 40))
            assert await insight.seconds_to_meta([one.id]) == {one.id: pytest.approx(40)}

    run(scene())
