"""Several gateway processes that share a port, started and watched by one parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from konversi.cli.serving import STARTED_BADLY, announce, listening
from konversi.clock import monotonic
from konversi.errors import InvalidSettings
from konversi.logs import logger, set_up

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from konversi.settings import Settings

_LOOK_SECONDS = 0.1
_STOP_SECONDS = 40.0  # a child finishes its calls and what is on the way to Meta
_QUICK_SECONDS = 30.0  # a child that ends sooner failed at its start
_RESTS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_BACKLOG = 2_048
_ONE_PROCESS = (
    "--processes: SQLite serves one process. Set KONVERSI_DATABASE_URL to a PostgreSQL database (`konversi db move`"
    " carries everything over), or leave --processes out."
)


@dataclass
class _Place:
    """Where one child after another stands."""

    number: int
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    again_at: float = 0.0


def serve_in(number: int, settings: Settings) -> int:
    """Serve in so many processes until SIGTERM or SIGINT. A child that dies is replaced.

    The calls that wait in the shared socket are taken by the others meanwhile. Raises `InvalidSettings` on SQLite.
    """
    if not settings.shared:
        raise InvalidSettings(_ONE_PROCESS)
    set_up(settings.log_style)
    try:
        listener = listening(settings)
    except OSError as error:
        logger().error(f"Can't listen on {settings.host} port {settings.port}: {error.strerror}.")
        return STARTED_BADLY
    with listener:
        listener.listen(_BACKLOG)
        announce(settings, listener)
        return _Parent(settings, listener, number).watch()


class _Parent:
    def __init__(self, settings: Settings, listener: socket.socket, number: int) -> None:
        self._settings = settings
        self._listener = listener
        self._places = [_Place(index) for index in range(number)]
        self._stopping = False

    def watch(self) -> int:
        """Until told to stop, or until a child says that the settings can't be used."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._told_to_stop)
        status = 0
        while not self._stopping:
            for place in self._places:
                if self._look_after(place) == STARTED_BADLY:
                    status, self._stopping = STARTED_BADLY, True
            time.sleep(_LOOK_SECONDS)
        self._end_all()
        return status

    def _told_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _look_after(self, place: _Place) -> int | None:
        """Start its child where there is none. Returns the status with which one has just ended."""
        now = monotonic()
        if place.child is None:
            if now >= place.again_at:
                place.child, place.started = self._start(place.number), now
            return None
        status = place.child.poll()
        if status is None:
            return None
        place.failures = place.failures + 1 if now - place.started < _QUICK_SECONDS else 1
        rest = _RESTS[min(place.failures, len(_RESTS)) - 1]
        logger().error("process_ended", place=place.number, status=status, again_in=rest)
        place.child, place.again_at = None, now + rest
        return status

    def _start(self, place: int) -> subprocess.Popen[bytes]:
        shared = self._listener.fileno()
        address = ["--host", self._settings.host, "--port", str(self._settings.port)]
        given = [*address, "--shared", str(shared), "--parent", str(os.getpid()), "--place", str(place)]
        if self._settings.only:
            given += ["--only", self._settings.only]
        command = [sys.executable, "-m", "konversi", "serve", *given]
        return subprocess.Popen(command, pass_fds=[shared], process_group=0 if os.name == "posix" else None)

    def _end_all(self) -> None:
        children = [place.child for place in self._places if place.child is not None]
        for child in children:
            child.terminate()
        until = monotonic() + _STOP_SECONDS
        for child in children:
            try:
                child.wait(max(0.1, until - monotonic()))
            except subprocess.TimeoutExpired:
                logger().error("process_killed", remedy="It did not finish in time; what it sent last is in doubt.")
                child.kill()
                child.wait()
