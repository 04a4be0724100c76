"""The gateway's end of the wire to the preparer, over processes that say what a test wants."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest
import uvloop

from konversi._version import __version__
from konversi.datasets.registry import Registry
from konversi.events.conversion import Conversion
from konversi.intake.prepare import Past, Rules
from konversi.intake.preparer import line
from konversi.intake.preparer.beside import Beside
from konversi.intake.preparer.messages import Asked, Asking, Circumstances, Prepared, Started, packed
from konversi.journeys.keyring import Keyring
from konversi.value.in_effect import Values

PATIENCE = 10.0
NOBODY = Past({}, {}, {}, {})
UNDER = Circumstances.now(Rules(b"s" * 32, "ID", "IDR", None, values=Values("IDR")), Registry("1"), Keyring())
ASKING = packed(Asking(1, [Asked("Lead", "e-1", None, [b"key"], [])]))
ANSWER = packed(Prepared(1, []))
CHILD = """
import socket, struct
end = socket.socket(fileno=0)
wire = end.makefile("rwb")
def say(words):
    wire.write(words)
    wire.flush()
for words in {answers!r}:
    (length,) = struct.unpack("<I", wire.read(4))
    wire.read(length)
    say(words)
wire.read()
"""


class Long:
    """Would be prepared elsewhere."""

    is_long = True

    def conversions(self):
        return [Conversion(event="Lead")]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def within(request):
    """Runs a story in each kind of event loop."""

    def run(story):
        async def bounded():
            async with asyncio.timeout(PATIENCE):
                await story()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded())

    return run


@pytest.fixture
def child(monkeypatch):
    """`child(*answers)`: what the process says once it has begun, the first time to the circumstances, then to a list and its past."""

    def says(*answers, version=__version__):
        script = CHILD.format(answers=[packed(Started(version)), *answers])
        monkeypatch.setattr(line, "_COMMAND", (sys.executable, "-c", script))

    return says


async def ready():
    """One that has started its process."""
    one = Beside()
    assert await prepared(one) is None, "it is only just started"
    while one.process is None:
        await asyncio.sleep(0.01)
    return one


async def prepared(one, past=None):
    async def nobody(_):
        return NOBODY

    return await one.prepared(Long(), 0.0, UNDER, past or nobody)


async def ended(one):
    while one._starting is not None:
        await asyncio.sleep(0.01)


def test_a_list_goes_there_and_back(within, child):
    child(b"", ASKING, ANSWER)

    async def story():
        one = await ready()
        assert await prepared(one) == []
        await one.aclose()

    within(story)


def test_a_list_whose_preparer_dies_while_its_past_is_looked_up_does_not_wait_for_it(within, child):
    child(b"", ASKING)

    async def story():
        one = await ready()

        async def dying(_):
            os.kill(one.process, signal.SIGKILL)
            await ended(one)
            return NOBODY

        assert await prepared(one, dying) is None

    within(story)


def test_a_list_that_comes_while_the_preparer_is_ending_is_not_given_to_it(within, child, monkeypatch):
    child(b"not what was agreed".ljust(40_000, b"!"))
    monkeypatch.setattr(line, "_END_SECONDS", 0.5)

    async def story():
        one = await ready()
        os.kill(one.process, signal.SIGSTOP)  # it takes its time
        one._line._wire.close()
        await asyncio.sleep(0)
        assert one.process is not None
        assert await prepared(one) is None
        await ended(one)

    within(story)


def test_nonsense_ends_the_preparer_and_leaves_the_list_to_the_gateway(within, child):
    child(b"", b"\x04\x00\x00\x00oops")

    async def story():
        one = await ready()
        assert await prepared(one) is None
        await ended(one)
        assert one.process is None

    within(story)


def test_one_of_another_version_is_given_nothing(within, child):
    child(b"", ASKING, ANSWER, version="another")

    async def story():
        one = Beside()
        await prepared(one)
        await ended(one)
        assert one.process is None

    within(story)


def test_a_program_that_cannot_be_started_costs_nothing_but_a_warning(within, monkeypatch):
    monkeypatch.setattr(line, "_COMMAND", ("/nowhere/to/be/found",))

    async def story():
        one = Beside()
        await prepared(one)
        await ended(one)
        assert await prepared(one) is None

    within(story)


def test_a_slow_database_is_not_taken_for_a_silent_preparer(within, child, monkeypatch):
    child(b"", ASKING, ANSWER)
    monkeypatch.setattr(line, "_ANSWER_SECONDS", 0.2)

    async def story():
        one = await ready()

        async def slow(_):
            await asyncio.sleep(0.4)
            return NOBODY

        assert await prepared(one, slow) == []
        await one.aclose()

    within(story)


def test_what_the_look_up_raises_is_raised(within, child):
    child(b"", ASKING)

    async def story():
        one = await ready()

        async def failing(_):
            raise TimeoutError

        with pytest.raises(TimeoutError):
            await prepared(one, failing)
        assert one.process is not None
        await one.aclose()

    within(story)
