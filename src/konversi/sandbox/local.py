"""What this Meta knows while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from konversi.sandbox.faults import Faults
from konversi.sandbox.messages import Message, no_messages
from konversi.sandbox.spend import Spending

if TYPE_CHECKING:
    from collections.abc import Callable

    from konversi.sandbox.datasets import Datasets
    from konversi.sandbox.ledger import Ledger

_REMEMBERED_REQUESTS = 10_000


class Seen(NamedTuple):
    """One request to Graph and what came of it. Nothing secret."""

    at: float  # Unix seconds
    method: str
    path: str
    events: int
    status: int | None  # None: no answer was given
    code: int | None = None
    subcode: int | None = None
    field: str = ""  # what was at fault
    fault: str = ""  # the fault on demand that struck


@dataclass
class LocalMeta:
    """Its memory."""

    ledger: Ledger
    datasets: Datasets
    now: Callable[[], float]  # Unix seconds
    faults: Faults = field(default_factory=Faults)
    language: str = "en"
    messages: deque[Message] = field(default_factory=no_messages)
    spending: Spending = field(default_factory=Spending)
    seen: deque[Seen] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_REQUESTS))
    release: asyncio.Event = field(default_factory=asyncio.Event)  # set when what hangs must end

    def let_go(self) -> None:
        """End all that hangs by now."""
        self.release.set()
        self.release = asyncio.Event()
