"""Which faults are set, and whose turn it is."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, fields
from typing import Any

# Refusals in Meta's own form: the fault's name -> the row of `errors.REFUSALS`.
REFUSING = {
    "token_expired": "token_expired",
    "token_invalid": "token_invalid",
    "permission": "permission",
    "not_found": "no_dataset",
    "rate_limit": "app_throttled",
    "business_rate_limit": "business_throttled",
    "server_error": "service_down",
    "transient": "not_ready",
    "unknown": "unknown",
}
# Answers that aren't in Meta's form; nothing is accepted.
STRANGE = frozenset({"server_error_empty", "html", "empty", "huge", "redirect"})
# Trouble on the way to Meta, or on the way back.
ON_THE_WIRE = frozenset({"hang", "reset_before_accept", "reset_after_accept", "short_received", "latency", "drip"})
KINDS = REFUSING.keys() | STRANGE | ON_THE_WIRE


@dataclass
class Fault:
    """A fault that is set.

    `requests` is how many are left to meet it (None: until cleared); `dataset` and `only_action_source` narrow it;
    `seconds` is how long latency, drip or hang last (None: a second; a hang until cleared); `retry_after` is in seconds.
    """

    kind: str
    requests: int | None = None
    dataset: str | None = None
    seconds: float | None = None
    retry_after: int | None = None
    only_action_source: str | None = None

    def concerns(self, dataset: str, action_sources: set[str]) -> bool:
        if self.dataset not in (None, dataset):
            return False
        return self.only_action_source is None or self.only_action_source in action_sources


_TYPES: dict[str, type | tuple[type, ...]] = {
    "kind": str,
    "requests": int,
    "dataset": str,
    "seconds": (int, float),
    "retry_after": int,
    "only_action_source": str,
}


def parse(given: Any) -> Fault:
    """A fault from JSON. Raises `ValueError` with what is wrong."""
    if not isinstance(given, dict) or given.get("kind") not in KINDS:
        raise ValueError(f"A fault is an object whose kind is one of: {', '.join(sorted(KINDS))}.")
    for name, value in given.items():
        if name not in _TYPES:
            raise ValueError(f"A fault has these fields: {', '.join(each.name for each in fields(Fault))}.")
        if value is not None and (not isinstance(value, _TYPES[name]) or isinstance(value, bool)):
            raise ValueError(f"A fault's {name} has the wrong type.")
        if isinstance(value, int | float) and value < (1 if name == "requests" else 0):
            raise ValueError(f"A fault's {name} is too small.")
    return Fault(**given)


class Faults:
    """The faults that are set, oldest first; a request meets the first that concerns it."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._cleared = asyncio.Event()

    def add(self, fault: Fault) -> None:
        self._set.append(fault)

    def take(self, dataset: str, action_sources: set[str]) -> Fault | None:
        """The fault that this request meets. It is counted, and leaves after its last request."""
        fault = next((each for each in self._set if each.concerns(dataset, action_sources)), None)
        if fault and fault.requests is not None:
            fault.requests -= 1
            if not fault.requests:
                self._set.remove(fault)
        return fault

    def refusing(self, dataset: str) -> Fault | None:
        """The refusal that a mere look at the dataset meets as well, without being counted."""
        return next((each for each in self._set if each.kind in REFUSING and each.concerns(dataset, set())), None)

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(each) for each in self._set]

    def clear(self) -> None:
        """Unset all, and let go of the requests that wait in one."""
        self._set.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def wait(self, seconds: float | None) -> None:
        """Wait that long, but no longer than until the faults are cleared."""
        cleared = self._cleared
        try:
            await asyncio.wait_for(cleared.wait(), seconds)
        except TimeoutError:
            return
