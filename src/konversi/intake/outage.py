"""Whether the bot behind the gateway is down, judged from what became of the calls. Pure."""

from __future__ import annotations

_DOWN_AFTER = 3  # different calls in a row: one alone may be what is wrong
_LONG = 30.0  # seconds; after shorter ones nothing waits long anyway
_PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before each further probe


class Outage:
    """While the bot is down, one call at a time finds out whether it is up again. Times are Unix seconds."""

    def __init__(self) -> None:
        self._failed: set[int] = set()
        self._since: float | None = None
        self._probes = 0
        self.next_probe = 0.0

    @property
    def down(self) -> bool:
        """Whether calls fail whichever they are."""
        return len(self._failed) >= _DOWN_AFTER

    def failed(self, call: int, now: float, *, its_own_fault: bool) -> bool:
        """A call was not taken, and may itself be the reason. True where the call before it was taken."""
        begins = self._since is None
        if self._since is None:
            self._since = now
        if not self.down and not its_own_fault:
            self._failed.add(call)
        if self.down and now >= self.next_probe:
            self.next_probe = now + _PAUSES[min(self._probes, len(_PAUSES) - 1)]
            self._probes += 1
        return begins

    def taken(self, now: float) -> bool:
        """The bot took a call. True where it had taken none for so long that others wait for a far-off try."""
        long = self._since is not None and now - self._since >= _LONG
        self._failed.clear()
        self._since = None
        self._probes = 0
        self.next_probe = 0.0
        return long
