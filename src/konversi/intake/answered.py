"""How calls were answered, by door: one counter is raised for each, and the rest is thought of when somebody looks."""

from __future__ import annotations

from collections import Counter

# The first that fits. Few, and none of them a caller's word: each is a line of the metrics.
_DOORS = (
    ("/v1/events", "events"),
    ("/api/meta/conversion", "guide"),
    ("/v1/agent/", "agent"),
    ("/webhooks/", "webhooks"),
    ("/internal/", "scheduler"),
    ("/healthz", "probes"),
    ("/readyz", "probes"),
    ("/metrics", "probes"),
    ("/v1/", "api"),
)
_PAGES = "pages"


def door_of(path: str) -> str:
    """Which door an address belongs to."""
    for beginning, door in _DOORS:
        if path.startswith(beginning):
            return door
    return _PAGES


class Answered:
    """Answers by door and class of status, such as `2xx`."""

    def __init__(self) -> None:
        self.totals: Counter[tuple[str, str]] = Counter()

    def note(self, path: str, status: int, times: int = 1) -> None:
        """A call was answered, or so many."""
        self.totals[door_of(path), f"{status // 100}xx"] += times
