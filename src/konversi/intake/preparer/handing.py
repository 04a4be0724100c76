"""Handing a caller's connection to another process, with what was read of it and not yet understood."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_HEAD = struct.Struct("<IQ")  # how many bytes follow, and which socket they were read from
_PIECE = 65_536  # bytes, received at once
_MOST = 16  # connections, received at once


class Handed(NamedTuple):
    """A connection, and the beginning of what its caller says next."""

    connection: socket.socket
    said: bytes


class Leaving(Protocol):
    """A connection that waits until the other end takes it."""

    said: bytes

    def descriptor(self) -> int:
        """Of its socket; negative where it has ended meanwhile."""
        ...

    def let_go(self) -> None:
        """It is the other end's now, or nobody's."""
        ...


class Hands:
    """One end of a Unix socket over which connections go, each with a frame of bytes.

    Open it inside a running event loop; `take` is called with each connection that comes.
    """

    def __init__(self, end: socket.socket, take: Callable[[Handed], None]) -> None:
        end.setblocking(False)  # noqa: FBT003 - the only way to say it
        self._end = end
        self._take = take
        self._came = bytearray()
        self._rest = b""  # of a frame whose connection is on its way
        self._leaving: deque[Leaving] = deque()
        self._descriptors: deque[int] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end, self._come)

    def give(self, descriptor: int, said: bytes) -> bool:
        """Hand over a connection by its descriptor, which stays open here; false where the other end takes none now."""
        if self._rest or self._leaving:
            return False
        try:
            self._send(descriptor, said)
        except OSError:  # no room, or nobody there
            return False
        return True

    def give_in_turn(self, one: Leaving) -> None:
        """Hand over a connection as soon as the other end takes it."""
        if self.is_closed:
            one.let_go()
            return
        self._leaving.append(one)
        self._go_on()

    def _send(self, descriptor: int, said: bytes) -> None:
        """The connection goes with the first part of the frame. Raises `OSError` where it did not go."""
        frame = _HEAD.pack(len(said), os.fstat(descriptor).st_ino) + said
        self._rest = frame[socket.send_fds(self._end, [frame], [descriptor]) :]
        if self._rest:
            self._loop.add_writer(self._end, self._go_on)

    def _go_on(self) -> None:
        """Send what had no room before."""
        try:
            while self._rest:
                self._rest = self._rest[self._end.send(self._rest) :]
            while self._leaving and not self._rest:
                self._send_first()
        except BlockingIOError:
            self._loop.add_writer(self._end, self._go_on)
        except OSError:  # nobody there
            self.close()
        else:
            if not self._rest:
                self._loop.remove_writer(self._end)

    def _send_first(self) -> None:
        one = self._leaving[0]
        try:
            self._send(one.descriptor(), one.said)
        except BlockingIOError:
            raise
        except OSError:  # it has ended, or there is nobody who takes it
            pass
        self._leaving.popleft().let_go()

    def _come(self) -> None:
        try:
            said, descriptors, flags, _ = socket.recv_fds(self._end, _PIECE, _MOST)
        except BlockingIOError:
            return
        except OSError:
            said, descriptors, flags = b"", [], 0
        self._descriptors += descriptors
        if not said or flags & socket.MSG_CTRUNC:
            self.close()
            return
        self._came += said
        while len(self._came) >= _HEAD.size:
            length, number = _HEAD.unpack_from(self._came)
            end = _HEAD.size + length
            if len(self._came) < end:
                return
            frame = bytes(self._came[_HEAD.size : end])
            del self._came[:end]
            # One may have been lost where this process can have no more of them: nobody gets another's words.
            if not self._descriptors or os.fstat(self._descriptors[0]).st_ino != number:
                self.close()
                return
            self._take(Handed(_connection(self._descriptors.popleft()), frame))

    @property
    def is_closed(self) -> bool:
        """Whether nobody is given or taken any more."""
        return self._end.fileno() < 0

    def close(self) -> None:
        """Neither give nor take any more."""
        if self.is_closed:
            return
        self._loop.remove_reader(self._end)
        self._loop.remove_writer(self._end)
        self._end.close()
        self._rest = b""
        while self._leaving:
            self._leaving.popleft().let_go()
        while self._descriptors:
            os.close(self._descriptors.popleft())


def _connection(descriptor: int) -> socket.socket:
    connection = socket.socket(fileno=descriptor)
    connection.setblocking(False)  # noqa: FBT003 - the only way to say it
    return connection
