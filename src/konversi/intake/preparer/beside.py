"""The gateway's end: starts the preparer when there is something for it, and does without it where it is gone."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from konversi._version import __version__
from konversi.database.futures import resolve
from konversi.intake.preparer.messages import (
    LENGTH,
    Answer,
    Asking,
    Circumstances,
    Composing,
    Forgotten,
    Reading,
    Started,
    packed,
    raised,
    unpacked,
)
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from konversi.intake.prepare import Past, Ready, Refusal
    from konversi.intake.preparer.messages import Asked, Listing

_START_SECONDS = 60.0
_ANSWER_SECONDS = 5.0  # for one message, and those before it; a thousand events take a thirtieth of one
_END_SECONDS = 5.0
_REST_SECONDS = 30.0  # after one that failed
_ENOUGH = 6  # lists: one that is prepared, and those on their way
_MOST_WAITING = 16_777_216  # bytes
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_COMMAND = (sys.executable, "-P", "-m", "konversi.intake.preparer.process")


class _GoneError(Exception):
    """The preparer has ended, or is about to."""


class Beside:
    """Has lists prepared in a process of its own. Open it inside a running event loop."""

    def __init__(self) -> None:
        self._line: _Line | None = None
        self._starting: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._told: Circumstances | None = None
        self.lists = 0  # that it has prepared

    @property
    def process(self) -> int | None:
        """The preparer's process id while it takes lists."""
        return None if self._line is None else self._line.process

    async def prepared(
        self,
        listing: Listing,
        now: float,
        circumstances: Circumstances,
        past: Callable[[Sequence[Asked]], Awaitable[Past]],
        *,
        named: bool,
    ) -> Sequence[Ready | Refusal] | None:
        """What the list's conversions become, in their order; `None` where the caller has to prepare them itself.

        `past` tells what is known of those that they ask for, and what it raises is raised. `named` says whether the
        customers' match keys are wanted.
        """
        if not listing.is_long:
            return None
        line = self._line
        if line is None:
            self._start()
            return None
        if line.is_busy:
            return None
        try:
            if not circumstances.are(self._told):
                line.tell(circumstances.portable())
                self._told = circumstances
            prepared = await line.prepared(listing, now, past, named=named)
        except _GoneError:
            return None
        self.lists += prepared is not None
        return prepared

    def _start(self) -> None:
        if self._starting is None and asyncio.get_running_loop().time() >= self._not_before:
            self._starting = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """One preparer, from its start to its end."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await _Line.open()
            self._told, self._line = None, line
            await line.listen()
        except Exception as error:  # noqa: BLE001 - the gateway does without it, whatever became of it
            logger().warning("preparer_ended", cause=type(error).__name__, again_in=_REST_SECONDS)
        finally:
            self._line, self._starting = None, None
            self._not_before = asyncio.get_running_loop().time() + _REST_SECONDS

    async def aclose(self) -> None:
        """End the process."""
        if self._starting is not None:
            self._starting.cancel()
            with suppress(asyncio.CancelledError):
                await self._starting


class _Line:
    """The wire to a running preparer."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._numbers = count(1)
        self.under_way = 0
        self._waiting: dict[int, asyncio.Future[Asking | Answer]] = {}

    @classmethod
    async def open(cls) -> _Line:
        """Start a process, and wait until it has loaded what it needs."""
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours, limit=_MOST_WAITING)
            try:
                # A Ctrl-C is the gateway's, and would end this one while it loads. The loops' own way of starting one
                # runs Python in a fork of a process with threads.
                process = await asyncio.to_thread(
                    subprocess.Popen, _COMMAND, stdin=theirs.fileno(), start_new_session=True
                )
            except BaseException:
                writer.close()
                raise
        line = cls(process, reader, writer)
        try:
            await line._greeted()
        except BaseException:
            await line._end()
            raise
        return line

    @property
    def process(self) -> int:
        return self._process.pid

    @property
    def is_busy(self) -> bool:
        """Whether it has as much to do as the gateway itself."""
        return self.under_way >= _ENOUGH

    @contextmanager
    def list(self) -> Iterator[int]:
        """A number for a list; the preparer forgets it if its answer is not waited for to the end."""
        number = next(self._numbers)
        self.under_way += 1
        try:
            yield number
        except BaseException:
            self._waiting.pop(number, None)
            if not self._writer.is_closing():
                self.tell(Forgotten(number))
            raise
        finally:
            self.under_way -= 1

    def tell(self, message: Any) -> None:
        """Raises `_GoneError`."""
        if self._writer.is_closing():
            raise _GoneError
        self._writer.write(packed(message))

    async def prepared(
        self, listing: Listing, now: float, past: Callable[[Sequence[Asked]], Awaitable[Past]], *, named: bool
    ) -> Sequence[Ready | Refusal] | None:
        """As `Beside.prepared`. Raises `_GoneError`."""
        with self.list() as number:
            answer = await self._answer_to(Reading(number, listing, now, named))
            if isinstance(answer, Asking):
                answer = await self._answer_to(Composing(number, await past(answer.wanted)))
            assert isinstance(answer, Answer)
            return None if answer.events is None else list(map(raised, answer.events))

    async def _answer_to(self, message: Reading | Composing) -> Asking | Answer:
        answer: asyncio.Future[Asking | Answer] = asyncio.get_running_loop().create_future()
        self._waiting[message.number] = answer
        self.tell(message)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            logger().warning("preparer_silent", seconds=_ANSWER_SECONDS)
            self.cut()
            raise _GoneError from None

    async def listen(self) -> None:
        """Give out answers until the process ends, which raises `_GoneError`."""
        try:
            while True:
                answer: Asking | Answer = await self._heard()
                waiting = self._waiting.pop(answer.number, None)
                if waiting is not None:
                    resolve(waiting, answer)
        finally:
            self._writer.close()  # first: a list that asks for its past meanwhile would wait for what never comes
            for one in self._waiting.values():
                resolve(one, _GoneError())
            self._waiting.clear()
            await self._end()

    async def _greeted(self) -> None:
        """Wait until it has loaded. Raises `_GoneError` for another version's, which was installed meanwhile."""
        if await self._heard() != Started(__version__):
            raise _GoneError

    async def _heard(self) -> Any:
        try:
            (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
            return unpacked(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise _GoneError from error

    def cut(self) -> None:
        """End a process that does not answer."""
        self._process.kill()

    async def _end(self) -> None:
        self._writer.close()
        try:
            await asyncio.to_thread(self._process.wait, _END_SECONDS)
        except subprocess.TimeoutExpired:
            self.cut()
            await asyncio.to_thread(self._process.wait)


def has_room() -> bool:
    """Whether another process would run beside this one, and not in its stead."""
    if os.name != "posix":
        return False  # there a socket can't be another process's standard input
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _cores_granted(_QUOTA)) > 1


def _cores_granted(quota: Path) -> float:
    """What a container may use at most, as control groups have it: `200000 100000` are two, `max 100000` all."""
    try:
        most, period = quota.read_text().split()
        return int(most) / int(period)
    except (OSError, ValueError):
        return math.inf
