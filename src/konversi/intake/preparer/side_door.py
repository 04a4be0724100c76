"""The preparer's side of busy callers: what they bring goes to the gateway by the list, prepared."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from konversi.clock import now
from konversi.intake.answer import ACCEPTED, OK, Answer, accepted
from konversi.intake.event_lists import Bodies, looks_like_a_list
from konversi.intake.hot_paths import EVENTS_PATH
from konversi.intake.payments.doors import said_of
from konversi.intake.preparer.calls import CALLS
from konversi.intake.preparer.connection import Connection
from konversi.intake.preparer.handing import Hands
from konversi.intake.preparer.heads import Heads
from konversi.intake.preparer.messages import (
    Alive,
    Arrived,
    Called,
    Composing,
    Finished,
    Forgotten,
    Kept,
    Notified,
    Prepared,
    Reading,
    Replied,
)
from konversi.intake.webhooks import Asked

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from konversi.intake.preparer.handing import Handed
    from konversi.intake.preparer.messages import Who
    from konversi.intake.preparer.process import Preparer
    from konversi.intake.preparer.wire import Wire
    from konversi.intake.receipts import Receipt, Tally
    from konversi.payments.deciding import Told

_AT_ONCE = 3  # lists under way, so that what comes meanwhile makes the next one
_IDLE_SECONDS = 5.0  # as uvicorn waits for a caller's next call
_BODY_SECONDS = 1.0  # for a call that has begun
_LOOK_SECONDS = 1.0


class _Waiting(NamedTuple):
    """A call that is to be answered."""

    caller: Connection
    path: str
    who: Who
    body: bytes


class _List(NamedTuple):
    """Calls that went to the gateway together, and what each is answered by what became of it."""

    calls: Sequence[_Waiting]
    said: Callable[[Any], Answer]


class SideDoor:
    """Open it inside a running event loop."""

    def __init__(self, preparer: Preparer, wire: Wire, hands: socket.socket) -> None:
        self.heads = Heads(CALLS)
        self.connections: set[Connection] = set()
        self.finishing = False
        self._preparer = preparer
        self._wire = wire
        self._hands = Hands(hands, self._handed)
        self._loop = asyncio.get_running_loop()
        self._numbers = count(1)
        self._waiting: dict[str, list[_Waiting]] = {}  # by path
        self._lists: dict[int, _List] = {}
        self._alone: dict[int, Connection] = {}
        self._greetings: set[asyncio.Task[None]] = set()
        self._date = _date()
        self._loop.call_soon(self._look)

    def take(self, caller: Connection, path: str, who: Who, body: bytes) -> bool:
        """Have the call answered with `caller.answer`; false for a list."""
        if path == EVENTS_PATH and looks_like_a_list(body):
            return False
        if not self._waiting:
            self._loop.call_soon(self._depart)
        self._waiting.setdefault(path, []).append(_Waiting(caller, path, who, body))
        return True

    def date(self) -> bytes:
        """Now, as HTTP has it."""
        return self._date

    def _depart(self) -> None:
        """Prepare those who wait, unless enough are under way: then the end of one of those calls again."""
        while self._waiting and len(self._lists) < _AT_ONCE:
            path = next(iter(self._waiting))
            calls = self._waiting.pop(path)
            if path == EVENTS_PATH:
                self._bring_events(calls)
            else:
                self._bring_notices(path, calls)

    def _bring_events(self, calls: Sequence[_Waiting]) -> None:
        number = -next(self._numbers)
        first = self._preparer.first_of(Reading(number, Bodies([one.body for one in calls]), now()))
        if isinstance(first, Prepared) and first.events is None:
            self._each_alone(calls)
            return
        self._lists[number] = _List(calls, _accepted)
        self._wire.tell(Arrived(number, len(calls), _callers(calls), self._preparer.circumstances, first))

    def _bring_notices(self, path: str, calls: Sequence[_Waiting]) -> None:
        at = now()
        read: list[_Waiting] = []
        notices: list[Sequence[Told]] = []
        for one in calls:
            told = self._preparer.notices(Asked("POST", path, "", dict(one.who.headers), one.body), at)
            if told is None:
                self._each_alone([one])
            else:
                read.append(one)
                notices.append(told)
        if read:
            number = -next(self._numbers)
            self._lists[number] = _List(read, _taken)
            self._wire.tell(Notified(number, path, _callers(read), notices))

    def composed(self, message: Composing) -> None:
        """The second step of a list of one's own."""
        self._wire.tell(self._preparer.second_of(message))

    def kept(self, kept: Kept) -> None:
        """Tell the callers of a list."""
        calls, said = self._lists.pop(kept.number)
        self._preparer.answer(Forgotten(kept.number))
        if kept.all is not None:
            for one in calls:
                one.caller.answer(kept.all)
        else:
            for one, outcome in zip(calls, kept.each or [None] * len(calls), strict=True):
                if outcome is None:
                    self._each_alone([one])
                else:
                    one.caller.answer(said(outcome))
        self._depart()

    def _each_alone(self, calls: Sequence[_Waiting]) -> None:
        """The gateway has words for what is wrong with one."""
        for one in calls:
            number = next(self._numbers)
            self._alone[number] = one.caller
            self._wire.tell(Called(number, one.path, one.who, one.body))

    def replied(self, replied: Replied) -> None:
        """Tell the caller."""
        self._alone.pop(replied.number).answer(replied.answer)

    def _handed(self, handed: Handed) -> None:
        task = self._loop.create_task(self._greet(handed))
        self._greetings.add(task)
        task.add_done_callback(self._greeted)

    def _greeted(self, task: asyncio.Task[None]) -> None:
        self._greetings.discard(task)
        self._finish_if_alone()

    async def _greet(self, handed: Handed) -> None:
        await self._loop.connect_accepted_socket(lambda: Connection(self, handed.said), handed.connection)

    def hand_back(self, caller: Connection) -> None:
        """Give the connection to the gateway, with what it said."""
        self._hands.give_in_turn(caller)

    def finish(self) -> None:
        """Hang up, on those who are being answered after that."""
        self.finishing = True
        for one in list(self.connections):
            if one.is_idle:
                one.hang_up()
        self._finish_if_alone()

    def gone(self, caller: Connection) -> None:
        """The connection has ended."""
        self.connections.discard(caller)
        self._finish_if_alone()

    def _finish_if_alone(self) -> None:
        if self.finishing and not self.connections and not self._greetings:
            self._wire.tell(Finished())

    def _look(self) -> None:
        """Leave those who have said nothing for long, and tell the gateway that somebody looks."""
        self._date = _date()
        at = self._loop.time()
        for one in list(self.connections):
            if one.is_idle and one.since < at - _IDLE_SECONDS:
                one.hang_up()
            elif one.is_in_a_call and one.since < at - _BODY_SECONDS:
                one.go_back()
        self._wire.tell(Alive())
        self._loop.call_later(_LOOK_SECONDS, self._look)


def _date() -> bytes:
    return formatdate(now(), usegmt=True).encode()


def _callers(calls: Sequence[_Waiting]) -> list[Who]:
    return list({one.who for one in calls})


def _accepted(receipt: Receipt) -> Answer:
    return Answer(ACCEPTED, orjson.dumps(accepted(receipt)))


def _taken(tally: Tally) -> Answer:
    return Answer(OK, said_of(tally))
