"""The gateway's line to a preparer that runs: what is asked and answered on it, and callers handed over."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from konversi._version import __version__
from konversi.database.futures import resolve
from konversi.intake.preparer.handing import Hands
from konversi.intake.preparer.messages import (
    Arrived,
    Asking,
    Called,
    Composing,
    Finish,
    Finished,
    Forgotten,
    Kept,
    Notified,
    Prepared,
    Reading,
    Replied,
    Started,
    Trusted,
    raised,
)
from konversi.intake.preparer.wire import Wire
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence

    from konversi.intake.prepare import Past, Ready, Refusal
    from konversi.intake.preparer.handing import Handed
    from konversi.intake.preparer.messages import Asked, Circumstances, Listing

_ANSWER_SECONDS = 5.0  # for one message, and those before it; a thousand events take a thirtieth of one
_END_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_SILENT_LOOKS = 6  # in a row without a word, of which it says one a second
_ENOUGH = 6  # lists: one that is prepared, and those on their way
_COMMAND = (sys.executable, "-P", "-m", "konversi.intake.preparer.process")


class GoneError(Exception):
    """The preparer has ended, or is about to."""


class Doors(Protocol):
    """What the gateway does for callers that the preparer has."""

    @property
    def trusted(self) -> Trusted:
        """What the preparer has to know before it begins."""
        ...

    async def keep(self, arrived: Arrived, line: Line) -> Kept:
        """Accept events that came together."""
        ...

    async def take(self, notified: Notified) -> Kept:
        """Take what payment providers told together."""
        ...

    async def reply(self, called: Called) -> Replied:
        """Answer a call."""
        ...

    def back(self, handed: Handed) -> None:
        """Take a caller back."""
        ...


class Line:
    """To one process. Open it inside a running event loop."""

    def __init__(self, process: subprocess.Popen[bytes], hands: socket.socket, doors: Doors | None) -> None:
        self._process = process
        self._doors = doors
        self._loop = asyncio.get_running_loop()
        self._wire = Wire(self._heard, self._lost)
        self._hands = Hands(hands, self._back)
        self._numbers = count(1)
        self._started: asyncio.Future[Started] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._finished = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[Asking | Prepared]] = {}
        self._doing: set[asyncio.Task[None]] = set()
        self.under_way = 0
        self.told = 0  # circumstances
        self._told_last: Circumstances | None = None
        self.finishing = False
        self._silent = 0  # looks

    @classmethod
    async def open(cls, doors: Doors | None) -> Line:
        """Start a process, and wait until it has loaded what it needs."""
        ours, theirs = socket.socketpair()
        hands, other_hands = socket.socketpair()
        with theirs, other_hands:
            try:
                # A Ctrl-C is the gateway's, and would end this one while it loads. The loops' own way of starting one
                # runs Python in a fork of a process with threads.
                process = await asyncio.to_thread(_start, theirs.fileno(), other_hands.fileno())
            except BaseException:
                ours.close()
                hands.close()
                raise
        line = cls(process, hands, doors)
        await line._loop.connect_accepted_socket(lambda: line._wire, ours)
        try:
            line.tell(Trusted({}) if doors is None else doors.trusted)
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
            if not self._wire.is_closing:
                self._wire.tell(Forgotten(number))
            raise
        finally:
            self.under_way -= 1

    def tell(self, message: Any) -> None:
        """Raises `GoneError`."""
        if self._wire.is_closing:
            raise GoneError
        self._wire.tell(message)

    def tell_of(self, circumstances: Circumstances) -> bool:
        """Have the preparer know these; whether it did already. Raises `GoneError`."""
        if circumstances.are(self._told_last):
            return True
        self.tell(circumstances.portable())
        self.told += 1
        self._told_last = circumstances
        return False

    async def prepared(
        self, listing: Listing, now: float, past: Callable[[Sequence[Asked]], Awaitable[Past]]
    ) -> Sequence[Ready | Refusal] | None:
        """As `Beside.prepared`. Raises `GoneError`."""
        with self.list() as number:
            answer = await self.answer_to(Reading(number, listing, now))
            if isinstance(answer, Asking):
                answer = await self.answer_to(Composing(number, await past(answer.wanted)))
            assert isinstance(answer, Prepared)
            return None if answer.events is None else list(map(raised, answer.events))

    async def answer_to(self, message: Reading | Composing) -> Asking | Prepared:
        """What the preparer says to that. Raises `GoneError`."""
        answer: asyncio.Future[Asking | Prepared] = self._loop.create_future()
        self._waiting[message.number] = answer
        self.tell(message)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            self._cut(_ANSWER_SECONDS)
            raise GoneError from None

    def give(self, descriptor: int, said: bytes) -> bool:
        """Hand over a caller's connection, by its descriptor; false where the preparer does not take it now."""
        return not self.finishing and not self._wire.is_closing and self._hands.give(descriptor, said)

    async def finish(self, seconds: float) -> None:
        """Have all callers answered that are under way, and hung up on."""
        self.finishing = True
        if not self._wire.is_closing:
            self._wire.tell(Finish())
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._finished.wait()

    async def listen(self) -> None:
        """Wait until the process ends, which raises `GoneError`."""
        try:
            while not self._gone.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._gone.wait(), _LOOK_SECONDS)
                self._look()
            raise GoneError
        finally:
            await self._end()

    def _look(self) -> None:
        """End one that has stopped, or has nowhere to go with its callers.

        Looks are counted, since this process may have been stopped too.
        """
        self._silent += 1
        if self._silent == _SILENT_LOOKS:
            self._cut(_SILENT_LOOKS * _LOOK_SECONDS)
        if self._hands.is_closed and not self.finishing:
            self._do(self._end_soon())

    async def _end_soon(self) -> None:
        """One that can't give callers back, as without a descriptor left for them, makes room for the next."""
        await self.finish(_END_SECONDS)
        self._wire.close()

    def _heard(self, message: Any) -> None:
        self._silent = 0
        match message:
            case Asking(number) | Prepared(number):
                waiting = self._waiting.pop(number, None)
                if waiting is not None:
                    resolve(waiting, message)
            case Arrived():
                self._do(self._tell_what_became_of(lambda doors: doors.keep(message, self)))
            case Notified():
                self._do(self._tell_what_became_of(lambda doors: doors.take(message)))
            case Called():
                self._do(self._tell_what_became_of(lambda doors: doors.reply(message)))
            case Finished():
                self._finished.set()
            case Started():
                resolve(self._started, message)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _tell_what_became_of(self, work: Callable[[Doors], Awaitable[Kept | Replied]]) -> None:
        assert self._doors is not None
        with suppress(GoneError):
            self.tell(await work(self._doors))

    def _back(self, handed: Handed) -> None:
        if self._doors is None:
            handed.connection.close()
        else:
            self._doors.back(handed)

    def _lost(self) -> None:
        self._gone.set()
        self._finished.set()
        resolve(self._started, GoneError())
        for one in self._waiting.values():
            resolve(one, GoneError())
        self._waiting.clear()

    async def _greeted(self) -> None:
        """Wait until it has loaded. Raises `GoneError` for another version's, which was installed meanwhile."""
        if await self._started != Started(__version__):
            raise GoneError

    def _cut(self, silent: float) -> None:
        """End a process that has said nothing for so many seconds."""
        logger().warning("preparer_silent", seconds=silent)
        self._process.kill()

    async def _end(self) -> None:
        self._wire.close()
        self._hands.close()
        if self._doing:  # what is being kept is also delivered and counted, though nobody is told any more
            _, stuck = await asyncio.wait(self._doing, timeout=_END_SECONDS)
            for one in stuck:
                one.cancel()
        try:
            await asyncio.to_thread(self._process.wait, _END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)


def _start(wire: int, hands: int) -> subprocess.Popen[bytes]:
    command = [*_COMMAND, str(hands)]
    return subprocess.Popen(command, stdin=wire, pass_fds=[hands], start_new_session=True)  # noqa: S603 - ours
