"""The process's own client, for hooks that were given none."""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING

from konversi.client.sync import SyncKonversi

if TYPE_CHECKING:
    from collections.abc import Callable

_opened: SyncKonversi | None = None
_making = threading.Lock()


def default_tracker() -> SyncKonversi:
    """The process's own gateway, opened at the first use with the settings of the environment."""
    global _opened  # noqa: PLW0603 - one for the process is the point
    with _making:
        if _opened is None:
            made = SyncKonversi()
            made.__enter__()
            _before_the_end(made.close)
            _opened = made
        return _opened


def opened_tracker() -> SyncKonversi | None:
    """The process's own gateway, if it is open already."""
    return _opened


def _before_the_end(close: Callable[[], None]) -> None:
    """Close while the interpreter can still look up names and start threads, which `atexit` is too late for.

    Its own hook for that is not public; without it, what is due is sent at the next start.
    """
    import concurrent.futures.thread  # noqa: F401, PLC0415 - its hook comes first, so that it runs after ours

    register: Callable[[Callable[[], None]], object] = getattr(threading, "_register_atexit", atexit.register)
    register(close)


def _forget_in_child() -> None:
    """A forked process has the object, but not its threads: it opens its own at the next use."""
    global _opened, _making
    _opened, _making = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
