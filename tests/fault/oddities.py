"""What is odd about a gateway under test: shorter leases, a wrong clock. Also a stand-in for `python -m konversi`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

LEASE, CLOCK = "KONVERSI_TEST_LEASE", "KONVERSI_TEST_CLOCK"  # seconds; seconds by which the machine's clock is ahead


def apply() -> None:
    """As the surroundings say."""
    if LEASE in os.environ:
        from konversi.aftercare import upkeep
        from konversi.cli import processes
        from konversi.delivery import courier

        courier._LEASE = float(os.environ[LEASE])
        upkeep._RESCUE_EVERY = courier._LEASE / 4
        processes._RESTS = (0.1, 1.0)
    if CLOCK in os.environ:
        from konversi import clock

        clock.time = _Wrong(float(os.environ[CLOCK]))


class _Wrong:
    """Stands for the module `time` in a machine whose clock is wrong."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, ahead: float) -> None:
        self._ahead = ahead

    def time(self) -> float:
        return time.time() + self._ahead

    def time_ns(self) -> int:
        return time.time_ns() + int(self._ahead * 1e9)


def executable() -> str:
    """The path of what a parent process takes for Python, so that its children are odd as well: in this folder."""
    path = Path("odd-python").absolute()
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} "$@"\n')
    path.chmod(0o700)
    return str(path)


if __name__ == "__main__":
    from konversi.cli import main

    apply()
    sys.argv = ["konversi", *sys.argv[3:]]  # without -m konversi
    sys.exit(main())
