"""What stands between choosing a batch and claiming it: events whose customers object by now are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from konversi.outbox.port import Choice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from konversi.outbox.port import Candidate

    # Of these events, those that must not be sent, and why. A store without a connection has none to give.
    Objections: TypeAlias = Callable[[Connection | None, Sequence[int]], Mapping[int, str]]


def nobody_objects(_connection: Connection | None, _events: Sequence[int]) -> Mapping[int, str]:
    """Where nobody was asked."""
    return {}


class Gate:
    """One claim's. `withheld` are the events that its last choice left out, and why."""

    def __init__(
        self, choose: Callable[[Sequence[Candidate]], Choice], objections: Callable[[Sequence[int]], Mapping[int, str]]
    ) -> None:
        self._choose = choose
        self._objections = objections
        self.withheld: Mapping[int, str] = {}

    def choose(self, candidates: Sequence[Candidate]) -> Choice:
        """As the planner chooses, without them."""
        choice = self._choose(candidates)
        self.withheld = self._objections(choice.batch) if choice.batch else {}
        if not self.withheld:
            return choice
        return Choice([one for one in choice.batch if one not in self.withheld], choice.expired)
