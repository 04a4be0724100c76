"""Alerts on every database: told once for each cause, by one of many, and again when it is over."""

import asyncio
import json
from contextlib import asynccontextmanager

from konversi.alerts import facts
from konversi.alerts.watchman import Watchman
from konversi.alerts.webhook import AlertNotTold
from konversi.insight.process_metrics import LaneReport
from konversi.outbox.store import open_outbox
from outboxes import LIVE, new_event

PAUSED = LaneReport(LIVE, {}, {}, 0.0, "open", paused=True, cause="Invalid access token. Renew it.")


class Clock:
    at = 1_000_000.0

    def now(self):
        return self.at


class Somebody:
    """Who is told, and may be away."""

    def __init__(self):
        self.told, self.names, self.away = [], [], False

    async def tell(self, name, body):
        self.names.append(name)
        if self.away:
            raise AlertNotTold("webhook: HTTP 500.")
        self.told.append(json.loads(body))

    @property
    def kinds(self):
        return [(one["type"], one["data"]["rule"]) for one in self.told]


class Scene:
    def __init__(self, outbox):
        self.outbox, self.clock, self.somebody, self.lanes = outbox, Clock(), Somebody(), [PAUSED]

    def watchman(self):
        async def lanes():
            return self.lanes

        return Watchman(
            self.outbox.database,
            {"webhook": self.somebody},
            clock=self.clock,
            lanes=lanes,
            name_of=lambda dataset: dataset,
        )


@asynccontextmanager
async def scene_of(url):
    outbox = await open_outbox(url)
    try:
        yield Scene(outbox)
    finally:
        await outbox.aclose()


def test_a_cause_is_told_once_and_again_when_it_is_over(run, url):
    async def story():
        async with scene_of(url) as scene:
            for _ in range(3):
                await scene.watchman().once()  # a new one each time: as after a restart
                scene.clock.at += 30
            assert scene.somebody.kinds == [("alert.opened", "dataset_paused")]
            assert [one["rule"] for one in await scene.watchman().open()] == ["dataset_paused"]
            scene.lanes = []
            await scene.watchman().once()
            assert len(scene.somebody.told) == 1, "a breaker that looks again is no end"
            scene.clock.at += 130
            await scene.watchman().once()
            assert scene.somebody.kinds[1:] == [("alert.resolved", "dataset_paused")]
            assert await scene.watchman().open() == []
            scene.lanes = [PAUSED]
            await scene.watchman().once()
            assert scene.somebody.kinds[2:] == [("alert.opened", "dataset_paused")]

    run(story())


def test_what_goes_on_for_a_day_is_reminded_of(run, url):
    async def story():
        async with scene_of(url) as scene:
            for _ in range(2):
                await scene.watchman().once()
                scene.clock.at += 86_400
            assert [kind for kind, _ in scene.somebody.kinds] == ["alert.opened", "alert.reminded"]

    run(story())


def test_many_who_look_at_a_time_tell_it_once(run, url):
    async def story():
        async with scene_of(url) as scene:
            await asyncio.gather(*(scene.watchman().once() for _ in range(6)))
            assert len(scene.somebody.names) == 1

    run(story())


def test_a_notice_waits_for_a_receiver_that_is_away_and_keeps_its_name(run, url):
    async def story():
        async with scene_of(url) as scene:
            scene.somebody.away = True
            await scene.watchman().once()
            scene.somebody.away = False
            await scene.watchman().tell()
            assert scene.somebody.told == [], "not before its time"
            scene.clock.at += 6
            await scene.watchman().tell()
            assert scene.somebody.kinds == [("alert.opened", "dataset_paused")]
            assert len(set(scene.somebody.names)) == 1

    run(story())


def test_events_that_wait_too_long_are_told_of_in_stages(run, url):
    async def story():
        async with scene_of(url) as scene:
            scene.lanes = []
            (event,) = await scene.outbox.append([new_event(deadline=3_000_000_000)])
            stored = await scene.outbox.find(event.id)
            window = stored.deadline - stored.accepted_at
            for share in (0.2, 0.55, 0.6, 0.75, 0.95):
                scene.clock.at = stored.accepted_at + share * window
                scene.somebody.told.clear()
                await scene.watchman().once()
                kinds = [kind for kind, rule in scene.somebody.kinds if rule == "delivery_failing"]
                expected = {0.55: "alert.opened", 0.6: "alert.reminded", 0.75: "alert.raised", 0.95: "alert.raised"}
                assert kinds == [kind for at, kind in expected.items() if at == share]

    run(story())


def test_of_a_long_backlog_both_ends_are_looked_at(run, url, monkeypatch):
    monkeypatch.setattr(facts, "_AN_END", 1)

    async def story():
        async with scene_of(url) as scene:
            await scene.outbox.append([new_event("first", deadline=9_000), new_event("between", deadline=8_000)])
            await scene.outbox.append([new_event("last", deadline=7_000)])
            (found,) = await scene.outbox.database.read(
                lambda connection: facts.read(connection, [], 1_000.0, lambda dataset: dataset)
            )
            return found.left_seconds

    assert run(story()) == 6_000
