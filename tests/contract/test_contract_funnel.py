"""How far conversations come: each counts once in each stage, on the day and for the ad of its first click."""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

from sqlalchemy import delete, select

from konversi.clock import unique
from konversi.events.agent import ToolUse, Turn
from konversi.events.conversion import Customer
from konversi.insight import funnel
from konversi.insight.funnel_tables import funnel_parts, funnel_totals, standings
from konversi.insight.journey_search import FROM_ANY_AD, FROM_NO_AD, Wanted
from konversi.insight.periods import Period
from konversi.insight.reading import Insight
from konversi.insight.standing import Stage
from konversi.insight.tables import DAY, HOUR
from konversi.journeys.arrival import Arrival, Heard, Identities, Referral
from konversi.journeys.store import Journeys
from konversi.journeys.tables import tool_uses
from konversi.outbox.states import Step
from konversi.outbox.store import open_outbox
from outboxes import LATER, LIVE, all_of, ended, new_event

NOW = 1_800_000_000.0
PERIOD = Period("1d", (int(NOW) - DAY,), NOW, DAY)
PHONE = "+628123456{:03}"


class Scene:
    """A database, with what is needed to let something happen in it."""

    def __init__(self, outbox):
        self.outbox = outbox
        self.database = database = outbox.database
        self.journeys = Journeys(database, b"secret", country="ID", now=lambda: NOW)
        self.insight = Insight(database)

    async def chat(self, who, ad=None, at=NOW - 3_600, click="click"):
        referral = Referral(click and f"{click}{who}", ad, "ad") if ad else None
        message = f"{who}-{ad}-{at}"
        person = Identities(PHONE.format(who))
        await self.journeys.arrive(Heard((Arrival(message, "whatsapp", "1", "2", int(at), person, "text", referral),)))

    async def call(self, who, tool="create_booking", outcome="succeeded", **more):
        person = {"phone": PHONE.format(who)}
        given = {"tool": tool, "outcome": outcome, "called_at": NOW - 1_800, "customer": person, **more}
        await self.journeys.agent_log.note([ToolUse.model_validate(given)])

    async def answer(self, who, **said):
        said = {"at": NOW - 1_700, **said}
        await self.journeys.agent_log.note_turn(Turn(customer=Customer(phone=PHONE.format(who)), **said))

    async def event(self, journey, name="Lead", settlement=None):
        await self.outbox.append([new_event(f"{name}:{unique()}", name=name)._replace(journey=journey)])
        if settlement is not None:
            await self.outbox.settle(await self.outbox.claim(LIVE, LATER, LATER + 60, all_of), settlement)

    async def stages(self):
        """Of all ads: clicks, chats, called, succeeded, delivered, paid."""
        await self.insight.follow()
        await self.insight.follow()
        found = await self.insight.funnel(PERIOD)
        await self.agreed()
        return tuple(one["number"] for one in found["stages"])

    async def agreed(self):
        """The sums by hour, by day and in total say the same as the standings."""

        def read(connection):
            rows = connection.execute(select(standings)).all()
            tables = [funnel_totals, *funnel_parts.values()]
            return len(rows), [sum(row.chats for row in connection.execute(select(table))) for table in tables]

        number, sums = await self.database.read(read)
        assert sums == [number] * 3


@asynccontextmanager
async def opened(url):
    outbox = await open_outbox(url)
    try:
        scene = Scene(outbox)
        await scene.journeys.open()
        yield scene
    finally:
        await outbox.aclose()


def test_a_chat_is_counted_as_far_as_it_came(run, url):
    async def scene():
        async with opened(url) as it:
            for who in range(5):
                await it.chat(who, ad="ad1")
            assert await it.stages() == (5, 5, 0, 0, 0, 0)
            await it.call(0, outcome="failed")
            await it.call(1)
            await it.call(2)
            assert await it.stages() == (5, 5, 3, 2, 0, 0)
            await it.event(2, settlement=ended())
            assert await it.stages() == (5, 5, 3, 2, 1, 0)
            await it.event(4, name="Purchase")
            assert await it.stages() == (5, 5, 4, 3, 2, 1), "who paid passed every stage before"

    run(scene())


def test_a_chat_belongs_to_the_ad_and_the_hour_of_its_first_click_in_whatever_order_they_are_told(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1, ad="late", at=NOW - 3_600, click="b")
            assert await it.stages() == (1, 1, 0, 0, 0, 0)
            await it.chat(1, ad="early", at=NOW - 3 * 3_600, click="a")
            assert await it.stages() == (2, 1, 0, 0, 0, 0)
            found = await it.insight.funnel(PERIOD)
            assert {ad["ad"]: ad["chats"] for ad in found["ads"]} == {"early": 1, "late": 0}

    run(scene())


def test_a_chat_without_an_ad_stands_apart(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1)
            await it.chat(2, ad="ad1")
            assert await it.stages() == (1, 1, 0, 0, 0, 0)
            found = await it.insight.funnel(PERIOD)
            assert [(ad["ad"], ad["chats"]) for ad in found["ads"]] == [("ad1", 1), (None, 1)]

    run(scene())


def test_a_call_that_ends_well_at_last_is_one_call_that_succeeded(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1, ad="ad1")
            await it.call(1, outcome="error", error_kind="Timeout", call_id="c1", seconds=9.0)
            assert await it.stages() == (1, 1, 1, 0, 0, 0)
            await it.call(1, call_id="c1", seconds=0.5)
            assert await it.stages() == (1, 1, 1, 1, 0, 0)
            (tool,) = (await it.insight.funnel(PERIOD))["tools"]
            assert (tool["calls"], tool["succeeded"], tool["errors"]) == (1, 1, [])
            assert 0.4 < tool["seconds"]["p95"] < 0.6

    run(scene())


def test_tools_say_how_their_calls_ended_whoever_called_them(run, url):
    async def scene():
        async with opened(url) as it:
            for outcome, kind in (("succeeded", None), ("error", "Timeout"), ("failed", None)):
                given = {"tool": "check_price", "outcome": outcome, "error_kind": kind, "called_at": NOW - 60}
                await it.journeys.agent_log.note([ToolUse.model_validate(given)])
            await it.insight.follow()
            (tool,) = (await it.insight.funnel(PERIOD))["tools"]
            assert (tool["calls"], tool["succeeded"]) == (3, 1)
            assert {one["kind"]: one["calls"] for one in tool["errors"]} == {"Timeout": 1, "failed": 1}

    run(scene())


def test_who_said_booked_and_had_not_is_found_and_who_had_is_not(run, url):
    async def scene():
        async with opened(url) as it:
            for who in (1, 2):
                await it.chat(who, ad="ad1")
            await it.answer(1, claimed=True)
            await it.answer(2, booked=True, claimed=True)
            await it.answer(2, claimed=True, at=NOW - 1_600)
            await it.stages()
            found = await it.insight.funnel(PERIOD)
            assert found["unfounded"] == {"chats": 1, "before": 0, "answers": 1, "of_answers": 3, "rate": 1 / 3}
            rows = (await it.insight.journeys(Wanted(unfounded=True), None, 10)).rows
            assert [row.journey.id for row in rows] == [1]

    run(scene())


def test_a_time_that_was_found_and_not_booked_counts_until_it_is_booked(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1, ad="ad1")
            await it.call(1, tool="findSlots")
            await it.stages()
            assert (await it.insight.funnel(PERIOD))["found_only"]["chats"] == 1
            await it.call(1)
            await it.stages()
            assert (await it.insight.funnel(PERIOD))["found_only"]["chats"] == 0

    run(scene())


def test_many_who_follow_at_a_time_count_each_chat_and_call_once(run, url):
    async def scene():
        async with opened(url) as it:
            for who in range(0, 40, 4):
                for one in range(who, who + 4):
                    await it.chat(one, ad="ad1")
                    await it.call(one)
                await it.event(who + 1, settlement=ended())
                await asyncio.gather(*(Insight(it.database).follow() for _ in range(4)))
            assert await it.stages() == (40, 40, 40, 40, 10, 0)
            (tool,) = (await it.insight.funnel(PERIOD))["tools"]
            assert tool["calls"] == 40

    run(scene())


def test_what_was_reached_stays_reached_when_the_calls_are_forgotten(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1, ad="ad1")
            await it.call(1)
            assert await it.stages() == (1, 1, 1, 1, 0, 0)
            await it.database.write(lambda connection: connection.execute(delete(tool_uses)).rowcount)
            await it.chat(1, ad="ad1", at=NOW - 60, click="again")
            assert await it.stages() == (2, 1, 1, 1, 0, 0)

    run(scene())


def test_a_forgotten_chat_leaves_the_list_and_stays_in_the_sums(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1, ad="ad1")
            await it.stages()
            await it.journeys.forget(messages_before=NOW, rest_before=NOW, limit=100)
            await it.insight.follow()
            assert await it.database.read(lambda connection: connection.execute(select(standings)).all()) == []
            assert (await it.insight.funnel(PERIOD))["stages"][1]["number"] == 1

    run(scene())


def test_a_discarded_payment_is_none(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1, ad="ad1")
            await it.event(1, name="Purchase")
            assert (await it.stages())[-1] == 1
            await it.outbox.change(1, Step.DISCARD, now=NOW, reason="Paid twice")
            await it.chat(1, ad="ad1", at=NOW - 60, click="again")
            assert (await it.stages())[-1] == 0

    run(scene())


def test_the_list_is_filtered_by_ad_time_stage_click_and_word(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1, ad="ad1", at=NOW - 5 * HOUR)
            await it.chat(2, ad="ad2", at=NOW - 4 * HOUR, click=None)
            await it.chat(3, at=NOW - 3 * HOUR)
            await it.call(2, outcome="failed")
            await it.event(1, name="Purchase")

            async def ids(**wanted):
                found = await it.insight.journeys(Wanted(counts_after=NOW - DAY, **wanted), None, 10)
                return [row.journey.id for row in found.rows]

            assert await ids() == [3, 2, 1]
            assert await ids(ad="ad1") == [1]
            assert await ids(ad=FROM_ANY_AD) == [2, 1]
            assert await ids(ad=FROM_NO_AD) == [3]
            assert await ids(since=NOW - 4.5 * HOUR, until=NOW - 3.5 * HOUR) == [2]
            assert await ids(stage=Stage.CALLED) == [2, 1]
            assert await ids(stage=Stage.PAID) == [1]
            assert await ids(click="matched") == [1]
            assert await ids(click="no_click_id") == [2]
            assert await ids(click="no_click") == [3]
            assert await ids(word="jn_000000002") == [2]
            assert await ids(tool="create_booking", error="failed") == [2]
            assert await ids(channel="instagram") == []

    run(scene())


def test_the_list_has_pages(run, url):
    async def scene():
        async with opened(url) as it:
            for who in range(5):
                await it.chat(who, ad="ad1", at=NOW - 3_600 - who)
            seen, cursor = [], None
            while True:
                page = await it.insight.journeys(Wanted(), cursor, 2)
                seen += [row.journey.id for row in page.rows]
                cursor = page.next
                if cursor is None:
                    break
            assert seen == [1, 2, 3, 4, 5]

    run(scene())


def test_the_period_before_is_read_beside_the_period(run, url):
    async def scene():
        async with opened(url) as it:
            await it.chat(1, ad="ad1", at=NOW - DAY - HOUR)
            await it.chat(2, ad="ad1")
            await it.stages()
            sums = await it.database.read(partial(funnel.read, PERIOD))
            chats = funnel.shape(sums, PERIOD)["stages"][1]
            assert (chats["number"], chats["before"]) == (1, 1)

    run(scene())
