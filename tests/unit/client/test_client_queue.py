import asyncio

import pytest
import structlog

from konversi.client import queue as waiting_line
from konversi.client.queue import Queue
from konversi.errors import GatewayUnreachable, NotAGateway, Overloaded, StorageUnavailable

PATIENCE = 10


class Gateway:
    """Takes what it is asked once it is there, and remembers the order."""

    def __init__(self, *, there=True):
        self.there = there
        self.taken = []
        self.tries = 0
        self.waited = {}
        self.silent = asyncio.Event()  # set: it answers

    def asking(self, name, error=None):
        async def ask(waited):
            self.tries += 1
            if not self.there:
                raise GatewayUnreachable
            if error is not None:
                raise error
            self.taken.append(name)
            self.waited[name] = waited
            return name

        return ask

    async def hang(self, _waited):
        await self.silent.wait()


@pytest.fixture
def logged(monkeypatch):
    captured = structlog.testing.LogCapture()
    capturing = structlog.wrap_logger(None, processors=[captured], wrapper_class=structlog.BoundLogger)
    monkeypatch.setattr(waiting_line, "logger", lambda: capturing)
    return captured.entries


def all_of(*coroutines):
    return [asyncio.create_task(one) for one in coroutines]


async def settled(tasks):
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def tried(gateway, times):
    async with asyncio.timeout(PATIENCE):
        while gateway.tries < times:
            await asyncio.sleep(0.001)


async def test_what_is_taken_at_once_is_answered_at_once():
    queue, gateway = Queue(), Gateway()
    assert await queue.book(gateway.asking("booking")) == "booking"
    await queue.note(gateway.asking("note"))
    assert gateway.taken == ["booking", "note"]


async def test_bookings_go_before_the_notes_that_came_before_them():
    queue, gateway = Queue(), Gateway(there=False)
    notes = all_of(*(queue.note(gateway.asking(f"note {n}")) for n in range(30)))
    await tried(gateway, 1)
    bookings = all_of(*(queue.book(gateway.asking(f"booking {n}")) for n in range(30)))
    await asyncio.sleep(0)
    gateway.there = True
    await settled([*notes, *bookings])
    assert len(gateway.taken) == 60
    assert all(name.startswith("booking") for name in gateway.taken[:30])


async def test_notes_whose_answer_does_not_come_hold_up_no_booking():
    queue, gateway = Queue(), Gateway()
    hanging = all_of(*(queue.note(gateway.hang) for _ in range(50)))
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        assert await queue.book(gateway.asking("booking")) == "booking"
    gateway.silent.set()
    await settled(hanging)


async def test_too_many_notes_are_dropped_and_leave_the_bookings_their_room(monkeypatch, logged):
    monkeypatch.setattr(waiting_line, "MOST", 20)
    queue, gateway = Queue(), Gateway(there=False)
    notes = all_of(*(queue.note(gateway.asking(f"note {n}")) for n in range(25)))
    await asyncio.sleep(0)
    await settled(notes[20:])
    bookings = all_of(*(queue.book(gateway.asking(f"booking {n}")) for n in range(20)))
    await tried(gateway, 1)
    assert [entry["event"] for entry in logged].count("notes_dropped") == 1
    gateway.there = True
    assert await settled(bookings) == [f"booking {n}" for n in range(20)]
    await settled(notes)
    await queue.end()
    assert sorted(gateway.taken[20:]) == sorted(f"note {n}" for n in range(20))
    assert [entry["dropped"] for entry in logged if "dropped" in entry] == [5]


async def test_a_booking_too_many_is_refused(monkeypatch):
    monkeypatch.setattr(waiting_line, "MOST", 2)
    queue, gateway = Queue(), Gateway(there=False)
    waiting = all_of(*(queue.book(gateway.asking(f"booking {n}")) for n in range(2)))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await queue.book(gateway.asking("one too many"))
    gateway.there = True
    assert await settled(waiting) == ["booking 0", "booking 1"]


async def test_a_gateway_that_is_away_is_not_asked_for_each_of_those_that_wait(monkeypatch):
    monkeypatch.setattr(waiting_line, "_FIRST_PAUSE", 3_600)
    queue, gateway = Queue(), Gateway(there=False)
    waiting = all_of(*(queue.book(gateway.asking(n)) for n in range(500)))
    await tried(gateway, 1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert gateway.tries <= 16
    gateway.there = True
    await queue.end()
    assert await settled(waiting) == list(range(500))


async def test_what_is_taken_never_does_not_keep_the_others_from_it():
    queue, gateway = Queue(), Gateway()
    poison = all_of(*(queue.book(gateway.asking("poison", StorageUnavailable("x"))) for _ in range(16)))
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        assert await queue.book(gateway.asking("booking")) == "booking"
    for task in poison:
        task.cancel()
    await settled(poison)
    await queue.end()


@pytest.mark.parametrize("error", [NotAGateway("x"), ValueError("x")])
async def test_what_is_said_of_the_request_itself_is_raised(error):
    queue, gateway = Queue(), Gateway()
    with pytest.raises(type(error)) as caught:
        await queue.book(gateway.asking("booking", error))
    assert caught.value is error
    assert gateway.tries == 1


async def test_each_try_is_told_how_long_it_waited(monkeypatch):
    queue, gateway = Queue(), Gateway(there=False)
    waiting = all_of(queue.book(gateway.asking("booking")))
    await tried(gateway, 1)
    began = waiting_line.monotonic()
    monkeypatch.setattr(waiting_line, "monotonic", lambda: began + 3_600)
    gateway.there = True
    await settled(waiting)
    assert gateway.waited["booking"] == pytest.approx(3_600, abs=PATIENCE)


async def test_at_the_end_nobody_is_left_waiting(monkeypatch, logged):
    monkeypatch.setattr(waiting_line, "_DRAIN_SECONDS", 0.05)
    monkeypatch.setattr(waiting_line, "_LAST_WORDS_SECONDS", 0.05)
    queue, gateway = Queue(), Gateway(there=False)
    waiting = all_of(*(queue.book(gateway.asking(n)) for n in range(40)), *(queue.book(gateway.hang) for _ in range(3)))
    await asyncio.sleep(0)
    await queue.end()
    assert {type(answer) for answer in await settled(waiting)} == {GatewayUnreachable}
    assert [entry["waiting"] for entry in logged if entry["event"] == "queue_given_up"] == [43]


async def test_whoever_asked_may_go_and_a_booking_under_way_goes_on():
    queue, gateway = Queue(), Gateway()
    asked = all_of(queue.book(gateway.hang))
    await asyncio.sleep(0)
    asked[0].cancel()
    await settled(asked)
    gateway.silent.set()
    await queue.end()
