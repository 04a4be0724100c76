"""The daily sums of match keys: each event counts once, by all of its keys, however often anybody looks."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from konversi.insight.reading import Insight
from konversi.matching.strength import told_by
from konversi.outbox.store import open_outbox
from outboxes import new_event

BODY = '{"event_name":"Lead","action_source":"%s","user_data":%s}'


@asynccontextmanager
async def opened(url):
    outbox = await open_outbox(url)
    try:
        yield outbox, Insight(outbox.database)
    finally:
        await outbox.aclose()


def known(number, user_data, channel="chat"):
    return new_event(f"Lead:{number}", lane=f"default|live|{channel}", body=(BODY % (channel, user_data)).encode())


def with_its_keys(event):
    """As the doors write it: what is summed stands beside the body."""
    return event._replace(match_keys=told_by(orjson.loads(event.body)["user_data"]))


def of_before(event):
    """As it was written before that: the body alone tells."""
    return event


def test_coverage_and_estimate_are_of_all_events_of_a_name_and_channel(run, url):
    async def scene():
        async with opened(url) as (outbox, insight):
            await outbox.append([known(1, '{"ph":["a"]}'), known(2, '{"ph":["b"],"em":["c"]}'), known(3, "{}")])
            await outbox.append([known(4, '{"ctwa_clid":"x"}', "business_messaging")])
            chat, clicked = (await insight.quality(0, None))["events"]
            assert (chat["channel"], chat["events"]) == ("chat", 3)
            assert chat["coverage"]["ph"] == pytest.approx(2 / 3, abs=1e-3)
            assert chat["coverage"]["em"] == pytest.approx(1 / 3, abs=1e-3)
            assert 0 < chat["estimated_match_quality"] < 10
            assert (clicked["matched_by"], clicked["estimated_match_quality"]) == ("click", None)

    run(scene())


@pytest.mark.parametrize("written", [with_its_keys, of_before])
@pytest.mark.parametrize(
    ("user_data", "counts"),
    [
        ('{"ph":["a"],"external_id":["a"]}', False),  # it only stands in for a number of its own
        ('{"ph":["a","b"],"external_id":["a"]}', False),
        ('{"ph":["a"],"external_id":["b"]}', True),
        ('{"ph":["a"],"external_id":["a","b"]}', True),
        ('{"external_id":["a"]}', True),
    ],
)
def test_a_phone_that_is_the_customer_number_too_is_one_key(run, url, user_data, counts, written):
    async def scene():
        async with opened(url) as (outbox, insight):
            await outbox.append([written(known(1, user_data))])
            (found,) = (await insight.quality(0, None))["events"]
            assert ("external_id" in {key for key, share in found["coverage"].items() if share}) is counts

    run(scene())


def test_many_who_look_at_a_time_count_each_event_once(run, url):
    async def scene():
        async with opened(url) as (outbox, _):
            for start in range(0, 30, 3):
                await outbox.append([known(start + number, '{"ph":["a"]}') for number in range(3)])
                await asyncio.gather(*(Insight(outbox.database).quality(0, None) for _ in range(4)))
            (found,) = (await Insight(outbox.database).quality(0, None))["events"]
            assert found["events"] == 30

    run(scene())


def test_another_dataset_or_an_earlier_day_is_left_out(run, url):
    async def scene():
        async with opened(url) as (outbox, insight):
            await outbox.append([known(1, '{"ph":["a"]}')])
            assert (await insight.quality(0, "elsewhere"))["events"] == []
            assert (await insight.quality(4e9, None))["events"] == []
            assert len((await insight.quality(0, "default"))["events"]) == 1

    run(scene())
