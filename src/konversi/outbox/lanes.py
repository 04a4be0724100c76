"""A lane: events that may share a batch, and that a fault at Meta stops together and no others.

One dataset has a lane for each action source, so that a WhatsApp account that is not linked (which Meta reports for
`business_messaging` only) doesn't stop the rest, and a lane of its own for test events.
"""

from __future__ import annotations

from typing import NamedTuple

_LIVE = "live"
_TEST = "test="


class Lane(NamedTuple):
    """What the events of a lane have in common."""

    dataset: str
    test_code: str | None
    action_source: str

    def __str__(self) -> str:
        return f"{self.dataset}|{_TEST + self.test_code if self.test_code else _LIVE}|{self.action_source}"

    @classmethod
    def parse(cls, text: str) -> Lane:
        """The lane that `str()` wrote."""
        dataset, mode, action_source = text.split("|")
        return cls(dataset, mode.removeprefix(_TEST) if mode.startswith(_TEST) else None, action_source)


TEST_PATTERN = f"%|{_TEST}%"  # what LIKE finds test lanes by
