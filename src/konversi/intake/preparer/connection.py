"""A busy caller's connection: plain calls are taken from it, and with anything else it goes back to the gateway."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from konversi.intake.event_lists import LONG
from konversi.intake.preparer.messages import Who

if TYPE_CHECKING:
    from konversi.intake.answer import Answer
    from konversi.intake.preparer.heads import Head
    from konversi.intake.preparer.side_door import SideDoor

_END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """Takes one call at a time, each whole."""

    def __init__(self, door: SideDoor, said: bytes) -> None:
        """`said` was read of it before."""
        self._door = door
        self.said = said  # and not answered: a part of a call, or what came while another was being answered
        self._loop = asyncio.get_running_loop()
        self.is_in_a_call = False  # of which the rest has yet to come
        self._answering = False
        self._stuck = False  # with answers that the caller does not read
        self._leaving = False
        self._ends = False  # after the call that is being answered
        self.since = self._loop.time()  # it is idle, or in a call
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        peer = transport.get_extra_info("peername")
        if peer is None:  # it is gone already, and who calls from nowhere would be let in as this machine is
            transport.abort()
            return
        self._last = Who(str(peer[0]), ())
        transport.set_write_buffer_limits(high=0)
        self._door.connections.add(self)
        self._go_on()  # now: what is read next is what follows

    def connection_lost(self, _cause: Exception | None) -> None:
        self._door.gone(self)

    def data_received(self, data: bytes) -> None:
        self.said += data
        if self._answering or self._stuck or self._leaving:
            self.transport.pause_reading()
        else:
            self._go_on()

    def pause_writing(self) -> None:
        self._stuck = True

    def resume_writing(self) -> None:
        self._stuck = False
        if self.said and not self._answering and not self.transport.is_closing():
            self._resume()

    def _resume(self) -> None:
        self.transport.resume_reading()
        self._go_on()

    def _go_on(self) -> None:
        """Take what the caller said, if it is a whole call."""
        said = self.said
        end = said.find(_END) + len(_END)
        head = self._door.heads.read(said[:end]) if end >= len(_END) else None
        if head is not None and len(said) < end + head.length <= LONG:
            if not self.is_in_a_call:
                self.is_in_a_call = True
                self.since = self._loop.time()
        elif head is None or len(said) != end + head.length or not self._taken(head, said[end:]):
            self.go_back()

    def go_back(self) -> None:
        """What comes is not taken here, or not within the time: who has all means and time may see to it."""
        self.is_in_a_call = False
        self._leaving = True
        self.transport.pause_reading()
        self._door.hand_back(self)

    def descriptor(self) -> int:
        """As `handing.Leaving.descriptor`."""
        number: int = self.transport.get_extra_info("socket").fileno()
        return number

    def let_go(self) -> None:
        """As `handing.Leaving.let_go`."""
        self.transport.abort()

    def _taken(self, head: Head, body: bytes) -> bool:
        if head.headers is not self._last.headers:
            self._last = self._last._replace(headers=head.headers)
        if not self._door.take(self, head.path, self._last, body):
            return False
        self._ends = head.last
        self._answering = True
        self.is_in_a_call = False
        self.said = b""
        return True

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done for it: it says nothing, or does not read what it is told."""
        return not (self._answering or self._leaving or self.is_in_a_call)

    def answer(self, answer: Answer) -> None:
        """Tell the caller, and take what it said meanwhile."""
        self._answering = False
        self.since = self._loop.time()
        if self.transport.is_closing():
            return
        last = self._ends or self._door.finishing
        self.transport.write(answer.written(((b"date", self._door.date()),), close=last))
        if last:
            self.transport.close()
        elif self.said and not self._stuck:
            self._resume()

    def hang_up(self) -> None:
        """When that was said before, without what the caller has not read since."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            self.transport.close()
