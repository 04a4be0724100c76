"""Meta's own view of the datasets, kept in memory: asked again each hour at most, and never while a page waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from konversi.clock import monotonic
from konversi.logs import logger
from konversi.meta.dataset_quality import quality_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from konversi.meta.dataset_quality import Answered
    from konversi.meta.graph import Credentials, GraphClient

_HOUR = 3_600.0
_AT_ONCE = 2  # datasets that are asked about at a time


class Known(NamedTuple):
    """What Meta said, and when."""

    asked_at: float  # Unix seconds
    answered: Answered


class MetaScores:
    """What is known of each dataset."""

    def __init__(
        self,
        credentials: Callable[[str], Credentials | None],
        open_graph: Callable[[], AbstractAsyncContextManager[GraphClient]],
        now: Callable[[], float],
    ) -> None:
        self._credentials = credentials  # by the dataset's name in Konversi
        self._open_graph = open_graph
        self._now = now
        self._known: dict[str, Known] = {}
        self._asked: dict[str, float] = {}  # monotonic seconds, so that a failure isn't asked again at once either
        self._asking: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def of(self, dataset: str) -> Known | None:
        """What is known by now; where that is older than an hour, Meta is asked in the background."""
        to = self._credentials(dataset)
        if to is None:
            return self._known.get(dataset)
        asked = self._asked.get(dataset)
        if asked is None or monotonic() - asked >= _HOUR:
            self._asked[dataset] = monotonic()
            task = asyncio.create_task(self._ask(dataset, to), name="dataset quality")
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return self._known.get(dataset)

    async def aclose(self) -> None:
        """Ask no more."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _ask(self, dataset: str, to: Credentials) -> None:
        try:
            async with self._turn, self._open_graph() as graph:
                self._known[dataset] = Known(self._now(), await quality_of(graph, to))
        except Exception as error:  # noqa: BLE001 - nobody waits for it: it is reported, and asked again in an hour
            logger().error("dataset_quality_failed", dataset=dataset, fault=repr(error))
