"""The hourly sums: each event counts once, in the hour it was accepted, however and whenever it got to Meta."""

import asyncio
from contextlib import asynccontextmanager

import psycopg
from sqlalchemy import select

from konversi.insight import summing
from konversi.insight.reading import Insight
from konversi.insight.tables import DAY, HOUR, hourly_totals, parts, waits
from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox
from outboxes import LATER, LIVE, OTHER, URLS, all_of, ended, new_event, new_events


@asynccontextmanager
async def opened(url):
    outbox = await open_outbox(url)
    try:
        yield outbox
    finally:
        await outbox.aclose()


async def sums(outbox):
    """(event, channel) to (accepted, delivered), over all hours."""
    await Insight(outbox.database).sums.follow(10)
    found = [{}, {}]
    for sums, table in zip(found, parts.values(), strict=True):
        for row in await rows_of(outbox, table):
            before = sums.get((row.event_name, row.channel), (0, 0))
            sums[row.event_name, row.channel] = (before[0] + row.accepted, before[1] + row.delivered)
    totals = await rows_of(outbox, hourly_totals)
    assert found[0] == found[1], "the hours and the days agree"
    assert sum(row.accepted for row in totals) == sum(accepted for accepted, _ in found[0].values())
    assert sum(row.delivered for row in totals) == sum(delivered for _, delivered in found[0].values())
    return found[0]


async def rows_of(outbox, table):
    return await outbox.database.read(lambda connection: connection.execute(select(table)).all())


async def sent(outbox, lane=LIVE, settlement=None):
    batch = await outbox.claim(lane, LATER, LATER + 60, all_of)
    await outbox.settle(batch, settlement or ended())
    return batch


def test_accepted_and_delivered_events_count_by_name_and_channel(run, url):
    async def scene():
        async with opened(url) as outbox:
            await outbox.append([*new_events(3), new_event("P:1", name="Purchase", lane=OTHER)])
            assert await sums(outbox) == {("Lead", "chat"): (3, 0), ("Purchase", "website"): (1, 0)}
            await sent(outbox)
            assert await sums(outbox) == {("Lead", "chat"): (3, 3), ("Purchase", "website"): (1, 0)}

    run(scene())


def test_following_again_adds_nothing(run, url):
    async def scene():
        async with opened(url) as outbox:
            await outbox.append(new_events(3))
            await sent(outbox)
            assert await sums(outbox) == await sums(outbox) == {("Lead", "chat"): (3, 3)}

    run(scene())


def test_many_who_follow_at_a_time_count_each_event_once(run, url):
    async def scene():
        async with opened(url) as outbox:
            for start in range(0, 60, 3):
                await outbox.append([new_event(f"Lead:{start + number}") for number in range(3)])
                await sent(outbox)
                await asyncio.gather(*(Insight(outbox.database).sums.follow() for _ in range(4)))
            assert await sums(outbox) == {("Lead", "chat"): (60, 60)}

    run(scene())


def test_an_attempt_that_ends_after_later_ones_still_counts(run, url):
    async def scene():
        async with opened(url) as outbox:
            await outbox.append([new_event("slow")])
            slow = await outbox.claim(LIVE, LATER, LATER + 60, all_of)
            await outbox.append([new_event("quick")])
            await sent(outbox)
            assert await sums(outbox) == {("Lead", "chat"): (2, 1)}
            await outbox.settle(slow, ended())
            assert await sums(outbox) == {("Lead", "chat"): (2, 2)}

    run(scene())


def test_an_event_that_is_replayed_counts_once_when_it_is_delivered(run, url):
    async def scene():
        async with opened(url) as outbox:
            await outbox.append([new_event()])
            batch = await sent(outbox, settlement=ended(Step.REFUSE, "refused"))
            assert await sums(outbox) == {("Lead", "chat"): (1, 0)}
            await outbox.change(batch.ids[0], Step.REPLAY, now=0, reason="")
            await sent(outbox)
            assert await sums(outbox) == {("Lead", "chat"): (1, 1)}

    run(scene())


def test_a_late_delivery_counts_for_the_hour_of_its_acceptance(run, url):
    async def scene():
        async with opened(url) as outbox:
            await outbox.append([new_event()])
            found = await outbox.find(1)
            await sent(outbox, settlement=ended(ended_at=found.accepted_at + 5 * 86_400))
            await Insight(outbox.database).sums.follow()
            for every in (HOUR, DAY):
                (row,) = await rows_of(outbox, parts[every])
                (wait,) = await rows_of(outbox, waits[every])
                assert row.start == wait.start == found.accepted_at // every * every
                assert row.delivered == wait.events == 1

    run(scene())


def test_a_repeat_counts_once(run, url):
    async def scene():
        async with opened(url) as outbox:
            await outbox.append([new_event()])
            await outbox.append([new_event()])
            assert await sums(outbox) == {("Lead", "chat"): (1, 0)}

    run(scene())


def test_an_event_whose_lower_id_is_committed_late_is_not_missed(run):
    async def scene(url):
        async with opened(url) as outbox:
            with psycopg.connect(url.replace("+psycopg", "")) as late:
                late.execute(
                    "INSERT INTO events (id, dataset, event_name, event_id, event_time, accepted_at, deadline, digest,"
                    " body, notes) VALUES (nextval('events_id_seq'), 'default', 'Lead', 'late', 0, 0, 0, '', '{}', '')"
                )
                late.execute(
                    "INSERT INTO queue VALUES (1, 'default|live|chat', 'waiting', 0, 0, 1000, 2, 0, 0, '', '')"
                )
                await outbox.append([new_event("soon")])
                assert await sums(outbox) == {}  # it is known later, rather than never
                late.commit()
            assert await sums(outbox) == {("Lead", "chat"): (2, 0)}

    with URLS["postgres"](None) as url:
        run(scene(url))


def test_what_is_left_is_said_only_where_more_was_there_than_is_looked_at_in_one_go(run, url, monkeypatch):
    async def scene():
        async with opened(url) as outbox:
            follower = Insight(outbox.database).sums
            await outbox.append(new_events(3))
            assert not await follower.follow()
            monkeypatch.setattr(summing, "_EVENTS_AT_ONCE", 2)
            await outbox.append([new_event(f"Lead:more-{number}") for number in range(5)])
            assert [await follower.follow() for _ in range(3)] == [True, True, False]
            assert await sums(outbox) == {("Lead", "chat"): (8, 0)}

    run(scene())
