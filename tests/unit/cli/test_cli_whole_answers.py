"""Answers that leave in one piece."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("httptools")

from konversi.cli.whole_answers import _Joined

HEAD = b"HTTP/1.1 202 Accepted\r\n\r\n"


class Wire:
    """A transport that keeps what is written."""

    def __init__(self):
        self.written = []
        self.closed = False

    def write(self, data):
        self.written.append(bytes(data))

    def close(self):
        self.closed = True


@pytest.fixture
def wire():
    return Wire()


async def test_a_head_and_its_body_leave_together(wire):
    joined = _Joined(wire, asyncio.get_running_loop())
    joined.write(HEAD)
    joined.write(b"body")
    await asyncio.sleep(0)
    assert wire.written == [HEAD + b"body"]


async def test_a_head_without_a_body_leaves_in_the_next_round_of_the_loop(wire):
    joined = _Joined(wire, asyncio.get_running_loop())
    joined.write(HEAD)
    assert wire.written == []
    await asyncio.sleep(0)
    joined.write(b"late")
    assert wire.written == [HEAD, b"late"]


async def test_what_is_kept_back_leaves_before_the_connection_closes(wire):
    joined = _Joined(wire, asyncio.get_running_loop())
    joined.write(HEAD)
    joined.close()
    assert wire.written == [HEAD]
    assert wire.closed


async def test_answers_keep_their_order(wire):
    joined = _Joined(wire, asyncio.get_running_loop())
    for part in (HEAD, b"one", b"two", HEAD, b"three"):
        joined.write(part)
    assert wire.written == [HEAD + b"one", b"two", HEAD + b"three"]
