"""The rows of a file, some at a time."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from konversi.imports.rows import read
from konversi.imports.sheets import rows_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Sequence

    from konversi.imports.rows import Row
    from konversi.imports.sheets import Cell
    from konversi.imports.store import Import

_AT_ONCE = 1_000  # rows


class Batch(NamedTuple):
    """Some rows, and how far they reach."""

    rows: Sequence[Row]  # those that say something
    done: int  # rows of the file up to their end
    bytes_read: int


class Batches:
    """The rows of a file after those that are done, a thousand at a time; for one thread at a time."""

    def __init__(
        self,
        file: Import,
        parts: Callable[[int, asyncio.AbstractEventLoop, Callable[[int], object]], Iterator[bytes]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        assert file.reading is not None
        self._reading = file.reading
        self._zone = file.reading.zone
        self._parts = partial(parts, file.id, loop, self._see)
        self._rows: Iterator[tuple[int, list[Cell]]] | None = None
        self._total = file.size
        self._passed = 0
        self._done = file.rows

    def next(self) -> Batch | None:
        """The next ones; `None` after the last."""
        if self._rows is None:
            numbered = enumerate(rows_of(self._afresh), 1)
            next((row for row in numbered if row[1]), None)  # the column names
            self._rows = islice(numbered, self._done, None)
        some = list(islice(self._rows, _AT_ONCE))
        if not some:
            return None
        self._done += len(some)
        rows = [read(number, cells, self._reading, self._zone) for number, cells in some if cells]
        return Batch(rows, self._done, min(self._total, self._passed))

    def _afresh(self) -> Iterator[bytes]:
        """A file is gone through more than once; the last time counts."""
        self._passed = 0
        return self._parts()

    def _see(self, size: int) -> None:
        self._passed += size
