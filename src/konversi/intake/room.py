"""How much of strangers' calls is held in memory at once."""

from __future__ import annotations

from konversi.errors import KonversiError

_SMALL = 65_536  # bytes; an ordinary call has a tenth of it


class WebhooksCrowded(KonversiError):
    """More webhook calls arrive at once than are held before their signatures are known, so this one was not read.

    Send it again after the time in Retry-After; where /metrics shows many refused calls, let the proxy in front limit
    who may call.
    """

    code = "webhooks_crowded"
    status = 503
    retry_after = 5


class Room:
    """Bytes of unfinished bodies. Large ones may fill half of it, so that they keep out no ordinary call."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def take(self, more: int, size: int) -> None:
        """Room for `more` bytes of a body that has `size` with them. Raises `WebhooksCrowded`."""
        if self._taken + more > (self._most if size <= _SMALL else self._most // 2):
            raise WebhooksCrowded
        self._taken += more

    def give_back(self, size: int) -> None:
        """A body is complete, or was given up."""
        self._taken -= size
