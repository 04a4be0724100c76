"""Notes of what tools did: taken in any thread, kept in the loop's, with others."""

import asyncio
import concurrent.futures
import threading

import pytest

from konversi.client import notes as notes_module
from konversi.client.notes import Notes
from konversi.events.agent import ToolUse
from outboxes import until


def use(number):
    return ToolUse(tool=f"tool-{number}", outcome="succeeded")


class Keeper:
    def __init__(self, fails=()):
        self.kept = []
        self._fails = fails

    async def note(self, *uses):
        await asyncio.sleep(0)
        if {one.tool for one in uses} & set(self._fails):
            raise ValueError("this one")
        self.kept += [one.tool for one in uses]


async def test_what_threads_tell_is_kept_and_each_hears_of_its_own(monkeypatch):
    monkeypatch.setattr(notes_module, "_PATIENCE", 0.001)
    keeper, loop = Keeper(fails=["tool-7"]), asyncio.get_running_loop()
    notes, told = Notes(loop, keeper.note), {}

    def tell(first):
        for number in range(first, first + 10):
            told[number] = notes.take([use(number)])

    threads = [threading.Thread(target=tell, args=(first,)) for first in (0, 10, 20)]
    for thread in threads:
        thread.start()
    await until(lambda: len(told) == 30 and all(one.done() for one in told.values()))
    for thread in threads:
        thread.join()
    assert sorted(keeper.kept) == sorted(f"tool-{number}" for number in range(30) if number != 7)
    assert [number for number, one in told.items() if one.exception() is not None] == [7]


async def test_the_loop_is_woken_once_for_all_that_comes_within_its_patience(monkeypatch):
    woken, loop = [], asyncio.get_running_loop()
    monkeypatch.setattr(notes_module, "_PATIENCE", 0.01)
    real = loop.call_soon_threadsafe

    class Loop:
        call_later = loop.call_later

        def call_soon_threadsafe(self, *given):
            woken.append(given)
            return real(*given)

    keeper = Keeper()
    notes = Notes(Loop(), keeper.note)
    written = [notes.take([use(number)]) for number in range(5)]
    await until(lambda: all(one.done() for one in written))
    assert len(woken) == 1
    later = notes.take([use(5)])
    await until(later.done)
    assert len(woken) == 2
    assert len(keeper.kept) == 6


async def test_closing_keeps_what_was_taken_and_waits_for_it():
    keeper = Keeper()
    notes = Notes(asyncio.get_running_loop(), keeper.note)
    written = [notes.take([use(number), use(number)]) for number in range(3)]
    await notes.hand_on_all()
    await notes.told()
    assert all(one.done() for one in written)
    assert len(keeper.kept) == 6
    await notes.told()


async def test_what_comes_while_the_client_closes_is_refused_instead_of_waiting_for_ever():
    keeper = Keeper()
    notes = Notes(asyncio.get_running_loop(), keeper.note)
    taken = notes.take([use(0)])
    await notes.hand_on_all()
    with pytest.raises(RuntimeError):
        notes.take([use(1)])
    await notes.told()
    assert taken.done()
    assert keeper.kept == ["tool-0"]


async def test_who_gave_up_on_its_note_disturbs_nobody():
    keeper = Keeper()
    notes = Notes(asyncio.get_running_loop(), keeper.note)
    gone, stays = notes.take([use(0)]), notes.take([use(1)])
    assert gone.cancel()
    await notes.hand_on_all()
    await notes.told()
    assert stays.result() is None
    with pytest.raises(concurrent.futures.CancelledError):
        gone.result()


def test_where_the_loop_has_ended_nothing_is_taken():
    loop = asyncio.new_event_loop()
    notes = Notes(loop, Keeper().note)
    loop.close()
    with pytest.raises(RuntimeError):
        notes.take([use(0)])
