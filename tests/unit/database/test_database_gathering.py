"""Gathering: what comes together becomes one job, and no more jobs are under way than may be."""

import asyncio

import pytest

from konversi.database import gathering as gathering_module
from konversi.database.gathering import Gathering
from konversi.errors import Overloaded, ShuttingDown, StorageUnavailable


class Writer:
    """Takes jobs and runs them when told."""

    def __init__(self):
        self.jobs = []
        self.how = []

    def call(self, job, done, *, brief, long):
        self.jobs.append((job, done))
        self.how.append((brief, long))

    def do(self, number=0):
        job, done = self.jobs.pop(number)
        try:
            done(job(None))
        except Exception as error:
            done(error)


def gathering(writer, **given):
    return Gathering(
        writer.call, lambda _connection, items: [item * 10 for item in items],
        **{"size": lambda _item: 1, "brief": 2, "most": 10, **given},
    )  # fmt: skip


async def bring(gathered, *items):
    """Tasks that bring the items in one round."""
    tasks = [asyncio.create_task(gathered.bring(item)) for item in items]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_in_one_round_is_one_job_and_each_caller_gets_its_own_result():
    writer = Writer()
    tasks = await bring(gathering(writer), 1, 2, 3)
    assert len(writer.jobs) == 1
    writer.do()
    assert await asyncio.gather(*tasks) == [10, 20, 30]


@pytest.mark.parametrize(("items", "how"), [(2, (True, False)), (3, (False, True))])
async def test_a_job_is_brief_up_to_so_much_of_it(items, how):
    writer = Writer()
    tasks = await bring(gathering(writer), *range(items))
    assert writer.how == [how]
    writer.do()
    await asyncio.gather(*tasks)


async def test_no_more_jobs_are_under_way_than_may_be_and_what_comes_meanwhile_makes_the_next():
    writer = Writer()
    gathered = gathering(writer, at_once=2)
    first, second = await bring(gathered, 1), await bring(gathered, 2)
    later = [*await bring(gathered, 3), *await bring(gathered, 4)]
    assert len(writer.jobs) == 2
    writer.do(1)
    assert await second[0] == 20
    assert len(writer.jobs) == 2  # the first, and one for all that waited
    writer.do()
    writer.do()
    assert await asyncio.gather(*first, *later) == [10, 30, 40]


async def test_a_job_gets_no_more_than_enough_but_a_large_item_goes_whole():
    writer = Writer()
    gathered = gathering(writer, at_once=1, enough=3, size=lambda item: item)
    tasks = await bring(gathered, 2, 2, 1, 5)
    taken = []
    while writer.jobs:
        job, done = writer.jobs.pop()
        taken.append(job(None))
        done(taken[-1])
    assert taken == [[20, 20], [10, 50]]
    await asyncio.gather(*tasks)


async def test_more_than_may_wait_is_refused_and_room_comes_back_with_the_results():
    writer = Writer()
    gathered = gathering(writer, most=3, at_once=1)
    tasks = await bring(gathered, 1, 2, 3)
    with pytest.raises(Overloaded):
        await gathered.bring(4)
    writer.do()
    await asyncio.gather(*tasks)
    (task,) = await bring(gathered, 4)
    writer.do()
    assert await task == 40


async def test_all_callers_of_a_job_that_fails_hear_of_it_and_the_next_job_goes_on():
    writer = Writer()
    fails = True

    def job(_connection, items):
        if fails:
            raise StorageUnavailable("x")
        return items

    gathered = Gathering(writer.call, job, size=lambda _item: 1, brief=2, most=10, at_once=1)
    tasks, waiting = await bring(gathered, 1, 2), await bring(gathered, 3)
    writer.do()
    for task in tasks:
        with pytest.raises(StorageUnavailable):
            await task
    fails = False
    writer.do()
    assert await waiting[0] == 3


async def test_a_caller_that_has_gone_is_nobody_elses_concern():
    writer = Writer()
    gone, stays = await bring(gathering(writer), 1, 2)
    gone.cancel()
    await asyncio.sleep(0)
    writer.do()
    assert await stays == 20


async def test_when_it_closes_all_that_waits_goes_at_once_and_nobody_else_is_taken():
    writer = Writer()
    gathered = gathering(writer, at_once=1, enough=1, patience=60)
    tasks = await bring(gathered, 1, 2, 3)
    assert writer.jobs == []
    gathered.close()
    assert len(writer.jobs) == 3
    with pytest.raises(ShuttingDown):
        await gathered.bring(4)
    while writer.jobs:
        writer.do()
    assert await asyncio.gather(*tasks) == [10, 20, 30]


class Prompt(Writer):
    """Does a job within the call, unless it is busy."""

    def __init__(self, *, busy=False):
        super().__init__()
        self.busy = busy

    def promptly(self, job):
        if self.busy:
            return ()
        try:
            return [job(None)]
        except Exception as error:
            return [error]


def prompt(writer, **given):
    return gathering(writer, promptly=writer.promptly, **given)


def at_once(coroutine):
    """What comes of it without a round of the loop."""
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    return end.value.value


async def waits(coroutine):
    """A task of it, that is not done before others have had a turn."""
    task = asyncio.create_task(coroutine)
    for _ in range(2):
        await asyncio.sleep(0)
        assert not task.done()
    return task


async def test_who_comes_alone_has_its_result_at_once_but_only_so_often_before_others_have_a_turn():
    writer = Prompt()
    gathered = prompt(writer)
    for _ in range(3):
        for item in range(gathering_module._ALONE_IN_A_ROW):
            assert at_once(gathered.bring(item)) == item * 10
        task = await waits(gathered.bring(7))
        writer.do()
        assert await task == 70
    assert gathered.departures == gathered.carried == 3 * (gathering_module._ALONE_IN_A_ROW + 1)


async def test_where_the_writer_is_busy_who_comes_alone_waits_for_it():
    writer = Prompt(busy=True)
    tasks = await bring(prompt(writer), 1)
    writer.do()
    assert await asyncio.gather(*tasks) == [10]


async def test_who_had_company_goes_with_it_for_a_while(monkeypatch):
    writer = Prompt(busy=True)
    gathered = prompt(writer)
    tasks = await bring(gathered, 1, 2)
    writer.do()
    await asyncio.gather(*tasks)
    writer.busy = False
    later = await bring(gathered, 3)
    assert len(writer.jobs) == 1
    writer.do()
    await asyncio.gather(*later)
    monkeypatch.setattr(gathered, "_company_until", 0.0)
    assert at_once(gathered.bring(4)) == 40


async def test_a_list_is_never_written_within_the_call_and_is_company_for_who_comes_after_it():
    writer = Prompt()
    gathered = prompt(writer, size=lambda item: item)
    task = await waits(gathered.bring(3))
    writer.do()
    assert await task == 30
    task = await waits(gathered.bring(1))
    writer.do()
    assert await task == 10


async def test_a_failure_of_who_went_alone_is_raised_at_once():
    def job(_connection, _items):
        raise StorageUnavailable("x")

    writer = Prompt()
    gathered = Gathering(writer.call, job, size=lambda _item: 1, brief=2, most=10, promptly=writer.promptly)
    with pytest.raises(StorageUnavailable):
        await gathered.bring(1)
    assert gathered._queued == 0
