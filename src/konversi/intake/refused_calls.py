"""Which webhook calls were refused: counted each, and told at most once a minute, never with a word of a call."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from konversi.clock import monotonic
from konversi.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE = 60.0  # seconds between two lines


class RefusedCalls:
    """Refused calls by platform and the code of the error. `now` gives seconds that never go back."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self.totals: Counter[tuple[str, str]] = Counter()
        self._untold: Counter[str] = Counter()
        self._now = now
        self._next_line: float | None = None

    def note(self, platform: str, code: str, times: int = 1) -> None:
        """One was refused, or so many."""
        self.totals[platform, code] += times
        self._untold[f"{platform}: {code}"] += times
        now = self._now()
        if self._next_line is None or now >= self._next_line:
            logger().warning("webhooks_refused", calls=dict(self._untold), remedy="/metrics counts them by reason.")
            self._untold.clear()
            self._next_line = now + _PAUSE
